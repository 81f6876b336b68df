//! What is told of requests and turns, while they run, to those who count them and those who trace them.
//!
//! The core tells each moment once, with its time; nothing here waits, does I/O, or sees a text of the client's or the
//! model's. [`Seen`] travels with a request: from its arrival through the waiting line and the wire to the turn that
//! came of it.

pub mod counts;
mod histogram;
pub mod method;
pub mod span;
mod told;

use counts::Counts;
use opentelemetry::trace::SpanContext;
use serde_json::value::RawValue;
use shared::{
    id::{ConnId, Generation, TurnId},
    rpc::Trace,
    trace::RequestName,
};
use span::{Begun, End, Event, Span, Spans};
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
    /// Its id, raw JSON.
    pub id: &'a RawValue,
    /// The thread that it names.
    pub thread: Option<&'a str>,
    /// The HTTP request that it is for, where its client has told.
    pub request: Option<&'a RequestName>,
    /// The span that it belongs below, where its client has told.
    pub parent: Option<&'a SpanContext>,
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
    /// Its span, where it is traced.
    pub span: Span,
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
#[derive(Debug, Default)]
pub struct Observe {
    /// Counts.
    pub counts: Counts,
    /// Traces.
    pub spans: Spans,
}

impl Observe {
    /// A client's request arrived and may go to codex. With it, where it has a span of its own for codex, what names that.
    pub fn arrived(&mut self, arrival: Arrival<'_>, now: Instant) -> (Seen, Option<Trace>) {
        let seen = Seen::of(arrival.method, now);
        match self.begin(&arrival, &seen, now) {
            Some((span, trace)) => (Seen { span, ..seen }, trace),
            None => (seen, None),
        }
    }

    fn begin(&mut self, arrival: &Arrival<'_>, seen: &Seen, at: Instant) -> Option<(Span, Option<Trace>)> {
        let parent = arrival.parent.filter(|_| self.spans.is_on())?;
        let (id, thread) = (arrival.id.get().parse().ok(), arrival.thread.filter(|id| is_uuid(id)));
        let (method, turn) = (seen.method, seen.is_turn());
        self.spans.begin(&Begun { parent, method, id, request: arrival.request, thread, turn, at })
    }

    /// The daemon itself asks codex.
    pub fn own(&mut self, name: &str, now: Instant) -> Seen {
        Seen::of(name, now)
    }

    /// It is written to this codex, with this id; again, where codex was too busy for it.
    pub fn written(&mut self, seen: &mut Seen, child: Generation, wire: u64, now: Instant) {
        let first = seen.written.is_none();
        seen.written = Some(now);
        seen.wire = wire;
        seen.span.event(Event::Sent { child }, now);
        if first {
            self.counts.written(seen, now);
        }
    }

    /// codex was too busy for it: it is kept and written again.
    pub fn put_aside(&mut self, seen: &Seen, now: Instant) {
        seen.span.event(Event::Busy, now);
    }

    /// It is over at codex: answered, with an error and its code, or in the daemon's word for what became of it
    /// (`TIMEOUT`, `WORKER_RESTARTED`).
    pub fn answered(&mut self, seen: &Seen, answer: Result<(), i64>, now: Instant) {
        self.counts.answered(seen, answer, now);
        match answer {
            Ok(()) if seen.is_turn() => seen.span.event(Event::Answered, now),
            Ok(()) => seen.span.end(End::Answered, now),
            Err(code) => seen.span.end_without_turn(End::Refused(code), now),
        }
    }

    /// The daemon answered it itself, well, without having written it.
    pub fn settled(&mut self, seen: &Seen, now: Instant) {
        seen.span.end(End::Answered, now);
    }

    /// It ended without having been written: refused with this code, or its client is gone or has taken it back.
    pub fn dropped(&mut self, seen: &Seen, code: Option<i64>, now: Instant) {
        seen.span.end(code.map_or(End::Abandoned, End::Refused), now);
    }

    /// A client was answered with an error, whoever's it is. That its request is taken back, as it wanted, is none.
    pub fn refused(&mut self, code: i64) {
        if code != shared::rpc::code::CANCELLED {
            self.counts.refused(code);
        }
    }

    /// The turn of this `turn/start` has its name.
    pub fn turn_began(&mut self, turn: &SeenTurn, now: Instant) {
        let name = Some(turn.turn.as_str()).filter(|id| is_uuid(id));
        turn.seen.span.event(Event::TurnBegan { turn: name }, now);
    }

    /// No turn came of this `turn/start`, although codex has not refused it.
    pub fn no_turn(&mut self, seen: &Seen, outcome: TurnOutcome, now: Instant) {
        seen.span.end_without_turn(End::Turn(outcome), now);
    }

    /// codex died with this `turn/start`, of which no turn had come yet: whether it ran, nobody knows. Told once.
    pub fn lost(&mut self, seen: &Seen, now: Instant) {
        self.counts.turn_ended(seen, TurnOutcome::Lost, now);
        seen.span.end_without_turn(End::Turn(TurnOutcome::Lost), now);
    }

    /// The model's first item of it came. Told once.
    pub fn first_item(&mut self, turn: &SeenTurn, now: Instant) {
        self.counts.first_item(&turn.seen, now);
        turn.seen.span.event(Event::FirstItem, now);
    }

    /// codex said that it starts over.
    pub fn retried(&mut self, turn: &SeenTurn, now: Instant) {
        turn.seen.span.event(Event::Retry, now);
    }

    /// codex asks for what a function of the client's gives.
    pub fn called(&mut self, turn: &SeenTurn, now: Instant) {
        turn.seen.span.event(Event::ToolCall, now);
    }

    /// codex is told to end it.
    pub fn interrupted(&mut self, turn: &SeenTurn, now: Instant) {
        turn.seen.span.event(Event::Interrupt, now);
    }

    /// It is over. Told once.
    pub fn turn_ended(&mut self, turn: &SeenTurn, outcome: TurnOutcome, now: Instant) {
        self.counts.turn_ended(&turn.seen, outcome, now);
        turn.seen.span.end(End::Turn(outcome), now);
    }
}

impl Seen {
    /// A request by this method that arrives now.
    pub fn of(name: &str, now: Instant) -> Self {
        let span = Span::default();
        Self { method: method::known(name), arrived: now, written: None, wire: 0, heard: false, span }
    }

    /// Whether a turn of the model comes of it; a compaction is none.
    pub fn is_turn(&self) -> bool {
        self.method == shared::app_server::method::TURN_START
    }
}

/// Whether this is a UUID, as codex names threads and turns: what else a client names may be any text.
fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}
