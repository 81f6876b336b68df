//! The model objects of `/v1/models`.

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
    pub fn new(id: impl Into<String>, owned_by: &'static str) -> Self {
        // 2025-01-01, a date before any model that codex serves: clients sort by it and need a number.
        Self { id: id.into(), object: "model", created: 1_735_689_600, owned_by }
    }
}
