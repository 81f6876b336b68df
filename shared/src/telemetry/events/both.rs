//! The events of both binaries.

use super::{
    Component::{Codex, Daemon, Front},
    Event,
    Level::{Debug, Error, Info, Trace, Warn},
    Text::{Always, Sometimes},
};

/// The events.
pub(super) const EVENTS: &[Event] = &[
    Event::new("start_failed", &[Daemon, Front], &[Error])
        .needs(&["error"])
        .about("the program can't start, or codex is lost for good; the exit code follows"),
    Event::new("panic", &[Daemon, Front], &[Error])
        .needs(&["place"])
        .may(&["thread", "request_id"])
        .text(Always)
        .about("a bug: a task, thread or the program itself panicked. The message is \"Panic occurred\"; in the front `request_id` is the request that was worked for"),
    Event::new("panic", &[Codex], &[Error])
        .needs(&["pid", "place"])
        .text(Always)
        .about("codex panicked, as its stderr says; `place` is `unknown` where it doesn't say where. The message is \"Panic occurred\""),
    Event::new("log", &[Codex], &[Info, Warn, Error])
        .needs(&["pid"])
        .may(&["source", "bytes"])
        .text(Always)
        .about("a line of codex's stderr"),
    Event::new("log", &[Daemon, Front], &[Trace, Debug, Info, Warn, Error])
        .needs(&["target"])
        .may(&["fields"])
        .text(Sometimes)
        .about("a line of a library"),
    Event::new("otlp_failed", &[Daemon, Front], &[Warn])
        .needs(&["error", "spans_failed", "spans_dropped", "metric_exports_failed"])
        .text(Always)
        .about("the collector doesn't take telemetry, or not as fast as it comes: what was lost since the last such line; at most a line a minute"),
    Event::new("otlp_recovered", &[Daemon, Front], &[Info])
        .text(Always)
        .about("the collector takes telemetry again, behind `otlp_failed`"),
    Event::new("accept_failed", &[Daemon, Front], &[Warn])
        .needs(&["error"])
        .text(Always)
        .about("a connection can't be accepted (too many open files)"),
    Event::new("notify_failed", &[Daemon, Front], &[Warn])
        .needs(&["error"])
        .text(Always)
        .about("systemd can't be told how the program is, or which process serves"),
    Event::new("handover_started", &[Daemon, Front], &[Info])
        .needs(&["program"])
        .text(Always)
        .about("SIGUSR2 came: the program is started anew to take over"),
    Event::new("handover_on_its_way", &[Daemon, Front], &[Info])
        .text(Always)
        .about("it came again meanwhile, which changes nothing"),
    Event::new("handover_done", &[Daemon, Front], &[Info])
        .needs(&["pid", "version"])
        .text(Always)
        .about("the process with this id serves; this one finishes what it has"),
    Event::new("handover_failed", &[Daemon, Front], &[Error])
        .needs(&["error"])
        .text(Always)
        .about("nobody took over, and this process serves as before"),
    Event::new("younger_gone", &[Daemon, Front], &[Warn])
        .needs(&["pid"])
        .text(Always)
        .about("the process that took over is gone, and this one still finishes what it has"),
    Event::new("older_left", &[Daemon, Front], &[Warn])
        .text(Always)
        .about("an older process that this one has taken over from did not end in its time"),
];
