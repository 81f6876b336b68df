//! Which model a name means, and what is known of the models. Pure.
//!
//! Owns the names that are served: those of the child's list, the default model, the operator's aliases, and each of
//! these with one of the model's efforts behind it (`gpt-5.5-low`). It promises that nothing else is served: a name is
//! never taken for another one that is like it. It never changes a name that a client has sent; answers repeat it.

mod alias;
mod card;
mod permit;
#[cfg(test)]
mod tests;

use crate::error::{ApiError, Kind};
pub use alias::Alias;
pub use card::{CardSettings, card};
use shared::{app_server::model::Model, control::ModelInfo};

/// The longest effort that a name may end with, in bytes; codex's are up to seven.
const MAX_EFFORT: usize = 64;

/// What is served, as the child, its catalog and the operator say.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// The child's list.
    pub models: Vec<Model>,
    /// The model that the child uses where none is named.
    pub default: Option<String>,
    /// What the daemon tells of the models (`daemon/models`); empty with a daemon that doesn't.
    pub infos: Vec<ModelInfo>,
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The model by its own name.
    pub model: String,
    /// The effort that the name stands for.
    pub effort: Option<String>,
}

/// The error for a name that means nothing.
pub fn unknown(name: &str) -> ApiError {
    let shown: String = name.chars().take(64).collect();
    let message = format!("The model `{shown}` does not exist; GET /v1/models lists what does.");
    ApiError::new(Kind::ModelNotFound, message).with_param("model")
}

impl Served {
    /// What several serve together: each model once, as the first one that has it tells it.
    pub fn of_all(all: &[&Self]) -> Self {
        let mut whole = Self::default();
        for served in all {
            for model in &served.models {
                if !whole.models.iter().any(|known| known.model == model.model) {
                    whole.models.push(model.clone());
                }
            }
            for info in &served.infos {
                if !whole.infos.iter().any(|known| known.model == info.model) {
                    whole.infos.push(info.clone());
                }
            }
            whole.default = whole.default.or_else(|| served.default.clone());
        }
        whole
    }

    /// Resolves the name that a client asked for: a model or an alias of that very name, else one of these and an
    /// effort of its model, with a hyphen between.
    ///
    /// # Errors
    /// `model_not_found` for any other name.
    pub fn resolve(&self, name: &str, aliases: &[Alias]) -> Result<Resolved, ApiError> {
        let resolved = self.resolve_base(name, aliases);
        resolved.map(|(_, resolved)| resolved).ok_or_else(|| unknown(name))
    }

    /// What a name means, and the name without an effort behind it.
    fn resolve_base<'a>(&self, name: &'a str, aliases: &[Alias]) -> Option<(&'a str, Resolved)> {
        let exact = self.exact(name, aliases).map(|resolved| (name, resolved));
        exact.or_else(|| self.with_effort(name, aliases))
    }

    fn exact(&self, name: &str, aliases: &[Alias]) -> Option<Resolved> {
        let (model, effort) = match aliases.iter().find(|a| a.name == name) {
            Some(alias) => (alias.model.clone().or_else(|| self.default_model()), alias.effort.clone()),
            None => (Some(name.to_owned()).filter(|n| self.has(n)), None),
        };
        Some(Resolved { model: model?, effort })
    }

    /// The longest name that something is left of: models have hyphens themselves.
    fn with_effort<'a>(&self, name: &'a str, aliases: &[Alias]) -> Option<(&'a str, Resolved)> {
        let ends = name.rmatch_indices('-').take_while(|(at, _)| name.len() - at <= MAX_EFFORT);
        ends.map(|(at, _)| (&name[..at], &name[at + 1..])).find_map(|(base, effort)| {
            let Resolved { model, .. } = self.exact(base, aliases)?;
            self.efforts(&model)
                .contains(&effort)
                .then(|| (base, Resolved { model, effort: Some(effort.to_owned()) }))
        })
    }

    /// Checks an effort that a request names against what the model offers. A model that nothing is known of takes any.
    ///
    /// # Errors
    /// `unsupported_value`, with the efforts that there are.
    pub fn check_effort(&self, model: &str, effort: &str) -> Result<(), ApiError> {
        if self.offers(model, effort) {
            return Ok(());
        }
        let shown: String = effort.chars().take(32).collect();
        let efforts = self.efforts(model).join(", ");
        Err(ApiError::new(
            Kind::UnsupportedValue,
            format!("`{shown}` is no reasoning effort of `{model}`. It offers: {efforts}."),
        )
        .with_param("reasoning_effort"))
    }

    /// Checks the effort that a name stands for, where the request names none: it is the operator's.
    ///
    /// # Errors
    /// `unsupported_value` for a name that stands for an effort that its model doesn't offer.
    pub fn check_name(&self, name: &str, resolved: &Resolved) -> Result<(), ApiError> {
        let Resolved { model, effort } = resolved;
        let Some(effort) = effort.as_ref().filter(|effort| !self.offers(model, effort)) else {
            return Ok(());
        };
        let efforts = self.efforts(model).join(", ");
        Err(ApiError::new(
            Kind::UnsupportedValue,
            format!(
                "The alias `{name}` stands for the reasoning effort `{effort}`, and `{model}` offers none of that name. \
                 Send `reasoning_effort` with one of: {efforts}; or ask the operator to change PROXY_MODEL_ALIASES."
            ),
        )
        .with_param("model"))
    }

    /// The aliases that stand for an effort that their model doesn't offer.
    pub fn misfits<'a>(&self, aliases: &'a [Alias]) -> impl Iterator<Item = &'a Alias> {
        let misfit =
            |name: &str| self.exact(name, aliases).is_some_and(|r| self.check_name(name, &r).is_err());
        aliases.iter().filter(move |alias| misfit(&alias.name))
    }

    fn offers(&self, model: &str, effort: &str) -> bool {
        // The child lists a model that only the operator names with the efforts of another one.
        if self.infos.iter().any(|info| info.model == model && !info.catalogued) {
            return true;
        }
        let efforts = self.efforts(model);
        efforts.is_empty() || efforts.contains(&effort)
    }

    /// The efforts of a model by its own name, the least first; none where they aren't known.
    pub fn efforts(&self, model: &str) -> Vec<&str> {
        let known = self.info(model).map(|info| info.efforts.iter().map(String::as_str).collect::<Vec<_>>());
        known.filter(|efforts| !efforts.is_empty()).unwrap_or_else(|| {
            let listed = self.models.iter().find(|m| m.model == model);
            let efforts = listed.into_iter().flat_map(|m| &m.supported_reasoning_efforts);
            efforts.map(|effort| effort.reasoning_effort.as_str()).collect()
        })
    }

    /// Whether a model by its own name can be asked for a verbosity; `None` where it isn't known.
    pub fn supports_verbosity(&self, model: &str) -> Option<bool> {
        self.info(model)?.supports_verbosity
    }

    /// The service tiers that a model by its own name offers besides the ordinary one; `None` where they aren't known.
    pub fn service_tiers(&self, model: &str) -> Option<&[String]> {
        self.info(model)?.service_tiers.as_deref()
    }

    /// What codex's catalog says of a model by its own name.
    pub fn info(&self, model: &str) -> Option<&ModelInfo> {
        self.infos.iter().find(|info| info.model == model && info.catalogued)
    }

    /// The names that are listed: the child's, the default model, the aliases; each once. Names with an effort behind
    /// them are served and not listed. Nor is an alias that stands for an effort that its model doesn't offer: it would
    /// be refused.
    pub fn names<'a>(&'a self, aliases: &'a [Alias]) -> Vec<&'a str> {
        let models = self.models.iter().filter(|m| !m.hidden).map(|m| m.model.as_str());
        let own = models.chain(self.default.as_deref());
        let misfits: Vec<&str> = self.misfits(aliases).map(|alias| alias.name.as_str()).collect();
        let mut names = Vec::new();
        for name in own.chain(aliases.iter().map(|a| a.name.as_str())) {
            if !names.contains(&name) && !misfits.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn default_model(&self) -> Option<String> {
        let first = || self.models.iter().find(|m| m.is_default).map(|m| m.model.clone());
        self.default.clone().or_else(first)
    }

    /// Whether a model of this very name is served.
    pub fn has(&self, name: &str) -> bool {
        self.models.iter().any(|m| m.model == name && !m.hidden) || self.default.as_deref() == Some(name)
    }
}
