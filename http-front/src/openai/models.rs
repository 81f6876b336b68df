//! The model objects of `/v1/models`.
//!
//! OpenAI's own have four members. What else clients look for has many names, and none is OpenAI's: [`ModelInfo`] has
//! those under which the most of them find it. What is not known is left out, never `null` or a guess.

use serde::Serialize;

/// One model.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct ModelCard {
    /// The name that requests use.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// Unix seconds. The child doesn't know when a model was made, so it is the same for all.
    pub created: u64,
    /// Who serves it.
    pub owned_by: &'static str,
    /// What it can do (`CODEX__ENABLE_DYNAMIC_MODEL_INFO`).
    #[serde(flatten)]
    pub info: Option<ModelInfo>,
}

/// What a model can do. Sizes are tokens.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct ModelInfo {
    /// Its name for people; the name that requests use where it has no other.
    pub name: String,
    /// What it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What a conversation may have, as Groq calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// The same, as OpenRouter calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// The same, as vLLM calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_model_len: Option<u64>,
    /// What an answer may have.
    pub max_output_tokens: u64,
    /// The same, as Groq calls it.
    pub max_completion_tokens: u64,
    /// Both, where clients of OpenRouter look for them.
    pub top_provider: TopProvider,
    /// What goes in and comes out, in the form of OpenRouter.
    pub architecture: Architecture,
    /// The parameters of a chat completion that have an effect, in the words of OpenRouter.
    pub supported_parameters: Vec<&'static str>,
    /// The values of `reasoning_effort`, the least first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_reasoning_efforts: Vec<String>,
    /// What only this gateway has to say.
    pub codex: CodexInfo,
}

/// Limits of a model, where clients of OpenRouter look for them.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct TopProvider {
    /// What a conversation may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// What an answer may have.
    pub max_completion_tokens: u64,
}

/// What goes in and comes out.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Architecture {
    /// What a message may hold: `text`, `image`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input_modalities: Vec<String>,
    /// What an answer holds: always `text`.
    pub output_modalities: [&'static str; 1],
}

/// What only this gateway has to say of a model.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct CodexInfo {
    /// The model that the name means, by its own name.
    pub model: String,
    /// The effort that the name stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// Tokens up to which codex lets a conversation be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_context_window: Option<u64>,
    /// Whether a verbosity can be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports_verbosity: Option<bool>,
    /// The service tiers besides the ordinary one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tiers: Option<Vec<String>>,
}

/// The list of models.
#[derive(Debug, Serialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// The models.
    pub data: Vec<ModelCard>,
}

impl ModelCard {
    /// A model of the child, or an alias for one.
    pub fn new(id: impl Into<String>, owned_by: &'static str, info: Option<ModelInfo>) -> Self {
        // 2025-01-01, a date before any model that codex serves: clients sort by it and need a number.
        Self { id: id.into(), object: "model", created: 1_735_689_600, owned_by, info }
    }
}
