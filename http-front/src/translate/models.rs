//! Which model a name means.

use crate::error::{ApiError, Kind};
use shared::app_server::model::Model;

/// An alias: `alias=model[:effort]`; an empty model is the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name that clients use.
    pub name: String,
    /// The model that it means, if it names one.
    pub model: Option<String>,
    /// The effort that it stands for.
    pub effort: Option<String>,
}

impl Alias {
    /// Reads one entry of `PROXY_MODEL_ALIASES`.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(entry: &str) -> Result<Self, String> {
        let (name, target) = entry
            .split_once('=')
            .ok_or_else(|| format!("`{entry}` must be alias=model, alias=model:effort or alias="))?;
        let (model, effort) = match target.trim().rsplit_once(':') {
            Some((model, effort)) => (model, Some(effort.to_owned())),
            None => (target.trim(), None),
        };
        let name = name.trim().to_owned();
        if name.is_empty() || effort.as_deref() == Some("") {
            return Err(format!("`{entry}` must be alias=model, alias=model:effort or alias="));
        }
        Ok(Self { name, model: Some(model.to_owned()).filter(|m| !m.is_empty()), effort })
    }
}

/// What is served, as the child and the operator say.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// The child's list.
    pub models: Vec<Model>,
    /// The model that the child uses where none is named.
    pub default: Option<String>,
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The model by its own name.
    pub model: String,
    /// The effort that the alias stands for.
    pub effort: Option<String>,
}

impl Served {
    /// Resolves the name that a client asked for.
    ///
    /// # Errors
    /// `model_not_found` for a name that is neither in the child's list nor the operator's.
    pub fn resolve(&self, name: &str, aliases: &[Alias]) -> Result<Resolved, ApiError> {
        let alias = aliases.iter().find(|a| a.name == name);
        let (model, effort) = match alias {
            Some(alias) => (alias.model.clone().or_else(|| self.default_model()), alias.effort.clone()),
            None => (Some(name.to_owned()).filter(|n| self.has(n)), None),
        };
        let model = model.ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            ApiError::new(
                Kind::ModelNotFound,
                format!("The model `{shown}` does not exist; GET /v1/models lists what does."),
            )
            .with_param("model")
        })?;
        Ok(Resolved { model, effort })
    }

    /// Checks an effort against what the model offers. A model that is not in the child's list takes any.
    ///
    /// # Errors
    /// `unsupported_value`, with the efforts that there are.
    pub fn check_effort(&self, model: &str, effort: &str) -> Result<(), ApiError> {
        let Some(known) = self.models.iter().find(|m| m.model == model) else {
            return Ok(());
        };
        let efforts: Vec<&str> =
            known.supported_reasoning_efforts.iter().map(|e| e.reasoning_effort.as_str()).collect();
        if efforts.is_empty() || efforts.contains(&effort) {
            return Ok(());
        }
        let shown: String = effort.chars().take(32).collect();
        Err(ApiError::new(
            Kind::UnsupportedValue,
            format!("`{shown}` is no reasoning effort of `{model}`. It offers: {}.", efforts.join(", ")),
        )
        .with_param("reasoning_effort"))
    }

    /// The names that are served, the child's first.
    pub fn names<'a>(&'a self, aliases: &'a [Alias]) -> impl Iterator<Item = (&'a str, bool)> {
        let models = self.models.iter().filter(|m| !m.hidden).map(|m| (m.model.as_str(), false));
        let default = self.default.as_deref().filter(|d| !self.models.iter().any(|m| m.model == *d));
        let aliases = aliases.iter().filter(|a| !self.models.iter().any(|m| m.model == a.name));
        models.chain(default.map(|d| (d, false))).chain(aliases.map(|a| (a.name.as_str(), true)))
    }

    fn default_model(&self) -> Option<String> {
        let first = || self.models.iter().find(|m| m.is_default).map(|m| m.model.clone());
        self.default.clone().or_else(first)
    }

    fn has(&self, name: &str) -> bool {
        self.models.iter().any(|m| m.model == name && !m.hidden) || self.default.as_deref() == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served() -> Served {
        let models = serde_json::from_value(serde_json::json!([
            {"model": "m1", "isDefault": true, "supportedReasoningEfforts": [{"reasoningEffort": "low"}]},
            {"model": "m2", "hidden": true},
        ]));
        Served { models: models.unwrap(), default: Some("own".into()) }
    }

    #[test]
    fn aliases_defaults_and_the_unknown() {
        let aliases: Vec<Alias> =
            ["codex-5=", "fast=m1:low", "hid=m2"].iter().map(|a| Alias::parse(a).unwrap()).collect();
        let served = served();
        let resolve = |name| {
            served.resolve(name, &aliases).map(|r| (r.model, r.effort)).map_err(|e| e.status().as_u16())
        };
        assert_eq!(resolve("codex-5"), Ok(("own".into(), None)));
        assert_eq!(resolve("fast"), Ok(("m1".into(), Some("low".into()))));
        assert_eq!(resolve("hid"), Ok(("m2".into(), None)));
        assert_eq!(resolve("own"), Ok(("own".into(), None)));
        assert_eq!(resolve("m2"), Err(404), "hidden models are served by alias alone");
        assert_eq!(resolve("nope"), Err(404));
        let names: Vec<&str> = served.names(&aliases).map(|(n, _)| n).collect();
        assert_eq!(names, ["m1", "own", "codex-5", "fast", "hid"]);
        for wrong in ["x", "=m", "a=m:"] {
            assert!(Alias::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn efforts_are_those_of_the_model() {
        assert!(served().check_effort("m1", "low").is_ok());
        let error = served().check_effort("m1", "huge").unwrap_err();
        assert!(error.to_string().contains("low"), "{error}");
        assert!(served().check_effort("own", "anything").is_ok());
    }
}
