//! The settings of what is written down: traces of requests, usage, accesses.

use shared::settings::{Kind, Setting};

/// The settings of what is written down.
pub(in crate::config) const RECORDS: &[Setting] = &[
    Setting::new("PROXY_STATE_DIR", Kind::Path, Some(".codex-api"), "The folder of the front's own files."),
    Setting::new(
        "PROXY_TRACE_BUFFER_ENABLED",
        Kind::Bool,
        Some("false"),
        "Whether the redacted JSON-RPC frames of each request are kept for a while.",
    ),
    Setting::new(
        "PROXY_TRACE_BUFFER_DIR",
        Kind::Path,
        None,
        "Where they are kept; `trace-buffer` in PROXY_STATE_DIR when unset.",
    ),
    Setting::new(
        "PROXY_TRACE_BUFFER_MAX_FILES",
        Kind::Count,
        Some("100"),
        "The most files there, at most 10000; the oldest go first.",
    ),
    Setting::new(
        "PROXY_TRACE_BUFFER_TTL_S",
        Kind::Count,
        Some("86400"),
        "How long a file stays there, in seconds.",
    ),
    Setting::new(
        "TOKEN_LOG_PATH",
        Kind::Path,
        None,
        "File for the usage log: one JSON object a line for each request to the model. Opened again on SIGHUP.",
    ),
    Setting::new(
        "ACCESS_LOG_PATH",
        Kind::Path,
        None,
        "File for the access log: one JSON object a line for each HTTP request. Opened again on SIGHUP.",
    ),
    Setting::new(
        "PROXY_LOG_FILE_MAX_BYTES",
        Kind::Bytes,
        Some("100MiB"),
        "The largest usage or access log: at this size it is renamed to `NAME.full`, in place of the one that was there.",
    ),
];
