//! What is told of requests and turns, while they run, to those who count them and those who trace them.
//!
//! The core tells each moment once, with its time; nothing here waits, does I/O, or sees a text of the client's or the
//! model's. [`Seen`] travels with a request: from its arrival through the waiting line and the wire to the turn that
//! came of it.

pub mod counts;
mod histogram;
pub mod method;
mod told;

use counts::Counts;
use serde_json::value::RawValue;
use shared::{
    id::{ConnId, TurnId},
    trace::RequestName,
};
use std::time::Instant;

pub use histogram::Histogram;
pub use shared::control::metrics::TurnOutcome;

/// A request that came from a client, for codex.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The connection.
    pub conn: ConnId,
    /// Its method, as the client wrote it.
    pub method: &'a str,
    /// The HTTP request that it is for, where its client has told.
    pub request: Option<&'a RequestName>,
    /// The trace that it belongs to, raw JSON of the form of [`shared::rpc::Trace`], where its client has told.
    pub trace: Option<&'a RawValue>,
}

/// One request to codex, as it is observed. It travels with the request, and then with the turn that came of it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its method, by [`method::known`].
    pub method: &'static str,
    /// When it arrived; of the daemon's own, when it was made.
    pub arrived: Instant,
    /// When it was written to codex last.
    pub written: Option<Instant>,
    /// The id that it had on the wire then.
    pub wire: u64,
    /// Whether the model's first item of its turn came.
    pub heard: bool,
}

/// A turn that runs, with the `turn/start` that it came of.
#[derive(Debug, Clone)]
pub struct SeenTurn {
    /// Its id.
    pub turn: TurnId,
    /// Its request.
    pub seen: Seen,
}

/// Those who are told.
#[derive(Debug, Clone, Default)]
pub struct Observe {
    /// Counts.
    pub counts: Counts,
}

impl Observe {
    /// A client's request arrived and may go to codex.
    pub fn arrived(&mut self, arrival: Arrival<'_>, now: Instant) -> Seen {
        let Arrival { conn: _, method: name, request: _, trace: _ } = arrival;
        Seen::of(name, now)
    }

    /// The daemon itself asks codex.
    pub fn own(&mut self, name: &str, now: Instant) -> Seen {
        Seen::of(name, now)
    }

    /// It is written to codex, with this id; again, where codex was too busy for it.
    pub fn written(&mut self, seen: &mut Seen, wire: u64, now: Instant) {
        let first = seen.written.is_none();
        seen.written = Some(now);
        seen.wire = wire;
        if first {
            self.counts.written(seen, now);
        }
    }

    /// codex was too busy for it: it is kept and written again.
    pub fn put_aside(&mut self, _seen: &Seen, _now: Instant) {}

    /// It is over at codex: answered, with an error and its code, or in the daemon's word for what became of it
    /// (`TIMEOUT`, `WORKER_RESTARTED`).
    pub fn answered(&mut self, seen: &Seen, answer: Result<(), i64>, now: Instant) {
        self.counts.answered(seen, answer, now);
    }

    /// It ended without having been written: refused with this code, or its client is gone.
    pub fn dropped(&mut self, _seen: &Seen, _code: Option<i64>, _now: Instant) {}

    /// A client was answered with an error, whoever's it is.
    pub fn refused(&mut self, code: i64) {
        self.counts.refused(code);
    }

    /// The turn of this `turn/start` has its name.
    pub fn turn_began(&mut self, _turn: &SeenTurn, _now: Instant) {}

    /// The model's first item of it came. Told once.
    pub fn first_item(&mut self, turn: &SeenTurn, now: Instant) {
        self.counts.first_item(&turn.seen, now);
    }

    /// codex said that it starts over.
    pub fn retried(&mut self, _turn: &SeenTurn, _now: Instant) {}

    /// It is over. Told once.
    pub fn turn_ended(&mut self, turn: &SeenTurn, outcome: TurnOutcome, now: Instant) {
        self.counts.turn_ended(&turn.seen, outcome, now);
    }
}

impl Seen {
    /// A request by this method that arrives now.
    pub fn of(name: &str, now: Instant) -> Self {
        Self { method: method::known(name), arrived: now, written: None, wire: 0, heard: false }
    }

    /// Whether a turn of the model comes of it; a compaction is none.
    pub fn is_turn(&self) -> bool {
        self.method == shared::app_server::method::TURN_START
    }
}
