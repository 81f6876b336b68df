//! The one way to read variables: the same names as the programs have, and an empty one is unset.

use std::{ffi::OsString, path::PathBuf};

/// Where the front's internal listener is.
pub const INTERNAL: &str = "PROXY_INTERNAL_ADDR";
/// The key that opens it.
pub const KEY: &str = "PROXY_API_KEY";
/// The file with the front's keys.
pub const KEYS_FILE: &str = "PROXY_API_KEYS_FILE";
/// The folder of the front's traces.
pub const TRACES: &str = "PROXY_TRACE_BUFFER_DIR";
/// The daemon's socket.
pub const SOCKET: &str = "WORKER_SOCKET";
/// The daemon's state folder.
pub const CODEX_HOME: &str = "CODEX_HOME";
/// The folder of the front's own files.
pub const STATE: &str = "PROXY_STATE_DIR";

/// A variable's text; `None` for one that is unset, blank, or no UTF-8.
pub fn variable(name: &str) -> Option<String> {
    read(name)?.into_string().ok()
}

/// A variable that names a file or a folder; `None` for one that is unset or blank.
pub fn path(name: &str) -> Option<PathBuf> {
    read(name).map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.to_string_lossy().trim().is_empty())
}
