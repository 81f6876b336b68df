//! `daemon/models`: what codex's own catalog says of the models that are served.
//!
//! The child gets a shaped catalog, with windows beyond any model's, so what `model/list` tells of limits is not true,
//! and half of what a model card needs isn't told at all. The daemon has the catalog as codex printed it.

use serde::{Deserialize, Serialize};

/// The answer to `daemon/models`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Models {
    /// The models: those of the catalog in its order, hidden ones too, then those that only the operator names.
    pub models: Vec<ModelInfo>,
}

/// One model. What is `None` or empty is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelInfo {
    /// The name that requests use.
    pub model: String,
    /// Whether codex's catalog has it. Where it has not, the operator named the model (`CODEX_MODEL`,
    /// `PROXY_MODEL_ALIASES`), and nothing else is known of it.
    pub catalogued: bool,
    /// Whether the catalog hides it.
    pub hidden: bool,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is good for, in a sentence.
    pub description: Option<String>,
    /// Tokens of input with which codex itself uses the model.
    pub context_window: Option<u64>,
    /// Tokens of input up to which codex lets its window be set.
    pub max_context_window: Option<u64>,
    /// The part of the window that codex fills before it compacts, in percent.
    pub effective_context_window_percent: Option<u64>,
    /// The most tokens of an answer. The catalog of codex 0.169.0 doesn't tell it.
    pub max_output_tokens: Option<u64>,
    /// What a message may hold: `text`, `image`, ….
    pub input_modalities: Vec<String>,
    /// The efforts that it knows, the least first.
    pub efforts: Vec<String>,
    /// The effort with which codex itself uses it.
    pub default_effort: Option<String>,
    /// Whether a verbosity can be asked for.
    pub supports_verbosity: Option<bool>,
    /// The ids of the service tiers that can be asked for, besides the ordinary one; `None`: not known.
    pub service_tiers: Option<Vec<String>>,
}
