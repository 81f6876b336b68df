//! `/v1/models` and `/v1/models/{id}`.

use crate::{
    config::Config,
    error::{ApiError, Kind},
    openai::models::{ModelCard, ModelList},
    translate::models::{CardSettings, Served, card},
};

/// Everything that is listed.
///
/// # Errors
/// `worker_unavailable` before the child's list is known for the first time.
pub fn list(served: &Served, config: &Config) -> Result<ModelList, ApiError> {
    known(served)?;
    let names = served.names(&config.aliases).into_iter();
    // An alias of the default model means nothing while there is no default model.
    let data = names.filter_map(|name| card(served, &config.aliases, name, settings(config)).ok()).collect();
    Ok(ModelList { object: "list", data })
}

/// One model, listed or with an effort behind its name.
///
/// # Errors
/// `model_not_found`, or as [`list`].
pub fn one(served: &Served, config: &Config, id: &str) -> Result<ModelCard, ApiError> {
    known(served)?;
    card(served, &config.aliases, id, settings(config))
}

fn known(served: &Served) -> Result<(), ApiError> {
    if served.models.is_empty() {
        let message = "The worker's models are not known yet; try again.";
        return Err(ApiError::new(Kind::WorkerUnavailable, message));
    }
    Ok(())
}

fn settings(config: &Config) -> CardSettings {
    CardSettings { info: config.model_info, max_output: config.max_output_tokens }
}
