//! The models that are told apart.

use super::labels::{DEFAULT_MODEL, MOST_MODELS};
use shared::control::metrics::OTHER;
use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

/// The longest name that is told, in bytes.
const MAX_NAME: usize = 128;

/// The names of models that were asked so far. They are those that are served, but an upstream may serve new ones for as
/// long as the front runs.
#[derive(Debug, Default)]
pub(crate) struct Models(RwLock<BTreeSet<Arc<str>>>);

/// The name by which a model is told.
#[derive(Debug, Clone)]
pub(crate) enum Model {
    /// One of the code's own.
    Fixed(&'static str),
    /// One that is served.
    Named(Arc<str>),
}

impl Model {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Fixed(name) => name,
            Self::Named(name) => name,
        }
    }
}

impl Models {
    /// The name by which this model is told, and whether it is a new one. `None` is codex's default.
    pub(crate) fn name(&self, model: Option<&str>) -> (Model, bool) {
        let Some(model) = model else { return (Model::Fixed(DEFAULT_MODEL), false) };
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(model) {
            return (Model::Named(Arc::clone(known)), false);
        }
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MOST_MODELS || model.len() > MAX_NAME {
            return (Model::Fixed(OTHER), false);
        }
        let name: Arc<str> = model.into();
        let new = names.insert(Arc::clone(&name));
        (Model::Named(name), new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_past_the_bound_are_other() {
        let models = Models::default();
        let name = |name: &str| models.name(Some(name)).0.as_str().to_owned();
        for n in 0..MOST_MODELS {
            assert_eq!(name(&format!("m{n}")), format!("m{n}"));
        }
        assert_eq!((name("one-more"), name("m0"), name("m63")), ("other".into(), "m0".into(), "m63".into()));
        assert_eq!(models.name(None).0.as_str(), "default");
        assert_eq!(Models::default().name(Some(&"x".repeat(129))).0.as_str(), "other");
    }
}
