//! Which limits hold for a key: its own, and where it names none, the operator's.

use crate::{auth::KeyLimits, config::LimitConfig};
use std::time::Duration;

/// So much within any window of this width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// The most, from 1 on.
    pub(super) most: u64,
    /// The window.
    pub(super) window: Duration,
}

/// The limits of a key; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// Requests to the model within a window.
    pub(super) requests: Option<Rule>,
    /// Tokens within a window.
    pub(super) tokens: Option<Rule>,
    /// Requests to the model that are open at once.
    pub(super) streams: Option<usize>,
}

impl Rules {
    /// What holds for a key with these limits. Each limit is looked at by itself: a key that names its tokens alone has
    /// the operator's limit of requests, in the operator's window.
    pub(super) fn of(key: &KeyLimits, config: &LimitConfig) -> Self {
        let own = |most| Rule { most, window: key.window.unwrap_or(config.window) };
        let operators = |most| Rule { most, window: config.window };
        let default = config.enabled.then_some(config);
        Self {
            requests: key.requests.map(own).or(default.map(|config| operators(config.requests))),
            tokens: key.tokens.map(own).or(default.and_then(|config| config.tokens).map(operators)),
            streams: key.streams,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn config(enabled: bool, tokens: Option<u64>) -> LimitConfig {
        LimitConfig { enabled, window: 60 * S, requests: 60, tokens, streams: 1024 }
    }

    #[test]
    fn a_limit_is_the_keys_own_or_the_operators_where_they_hold() {
        let none = KeyLimits::default();
        let of = |key, enabled, tokens| Rules::of(&key, &config(enabled, tokens));
        let rule = |most, window| Some(Rule { most, window });
        assert_eq!(of(none, false, Some(9)), Rules::default());
        let all = of(none, true, Some(9));
        assert_eq!((all.requests, all.tokens, all.streams), (rule(60, 60 * S), rule(9, 60 * S), None));
        let own = KeyLimits { window: Some(S), requests: Some(2), tokens: None, streams: Some(3) };
        let off = of(own, false, Some(9));
        assert_eq!((off.requests, off.tokens, off.streams), (rule(2, S), None, Some(3)));
        let on = of(own, true, Some(9));
        assert_eq!((on.requests, on.tokens, on.streams), (rule(2, S), rule(9, 60 * S), Some(3)));
        let bare = KeyLimits { requests: Some(2), ..none };
        assert_eq!(of(bare, false, None).requests, rule(2, 60 * S), "the operator's window");
    }
}
