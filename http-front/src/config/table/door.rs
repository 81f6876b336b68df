//! The settings of the door: keys, limits, browsers.

use shared::settings::{Kind, Setting};

/// The settings of the door.
pub(in crate::config) const DOOR: &[Setting] = &[
    Setting::new(
        "PROXY_API_KEYS_FILE",
        Kind::Path,
        None,
        "TOML file with keys that `codexctl key` makes; read again when it changes and on SIGHUP. Works beside PROXY_API_KEY.",
    ),
    Setting::new(
        "PROXY_RATE_LIMIT_ENABLED",
        Kind::Bool,
        Some("false"),
        "Whether PROXY_RATE_LIMIT_MAX and PROXY_RATE_LIMIT_TOKENS hold for keys that name no such limit of their own.",
    ),
    Setting::new(
        "PROXY_RATE_LIMIT_WINDOW_MS",
        Kind::Millis,
        Some("60000"),
        "The window of the limits by key, in milliseconds, where the key names none.",
    ),
    Setting::new(
        "PROXY_RATE_LIMIT_MAX",
        Kind::Count,
        Some("60"),
        "Requests to the model that a key may make within any window.",
    ),
    Setting::new(
        "PROXY_RATE_LIMIT_TOKENS",
        Kind::Count,
        None,
        "Tokens that a key may use within any window; no limit when unset.",
    ),
    Setting::new(
        "PROXY_MAX_STREAMS",
        Kind::Count,
        Some("1024"),
        "Requests to the model that may be open at once, streams and others; past it 503 overloaded.",
    ),
    Setting::new(
        "PROXY_ENABLE_CORS",
        Kind::Bool,
        Some("true"),
        "Whether web pages of other origins may use the public listener.",
    ),
    Setting::new(
        "PROXY_CORS_ALLOWED_ORIGINS",
        Kind::Text,
        Some("*"),
        "Comma-separated origins such as `https://app.example.com`; `*` is every one, without credentials.",
    ),
];
