//! `/v1/models` and `/v1/models/{id}`.

use crate::{
    error::{ApiError, Kind},
    openai::models::{ModelCard, ModelList},
    translate::models::{Alias, Served},
};

/// Who owns the child's models, and who the aliases.
const OWNERS: (&str, &str) = ("openai", "codex-gateway");

/// Everything that is served.
///
/// # Errors
/// `worker_unavailable` before the child's list is known for the first time.
pub fn list(served: &Served, aliases: &[Alias]) -> Result<ModelList, ApiError> {
    if served.models.is_empty() {
        return Err(ApiError::new(
            Kind::WorkerUnavailable,
            "The worker's models are not known yet; try again.",
        ));
    }
    let cards = served
        .names(aliases)
        .map(|(name, alias)| ModelCard::new(name, if alias { OWNERS.1 } else { OWNERS.0 }));
    Ok(ModelList { object: "list", data: cards.collect() })
}

/// One model.
///
/// # Errors
/// `model_not_found`, or as [`list`].
pub fn one(served: &Served, aliases: &[Alias], id: &str) -> Result<ModelCard, ApiError> {
    let found = list(served, aliases)?.data.into_iter().find(|card| card.id == id);
    found.ok_or_else(|| {
        let shown: String = id.chars().take(64).collect();
        ApiError::new(
            Kind::ModelNotFound,
            format!("The model `{shown}` does not exist; GET /v1/models lists what does."),
        )
        .with_param("model")
    })
}
