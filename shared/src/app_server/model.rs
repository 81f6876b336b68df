//! `model/list`.

use serde::{Deserialize, Serialize};

/// Parameters of `model/list`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelListParams {
    /// Where the last page ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether models that the catalog hides are listed too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_hidden: Option<bool>,
}

/// One page of models.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelListResult {
    /// The models of this page.
    pub data: Vec<Model>,
    /// Where the next page begins, if there is one.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// One model of the catalog, as far as we read it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// The name that requests use.
    pub model: String,
    /// Whether the catalog hides it.
    #[serde(default)]
    pub hidden: bool,
    /// Whether it is the catalog's own default.
    #[serde(default)]
    pub is_default: bool,
    /// The efforts that it knows.
    #[serde(default)]
    pub supported_reasoning_efforts: Vec<EffortOption>,
}

/// One effort of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffortOption {
    /// Its name: `low`, `medium`, ….
    pub reasoning_effort: String,
}
