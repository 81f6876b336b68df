//! What this build is, and which codex it was built against.

/// Version of the workspace, as every binary prints it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The codex version whose behaviour the tests pin down. An older binary is refused; a newer one is accepted
/// and logged, because operators upgrade codex more often than this gateway.
pub const CODEX_VERSION: &str = "0.169.0";
