//! The methods that codex is asked by, as far as they are told apart.

use shared::app_server::method as m;

/// Any other: an operator may open more of codex's methods (`WORKER_ALLOW_METHODS`).
pub const OTHER: &str = "other";

/// Those that clients may call by default, and the daemon's own.
pub const KNOWN: &[&str] = &[
    m::THREAD_START,
    m::THREAD_INJECT_ITEMS,
    m::TURN_START,
    m::TURN_INTERRUPT,
    m::THREAD_UNSUBSCRIBE,
    m::DIAGNOSTICS,
    m::THREAD_FORK,
    m::THREAD_RESUME,
    "thread/read",
    "thread/delete",
    "thread/turns/list",
    "thread/items/list",
    m::THREAD_COMPACT_START,
    "turn/steer",
    m::MODEL_LIST,
    "account/read",
    "account/rateLimits/read",
];

/// The name by which a method is told.
pub fn known(name: &str) -> &'static str {
    KNOWN.iter().copied().find(|known| *known == name).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SERVING_SET;

    #[test]
    fn what_clients_may_call_is_told_apart() {
        for name in SERVING_SET.split(',').chain([m::DIAGNOSTICS]) {
            assert_eq!(known(name), name);
        }
        assert_eq!(KNOWN.len(), SERVING_SET.split(',').count() + 1, "and nothing else");
        assert_eq!(known("thread/start "), OTHER);
    }
}
