//! `daemon/metrics`: what was counted, with what the system says of the processes. That is measured outside, once for all
//! who ask meanwhile, and may be missing. What the process knows of itself never is, least of all a counter: one that fell to 0 would look like a restart to whoever reads
//! it, and its next value like so many new events.

use super::Core;
use crate::mux::action::Action;
use bytes::Bytes;
use shared::{
    build_info,
    control::metrics::{Process, Spans, Told},
    id::ConnId,
};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// How long whoever asks waits for what the system says; without it the rest is told.
const WAIT: Duration = Duration::from_millis(500);

/// What the process counts beside the core, and knows of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counted {
    /// When the daemon was started, in seconds since 1970.
    pub started_at: Option<f64>,
    /// Panics in the daemon.
    pub daemon_panics: u64,
    /// Panics that codex has told of.
    pub codex_panics: u64,
    /// Lines of the daemon's log that are missing on stdout.
    pub log_lines_dropped: u64,
    /// What became of the daemon's spans.
    pub spans: Spans,
}

/// Reads what the process counts. It must neither wait nor ask the system.
pub struct Counters(Box<dyn Fn() -> Counted + Send>);

impl Counters {
    /// Counters that are read so.
    pub fn new(read: impl Fn() -> Counted + Send + 'static) -> Self {
        Self(Box::new(read))
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new(Counted::default)
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counters").field(&(self.0)()).finish()
    }
}

/// What was measured; what the process knows itself isn't taken from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// The daemon.
    pub daemon: Process,
    /// The codex that serves.
    pub codex: Process,
}

/// A request that waits for it.
#[derive(Debug)]
struct Waiting {
    conn: ConnId,
    id: Bytes,
    deadline: Instant,
}

/// Who asks, and what they can't know here.
#[derive(Debug, Default)]
pub(super) struct Asking {
    waiting: Vec<Waiting>,
    /// Whether a measurement is out.
    measuring: bool,
    /// Clients that were cut off.
    pub(super) cut: u64,
    counters: Counters,
}

impl Asking {
    /// Whether nobody waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A client is gone.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.waiting.retain(|waiting| waiting.conn != conn);
    }
}

impl Core {
    /// Reads what the process counts from these.
    pub fn count_with(&mut self, counters: Counters) {
        self.asking.counters = counters;
    }

    /// A client was cut off because it read too slowly.
    pub fn on_cut(&mut self) {
        self.asking.cut += 1;
    }

    /// `daemon/metrics`.
    pub(super) fn on_metrics(&mut self, conn: ConnId, id: Bytes, now: Instant, out: &mut Vec<Action>) {
        self.asking.waiting.push(Waiting { conn, id, deadline: now + WAIT });
        if !std::mem::replace(&mut self.asking.measuring, true) {
            out.push(Action::Measure { codex: self.status.pid });
        }
    }

    /// What [`Action::Measure`] asked for.
    pub fn on_measured(&mut self, measured: &Measured, now: Instant, out: &mut Vec<Action>) {
        self.asking.measuring = false;
        self.answer_metrics(|_| true, measured, now, out);
    }

    /// A system that doesn't tell holds up nobody for long.
    pub(super) fn expire_metrics(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.answer_metrics(|waiting| waiting.deadline <= now, &Measured::default(), now, out);
    }

    /// Nobody waits for the system any longer.
    pub(super) fn end_metrics(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.answer_metrics(|_| true, &Measured::default(), now, out);
    }

    fn answer_metrics(
        &mut self,
        picked: impl Fn(&Waiting) -> bool,
        measured: &Measured,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let (told, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.asking.waiting).into_iter().partition(picked);
        self.asking.waiting = waiting;
        if told.is_empty() {
            return;
        }
        let metrics = self.metrics(measured, now);
        for Waiting { conn, id, .. } in told {
            self.answer(conn, &id, &metrics, out);
        }
    }

    fn metrics(&self, measured: &Measured, now: Instant) -> Told {
        let status = self.status_now(now);
        let counted = (self.asking.counters.0)();
        let version = Some(build_info::VERSION.to_owned());
        let mut told = Told {
            restarts: status.restarts,
            restart_streak: status.restart_streak,
            backoff_ms: status.backoff_ms.unwrap_or_default(),
            uptime_ms: status.uptime_ms,
            load: status.load,
            turns_max: self.limits.turns,
            queue_max: self.limits.waiting_turns,
            clients_cut: self.asking.cut,
            daemon: Process {
                version,
                started_at: counted.started_at,
                panics: counted.daemon_panics,
                log_lines_dropped: counted.log_lines_dropped,
                spans: counted.spans,
                ..measured.daemon.clone()
            },
            codex: Process {
                version: status.version,
                panics: counted.codex_panics,
                ..measured.codex.clone()
            },
            ..Told::default()
        };
        self.observe.counts.tell(&mut told);
        told
    }
}
