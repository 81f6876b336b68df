//! A key as what it may do, never as what it is.

use shared::keys::Entry;
use std::{sync::Arc, time::Duration};

/// The name of a key: whose request it is, for fairness between the callers behind one front. Never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for KeyName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

/// The name of the one key that the environment holds.
pub const ENVIRONMENT: &str = "PROXY_API_KEY";

/// What a key may use; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// The window of both limits below; the operator's where unset (`PROXY_RATE_LIMIT_WINDOW_MS`).
    pub window: Option<Duration>,
    /// Requests to the model within any window.
    pub requests: Option<u64>,
    /// Tokens within any window.
    pub tokens: Option<u64>,
    /// Requests to the model that may be open at once.
    pub streams: Option<usize>,
}

/// A key, as far as it is known here: what it may do, never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: KeyName,
    /// Whether it may ask for agents (`x-codex-profile: agent`).
    pub may_agent: bool,
    /// Whether it opens `/internal/*`.
    pub operator: bool,
    /// The models and aliases that it may use; `None` is every one.
    pub models: Option<Vec<String>>,
    /// What it may use.
    pub limits: KeyLimits,
}

impl Key {
    /// The key of the environment: it may do everything but, where the operator hasn't said so, ask for agents.
    pub fn of_environment(may_agent: bool) -> Self {
        Self {
            name: ENVIRONMENT.into(),
            may_agent,
            operator: true,
            models: None,
            limits: KeyLimits::default(),
        }
    }
}

impl From<&Entry> for Key {
    fn from(entry: &Entry) -> Self {
        let limits = KeyLimits {
            window: entry.limits.window,
            requests: entry.limits.requests,
            tokens: entry.limits.tokens,
            streams: entry.limits.streams.map(|streams| usize::try_from(streams).unwrap_or(usize::MAX)),
        };
        Self {
            name: entry.name.as_str().into(),
            may_agent: entry.agent,
            operator: entry.operator,
            models: entry.models.clone(),
            limits,
        }
    }
}
