//! The variables that the command reads: the same names as the programs have.

/// Where the front's internal listener is.
pub const INTERNAL: &str = "PROXY_INTERNAL_ADDR";
/// The key that opens it.
pub const KEY: &str = "PROXY_API_KEY";

/// A variable; an empty one is unset.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}
