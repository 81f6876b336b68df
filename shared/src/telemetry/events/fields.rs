//! The fields: a name means the same wherever it stands, and has the same type.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text without control characters, up to [`crate::telemetry::line::MAX_TEXT`] characters.
    Text,
    /// A whole number from 0.
    Count,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// A time, ISO 8601, UTC.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The name of a request: `req_` and 32 hexadecimal digits.
    Request,
    /// The name that a client gave its request: up to 512 visible ASCII characters.
    ClientRequest,
    /// The id of a trace: 32 hexadecimal digits.
    Trace,
    /// A word of an error: up to 64 letters, digits, `_`, `-` and `.`.
    Code,
    /// What a library says: texts, numbers and flags by its own names.
    Object,
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What that means, with its unit.
    pub about: &'static str,
}

const fn field(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, about }
}

/// The states of codex, as health answers name them.
const STATES: &[&str] =
    &["starting", "initializing", "ready", "draining", "backoff", "stopped", "unreachable"];
/// The routes, by their patterns.
const ROUTES: &[&str] = &[
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/v1/models/{id}",
    "/readyz",
    "/livez",
    "/metrics",
    "/verify",
    "/internal/maintenance",
    "/internal/app-server",
    "none",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "other"];

use Kind::{ClientRequest, Code, Count, Flag, Number, Object, Request, Text, Time, Trace, Word};

/// Every field beside the first four and `message`.
pub const FIELDS: &[Field] = &[
    field("alias", Text, "a name of `PROXY_MODEL_ALIASES`"),
    field("attempts", Count, "times that codex was too busy for it"),
    field("backoff_ms", Count, "milliseconds until codex is started again, as they were when the wait began"),
    field(
        "bytes",
        Count,
        "bytes of what was withheld, left out or ignored; for `worker_replacing`, codex's memory",
    ),
    field(
        "call",
        Word(&["initialize", "subscribe", "status", "models", "model_infos", "toggles", "metrics", "places"]),
        "what the front asked the daemon",
    ),
    field("clean", Flag, "whether every task ended"),
    field("client_request_id", ClientRequest, "the request's `X-Client-Request-Id`"),
    field("code", Number, "the code of a JSON-RPC error"),
    field("codex", Text, "the version of codex"),
    field("conn", Count, "a connection of the daemon's socket, counted from its start"),
    field("drained", Flag, "whether everything finished in time"),
    field("dropped", Count, "lines or traces that are missing"),
    field("duration_ms", Count, "milliseconds that it took"),
    field("effort", Text, "a reasoning effort"),
    field("enabled", Flag, "whether it is on"),
    field("error", Text, "what the system or a file says"),
    field("error_code", Code, "the `code` of the error that the client got"),
    field("exit_code", Number, "the exit code of a process"),
    field("expired", Count, "keys that are past their time"),
    field("fields", Object, "what a library says besides its message"),
    field("file", Text, "a file"),
    field("files", Count, "how many files"),
    field("gap_ms", Count, "milliseconds that the daemon did not run"),
    field("hard", Count, "the hard limit of open files"),
    field("internal", Text, "the address of the internal listener"),
    field("kept", Count, "keys that stay in force"),
    field("key", Text, "the name of the key that was shown, as the operator gave it; never the key"),
    field("keys", Count, "keys in force"),
    field(
        "kind",
        Word(&["command", "file_change", "mcp_tool", "web_search", "compaction", "script"]),
        "what an agent did",
    ),
    field("latency_ms", Count, "milliseconds since the request came"),
    field("limit", Count, "the bound in bytes"),
    field("log", Word(&["usage", "access", "stdout"]), "which log"),
    field("maintenance_mode", Flag, "whether maintenance holds"),
    field("max_clients", Count, "`WORKER_MAX_CLIENTS`"),
    field("method", Word(METHODS), "the HTTP method"),
    field("metric_exports_failed", Count, "exports of metrics that a collector didn't take"),
    field("mode", Text, "`CODEX__SYSTEM_PROMPT_INJECTION_MODE`, or the mode that a folder had"),
    field(
        "model",
        Text,
        "the model that answers, one of those that are served; `default` where codex's own default does",
    ),
    field("name", Text, "the name of a command or tool, without arguments"),
    field("new", Count, "a process id"),
    field("ok", Flag, "whether it went well"),
    field("old", Count, "a process id"),
    field("order", Text, "what the supervisor was told"),
    field("params", Text, "names of parameters, with commas"),
    field("path", Text, "a file or folder"),
    field("pid", Count, "a process id: of codex, where nothing else is said"),
    field("place", Text, "file, line and column in the source"),
    field("problems", Text, "what is wrong in a file"),
    field("program", Text, "the program, as it was started"),
    field("public", Text, "the address of the public listener"),
    field("reason", Text, "why"),
    field(
        "request",
        Word(&["open_thread", "start_turn", "interrupt", "unsubscribe", "probe", "other"]),
        "what kind of request to codex it was",
    ),
    field("request_id", Request, "the request, as the answer's `x-request-id` has it"),
    field("restart_count", Count, "starts of codex after the first, failed ones counted"),
    field("restart_streak", Count, "failures of codex in a row"),
    field("retry_after_s", Count, "seconds that clients are told to wait"),
    field("retryable", Flag, "whether the same request may be sent again"),
    field("route", Word(ROUTES), "the route's pattern; `none` where there is no such route"),
    field("served", Count, "connections that can be served"),
    field("signal", Count, "the signal that ended a process"),
    field("socket", Text, "the daemon's socket"),
    field("soft", Count, "the soft limit of open files"),
    field(
        "source",
        Text,
        "where it comes from: of an error whose fault it is, of a line of codex's the place in codex",
    ),
    field("spans_dropped", Count, "spans that were not sent: the queue was full"),
    field("spans_failed", Count, "spans that the collector didn't take"),
    field("status", Count, "the HTTP status that went out"),
    field("stopped", Flag, "whether it was stopped with the answer"),
    field("stream", Flag, "whether the answer is to be a stream"),
    field("target", Text, "the library, and the place in it"),
    field("thread", Text, "the name of a thread"),
    field("tokens_prompt", Count, "tokens of the input"),
    field("tokens_response", Count, "tokens of the output, reasoning counted"),
    field("trace_id", Trace, "the trace that the request belongs to"),
    field(
        "ttfb_ms",
        Count,
        "milliseconds from the request to the first text, reasoning or call of the model",
    ),
    field("turns", Count, "turns that run"),
    field("uid", Count, "a user"),
    field("unlogged", Count, "lines of this kind that were left out before this one"),
    field("until", Time, "when it ends by itself"),
    field("version", Text, "the version of the program"),
    field("waiting", Count, "bytes that wait for a client"),
    field("wanted", Count, "`PROXY_MAX_CONNECTIONS`"),
    field("why", Text, "why"),
    field(
        "worker",
        Text,
        "the daemon, as `WORKER_SOCKET` names it: the file of its socket without its ending",
    ),
    field(
        "worker_state",
        Word(STATES),
        "what codex is doing, as far as the daemon has said; `unreachable` where it says nothing",
    ),
];
