//! `/v1/models` and `/v1/models/{id}`.

use crate::{
    config::Config,
    error::{ApiError, Kind},
    openai::models::{ModelCard, ModelList},
    translate::models::{CardSettings, Served, card, unknown},
};

/// Everything that is listed; with a key that is held to some models, these alone.
///
/// # Errors
/// `worker_unavailable` before the child's list is known for the first time.
pub fn list(served: &Served, config: &Config, allowed: Option<&[String]>) -> Result<ModelList, ApiError> {
    known(served)?;
    let permitted =
        |name: &&str| allowed.is_none_or(|allowed| served.permits(name, &config.aliases, allowed));
    let names = served.names(&config.aliases).into_iter().filter(permitted);
    // An alias of the default model means nothing while there is no default model.
    let data = names.filter_map(|name| card(served, &config.aliases, name, settings(config)).ok()).collect();
    Ok(ModelList { object: "list", data })
}

/// One model, listed or with an effort behind its name.
///
/// # Errors
/// `model_not_found`, also for one that the key may not use; or as [`list`].
pub fn one(
    served: &Served,
    config: &Config,
    allowed: Option<&[String]>,
    id: &str,
) -> Result<ModelCard, ApiError> {
    known(served)?;
    if allowed.is_some_and(|allowed| !served.permits(id, &config.aliases, allowed)) {
        return Err(unknown(id));
    }
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
