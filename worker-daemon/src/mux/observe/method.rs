//! The methods that codex is asked by, as far as they are told apart.

use shared::control::metrics::{METHODS, OTHER};

/// The name by which a method is told: one of [`METHODS`], or [`OTHER`].
pub fn known(name: &str) -> &'static str {
    METHODS.iter().copied().find(|known| *known == name).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SERVING_SET;
    use shared::app_server::method;

    #[test]
    fn what_clients_may_call_is_told_apart() {
        for name in SERVING_SET.split(',').chain([method::DIAGNOSTICS]) {
            assert_eq!(known(name), name);
        }
        assert_eq!(METHODS.len(), SERVING_SET.split(',').count() + 1, "and nothing else");
        assert_eq!(known("thread/start "), OTHER);
    }
}
