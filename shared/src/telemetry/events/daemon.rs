//! The events of the daemon.

use super::{
    Component::Daemon,
    Event,
    Level::{self, Critical, Error, Info, Warn},
    Text::{Always, Sometimes},
};

const fn event(name: &'static str, levels: &'static [Level]) -> Event {
    Event::new(name, &[Daemon], levels)
}

/// The events.
pub(super) const EVENTS: &[Event] = &[
    event("daemon_started", &[Info])
        .needs(&["version", "codex", "socket"])
        .text(Always)
        .about("codex was found and the socket is bound, or was passed by systemd"),
    event("worker_started", &[Info])
        .needs(&["pid", "restart_count", "worker_state"])
        .about("a codex process runs"),
    event("worker_ready", &[Info])
        .needs(&["pid", "restart_count", "worker_state"])
        .may(&["codex"])
        .about("it has shaken hands"),
    event("handshake_failed", &[Error])
        .text(Always)
        .about("it has not; the message says why"),
    event("worker_exited", &[Info, Warn, Error])
        .needs(&["restart_count", "worker_state"])
        .may(&["pid", "exit_code", "signal"])
        .text(Sometimes)
        .about("it ended, with an exit code or by a signal; as an error with a message when it can't be started or waited for, as info when that was wanted"),
    event("worker_replacing", &[Info, Warn])
        .needs(&["reason"])
        .may(&["bytes"])
        .words(&[("reason", &["signal", "request", "memory", "deaf"])])
        .text(Always)
        .about("a fresh codex is started; as a warning, with `bytes`, for memory"),
    event("worker_replaced", &[Info])
        .needs(&["old", "new", "restart_count"])
        .text(Always)
        .about("new work goes to the fresh one"),
    event("worker_not_replaced", &[Error])
        .text(Always)
        .about("the fresh one did not come up, the message says why; the old one goes on"),
    event("worker_grace_over", &[Warn])
        .needs(&["pid"])
        .text(Always)
        .about("a replaced codex is ended with work in it"),
    event("worker_unresponsive", &[Error])
        .needs(&["pid"])
        .text(Always)
        .about("codex answers nothing and is killed"),
    event("worker_continued", &[Warn])
        .needs(&["pid"])
        .text(Always)
        .about("a signal had stopped codex; it was let go on"),
    event("turn_ended", &[Warn])
        .needs(&["reason"])
        .may(&["request_id", "trace_id"])
        .words(&[("reason", &["worker_turn_idle", "worker_turn_timeout", "worker_turn_lost"])])
        .text(Always)
        .about("a turn was ended in codex's place"),
    event("sent_again", &[Info])
        .needs(&["attempts"])
        .may(&["request_id", "trace_id"])
        .text(Always)
        .about("codex was too busy for a request"),
    event("paused", &[Warn])
        .needs(&["gap_ms"])
        .text(Always)
        .about("the daemon did not run for a while; deadlines are moved by that"),
    event("no_answer", &[Warn])
        .needs(&["request"])
        .may(&["request_id", "trace_id"])
        .text(Always)
        .about("codex didn't answer a request in time"),
    event("order_lost", &[Error])
        .needs(&["order"])
        .text(Always)
        .about("the supervisor doesn't keep up; a bug"),
    event("worker_backoff", &[Warn])
        .needs(&["backoff_ms", "restart_count", "restart_streak", "worker_state"])
        .about("the next start waits"),
    event("worker_degraded", &[Critical])
        .needs(&["restart_count", "restart_streak", "worker_state"])
        .text(Always)
        .about("five failures in a row"),
    event("worker_lost", &[Critical])
        .needs(&["error"])
        .text(Always)
        .about("codex is gone and can't be started again; the daemon drains and ends with exit code 5"),
    event("worker_drain", &[Info])
        .needs(&["turns"])
        .text(Always)
        .about("a signal or `daemon/drain` came, or codex is lost"),
    event("daemon_stopped", &[Info])
        .needs(&["drained", "clean"])
        .about("the end: whether everything finished in time, and whether every task ended"),
    event("maintenance_toggled", &[Info])
        .needs(&["source", "enabled", "maintenance_mode"])
        .may(&["until"])
        .words(&[("source", &["toggle", "variable"])])
        .about("an operator changed it; the message for clients isn't logged. The daemon tells of the toggle alone: with `variable` it was removed or is over, `enabled` and `maintenance_mode` are false, and what holds then is in the fronts' lines"),
    event("app_server_toggled", &[Info])
        .needs(&["source", "enabled"])
        .words(&[("source", &["toggle", "variable"])])
        .about("the same for the kill switch; with `variable`, `enabled` is true"),
    event("toggles_not_kept", &[Error])
        .needs(&["path", "error"])
        .text(Always)
        .about("`toggles.json` can't be written; toggles hold until the daemon ends. Told once"),
    event("toggles_kept", &[Info])
        .text(Always)
        .about("it can be again"),
    event("toggles_unreadable", &[Error])
        .needs(&["path", "error"])
        .text(Always)
        .about("`toggles.json` can't be read at the start: maintenance is on ([why](../decisions/0027-toggles-are-the-daemons.md))"),
    event("home_tightened", &[Warn])
        .needs(&["path", "mode"])
        .text(Always)
        .about("others could get into `CODEX_HOME`; its mode is 0700 now"),
    event("home_unsigned", &[Warn])
        .needs(&["error"])
        .text(Always)
        .about("the daemon that took over could not write its pid into `worker.lock`, which names another process"),
    event("hardened", &[Info])
        .text(Always)
        .about("`CODE_SECURE_MODE` is on"),
    event("client_refused", &[Warn])
        .needs(&["unlogged"])
        .may(&["max_clients", "uid", "pid", "error"])
        .text(Always)
        .about("with `max_clients`: more connections than `WORKER_MAX_CLIENTS`; with `uid` and `pid`: a user who may not connect; with `error`: a peer that the kernel can't name. At most ten lines in ten seconds"),
    event("client_cut", &[Warn])
        .needs(&["conn", "waiting"])
        .text(Always)
        .about("a client read too slowly, was told and is cut off"),
    event("child_line_ignored", &[Warn, Error])
        .may(&["bytes", "limit"])
        .text(Always)
        .about("codex sent a line that is no message (`bytes`), or one that is too long (`limit`)"),
    event("child_unreadable", &[Error])
        .needs(&["error"])
        .about("codex's stdout can't be read; it is ended"),
    event("catalog_stale", &[Warn])
        .needs(&["error"])
        .text(Always)
        .about("the model catalog was not refreshed; the old one stays"),
    event("signal_failed", &[Warn])
        .needs(&["pid", "error"])
        .text(Always)
        .about("codex's process group can't be signalled"),
    event("log_lines_dropped", &[Warn])
        .needs(&["log", "dropped"])
        .words(&[("log", &["stdout"])])
        .text(Always)
        .about("nobody took lines of this log in time, or stdout refused them, and so many are missing here"),
];
