//! The events of the front.

use super::{
    Component::Front,
    Event,
    Level::{self, Debug, Error, Info, Warn},
    Text::{Always, Sometimes},
};

const fn event(name: &'static str, levels: &'static [Level]) -> Event {
    Event::new(name, &[Front], levels)
}

/// What the end of a request that was answered may tell.
const ENDED: &[&str] = &[
    "client_request_id",
    "trace_id",
    "key",
    "model",
    "ttfb_ms",
    "tokens_prompt",
    "tokens_response",
    "error_code",
    "retryable",
    "source",
    "worker_state",
    "restart_count",
    "backoff_ms",
    "maintenance_mode",
];

/// Whose fault an error is.
const SOURCES: (&str, &[&str]) = ("source", &["client", "gateway", "worker", "provider"]);

/// The events.
pub(super) const EVENTS: &[Event] = &[
    event("front_started", &[Info])
        .needs(&["version", "public", "internal"])
        .about("both listeners are bound"),
    event("too_few_open_files", &[Warn])
        .needs(&["wanted", "served"])
        .text(Always)
        .about("`PROXY_MAX_CONNECTIONS` is more than the files that may be open"),
    event("open_files_unknown", &[Warn])
        .needs(&["error"])
        .text(Always)
        .about("the system doesn't say how many files may be open"),
    event("open_files_not_raised", &[Warn])
        .needs(&["error", "soft", "hard"])
        .text(Always)
        .about("the limit of open files can't be raised"),
    event("weak_api_key", &[Warn])
        .text(Always)
        .about("`PROXY_API_KEY` has less than 24 characters"),
    event("no_api_key", &[Warn])
        .text(Always)
        .about("there is no [key](../keys.md) that can pass, so the API is closed; at the start, and when it comes to that later. The message says how to open it"),
    event("no_system_prompt", &[Warn])
        .needs(&["mode"])
        .words(&[("mode", &["override", "append"])])
        .text(Always)
        .about("a system prompt is to be put into requests, and there is none"),
    event("keys_loaded", &[Info])
        .needs(&["keys", "expired"])
        .text(Always)
        .about("the keys of `PROXY_API_KEYS_FILE` are in force: at the start, when they are others, when the file can be used again, and on SIGHUP"),
    event("keys_reload_failed", &[Error])
        .needs(&["file", "kept", "problems"])
        .text(Always)
        .about("the file can't be used, and so many of its keys stay in force; once a minute while that lasts, and on SIGHUP"),
    event("keys_file_missing", &[Error])
        .needs(&["file"])
        .text(Always)
        .about("the file is gone, so its keys are refused; the same"),
    event("front_reload", &[Info])
        .text(Always)
        .about("SIGHUP came: files are read and opened again"),
    event("daemon_connected", &[Info])
        .needs(&["worker", "socket"])
        .about("the connection to the daemon is there"),
    event("daemon_lost", &[Warn])
        .needs(&["worker", "socket"])
        .about("it broke"),
    event("daemon_unreachable", &[Warn])
        .needs(&["worker", "socket", "error"])
        .about("it can't be made; told once until it was there"),
    event("daemon_replaced", &[Info])
        .needs(&["worker", "turns"])
        .about("a younger daemon serves the socket and takes the turns from now on; so many go on at the older one"),
    event("daemon_left", &[Info])
        .needs(&["worker", "turns"])
        .about("the connection to a daemon that was replaced has ended, and so many turns with it: 0 where all came to their end"),
    event("turn_moved", &[Info])
        .needs(&["worker"])
        .may(&["request_id"])
        .text(Always)
        .about("with several workers: another one turned a turn away before anything of it ran, or the upstream refused it for that one's account, and this one has it now"),
    event("daemon_silent", &[Warn])
        .needs(&["worker"])
        .text(Always)
        .about("the daemon is connected and has said nothing for 8 s, not even when asked; the front is not ready until it does"),
    event("daemon_refused", &[Warn])
        .needs(&["worker", "call", "code"])
        .text(Always)
        .about("the daemon refused a handshake, a subscription, a list of models or a toggle"),
    event("daemon_line_ignored", &[Error])
        .needs(&["worker", "limit"])
        .text(Always)
        .about("the daemon sent a line over `PROXY_MAX_LINE_BYTES`"),
    event("models_unreadable", &[Warn])
        .needs(&["worker"])
        .text(Always)
        .about("the list of models was not understood"),
    event("request_start", &[Info])
        .needs(&["request_id", "route", "method", "key"])
        .may(&["client_request_id", "trace_id", "model", "stream"])
        .about("a request was [let in](#the-lines-of-a-request)"),
    event("stream_start", &[Info])
        .needs(&["request_id", "route", "method", "key", "model", "latency_ms"])
        .may(&["client_request_id", "trace_id"])
        .about("the head of a stream goes out: the model gave a sign of life, or a keep-alive was due"),
    event("request_end", &[Info, Warn])
        .needs(&["request_id", "route", "method", "status", "latency_ms"])
        .may(ENDED)
        .words(&[SOURCES])
        .about("a request was answered; as a warning where its error is one from 500 on"),
    event("stream_end", &[Info, Warn])
        .needs(&["request_id", "route", "method", "status", "latency_ms"])
        .may(ENDED)
        .words(&[SOURCES])
        .about("a stream ended; also where it failed before its head went out"),
    event("client_disconnect", &[Info])
        .needs(&["request_id", "route", "method", "latency_ms"])
        .may(&[
            "client_request_id",
            "trace_id",
            "key",
            "model",
            "status",
            "ttfb_ms",
            "tokens_prompt",
            "tokens_response",
        ])
        .about("the client left before the end; its turn is interrupted. `status` where the head was out"),
    event("params_ignored", &[Info])
        .needs(&["request_id", "params"])
        .about("these parameters have no effect ([compatibility](../compatibility.md))"),
    event("stream_differs", &[Warn])
        .needs(&["request_id", "bytes"])
        .text(Always)
        .about("codex left something out of the middle of a stream"),
    event("turn_again", &[Info])
        .needs(&["request_id"])
        .text(Always)
        .about("the text of a `json_object` was none: the model is asked once more"),
    event("agent_command", &[Info])
        .needs(&["request_id", "kind", "name", "stopped"])
        .may(&["ok", "exit_code", "duration_ms"])
        .about("an agent did something of its own; never with arguments or output ([agents](../agent.md#what-is-told-of-its-work))"),
    event("alias_effort_unknown", &[Warn])
        .needs(&["alias", "effort"])
        .text(Always)
        .about("an alias of `PROXY_MODEL_ALIASES` stands for an effort that its model doesn't offer; told once for each name, when the models come"),
    event("agent_unavailable", &[Warn])
        .needs(&["worker", "why"])
        .text(Always)
        .about("agents may be asked for, and this daemon's settings don't allow them; told once for each connection"),
    event("instructions_added", &[Error])
        .needs(&["worker"])
        .may(&["request_id"])
        .text(Always)
        .about("codex puts an `AGENTS.md` of `CODEX_HOME` before a client's messages; the request failed, and so do all until the file is gone"),
    event("maintenance_toggled", &[Info])
        .needs(&["enabled", "source", "retry_after_s", "maintenance_mode"])
        .may(&["until"])
        .words(&[("source", &["toggle", "variable"])])
        .about("what holds in this front has changed, whoever did it; also at the start, where the settings close it. The message for clients isn't logged"),
    event("app_server_toggled", &[Info])
        .needs(&["enabled", "source", "maintenance_mode"])
        .words(&[("source", &["toggle", "variable"])])
        .about("the same for the kill switch"),
    event("toggle_not_kept", &[Warn])
        .needs(&["request_id", "route", "reason"])
        .words(&[("reason", &["daemon_away", "daemon_older", "daemon_refused", "no_answer", "disk"])])
        .text(Always)
        .about("a toggle was set here and the daemon doesn't have it on disk ([maintenance](maintenance.md#by-http))"),
    event("front_drain", &[Info]).text(Always).about("a signal came: requests that run may finish"),
    event("front_stopped", &[Info]).needs(&["drained", "clean"]).about("the end, as for the daemon"),
    event("trace_buffer_pruned", &[Info])
        .needs(&["reason", "files"])
        .words(&[("reason", &["ttl", "count", "leftover"])])
        .about("files of the [trace buffer](../traces.md#when-files-go) went; at most a line a minute for each reason, with all since the last one"),
    event("trace_buffer_failed", &[Warn])
        .needs(&["path", "error", "dropped"])
        .text(Always)
        .about("the trace buffer can't be written; at most a line a minute"),
    event("traces_dropped", &[Warn])
        .needs(&["path", "dropped"])
        .text(Always)
        .about("it can be written again, and so many traces are missing since the last `trace_buffer_failed`; at its next write a minute behind that, or at the end"),
    event("log_file_failed", &[Warn])
        .needs(&["log", "path", "error", "dropped"])
        .words(&[("log", &["usage", "access"])])
        .text(Always)
        .about("a [log](records.md) can't be written or opened again; at most a line a minute"),
    event("log_lines_dropped", &[Warn])
        .needs(&["log", "dropped"])
        .may(&["path"])
        .text(Always)
        .about("a log can be written again, and so many lines are missing since the last `log_file_failed`; at its next line a minute behind that, or at the end. With `stdout`: nobody took lines of this log in time, or stdout refused them, and so many are missing here"),
    event("log_file_full", &[Warn])
        .needs(&["log", "path", "error"])
        .words(&[("log", &["usage", "access"])])
        .text(Always)
        .about("a log has reached `PROXY_LOG_FILE_MAX_BYTES` and can't be renamed, so it grows; at most a line a minute"),
    event("connection_evicted", &[Debug]).text(Always).about("a connection was closed to make room for a new one"),
    event("connection_ended", &[Debug]).needs(&["error"]).about("a connection ended with an error"),
    event("nodelay_failed", &[Debug]).needs(&["error"]).text(Sometimes).about("a connection can't be told to send at once"),
];
