//! Which names a key that is held to some models may use. Pure.

use super::{Alias, Served};
use crate::error::{ApiError, Kind};

impl Served {
    /// Whether one of `allowed` is the name, or the name without its effort, or the model that it means. A name that
    /// means nothing is for [`Served::resolve`] to refuse, and is permitted here.
    pub fn permits(&self, name: &str, aliases: &[Alias], allowed: &[String]) -> bool {
        let listed = |name: &str| allowed.iter().any(|allowed| allowed == name);
        match self.resolve_base(name, aliases) {
            Some((base, resolved)) => listed(name) || listed(base) || listed(&resolved.model),
            None => true,
        }
    }

    /// Refuses a name that the key may not use; `None` allows every one.
    ///
    /// # Errors
    /// `model_not_allowed`.
    pub fn permit(&self, name: &str, aliases: &[Alias], allowed: Option<&[String]>) -> Result<(), ApiError> {
        if allowed.is_none_or(|allowed| self.permits(name, aliases, allowed)) {
            return Ok(());
        }
        let shown: String = name.chars().take(64).collect();
        Err(ApiError::new(
            Kind::ModelNotAllowed,
            format!("This API key may not use the model `{shown}`; GET /v1/models lists what it may."),
        )
        .with_param("model"))
    }
}
