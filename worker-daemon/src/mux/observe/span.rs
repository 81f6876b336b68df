//! The span of a request: what is told to whoever keeps spans, which is behind a port.
//!
//! A request carries its [`Span`] along, and clones of it are the same one: it ends once, by the first that ends it, and
//! what is told later goes nowhere. Where none says its end, the last clone that goes ends it; so no span is left open,
//! whatever becomes of its request. Where nothing is traced there is nothing but an empty option.

use super::TurnOutcome;
use opentelemetry::trace::SpanContext;
use shared::{id::Generation, rpc::Trace, trace::RequestName};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Makes spans.
pub trait Tracer: Send {
    /// Begins the span of a request; `None` where there will be none, because its trace isn't kept.
    fn begin(&mut self, begun: &Begun<'_>) -> Option<Opened>;
}

/// A request whose span begins.
#[derive(Debug, Clone, Copy)]
pub struct Begun<'a> {
    /// What the client named as its parent.
    pub parent: &'a SpanContext,
    /// The method, of the closed list.
    pub method: &'static str,
    /// The client's id, where it is a number.
    pub id: Option<u64>,
    /// The HTTP request that it is for.
    pub request: Option<&'a RequestName>,
    /// The thread that it names, where that is a UUID.
    pub thread: Option<&'a str>,
    /// Whether a turn of the model comes of it.
    pub turn: bool,
    /// Now.
    pub at: Instant,
}

/// A span that is open. Dropping it ends it, too.
pub trait Open: Send {
    /// Something happened.
    fn event(&mut self, event: Event<'_>, at: Instant);
    /// It ends.
    fn end(self: Box<Self>, end: End, at: Instant);
}

/// A begun span.
pub struct Opened {
    /// The span.
    pub span: Box<dyn Open>,
    /// What names it, where codex is to be told that in the place of its parent.
    pub trace: Option<Trace>,
}

/// What happens to a request. Closed: no text of a client or the model is among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// It was written to codex.
    Sent {
        /// The child.
        child: Generation,
    },
    /// codex was too busy for it; it is written again.
    Busy,
    /// codex answered it. Told where that is not its end.
    Answered,
    /// Its turn has a name.
    TurnBegan {
        /// codex's name of the turn, where it is a UUID.
        turn: Option<&'a str>,
    },
    /// The model's first item came.
    FirstItem,
    /// codex starts over.
    Retry,
    /// codex asks the client for what its function gives.
    ToolCall,
    /// codex is told to end the turn.
    Interrupt,
}

/// How a span ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was answered.
    Answered,
    /// It was answered with an error of this code.
    Refused(i64),
    /// Its client is gone, or has taken it back, before it was written to codex.
    Abandoned,
    /// Its turn ended.
    Turn(TurnOutcome),
}

/// The span of a request, or none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Span(Option<Arc<Mutex<State>>>);

struct State {
    /// `None` once it ended.
    open: Option<Box<dyn Open>>,
    /// Whether a turn came of it, whose end is its own.
    turn: bool,
}

impl Span {
    /// A span that has begun.
    pub(super) fn new(open: Box<dyn Open>) -> Self {
        Self(Some(Arc::new(Mutex::new(State { open: Some(open), turn: false }))))
    }

    /// Something happened to its request.
    pub(super) fn event(&self, event: Event<'_>, at: Instant) {
        self.with(|state| {
            state.turn |= matches!(event, Event::TurnBegan { .. });
            if let Some(open) = &mut state.open {
                open.event(event, at);
            }
        });
    }

    /// It ends, unless it has.
    pub(super) fn end(&self, end: End, at: Instant) {
        self.with(|state| {
            if let Some(open) = state.open.take() {
                open.end(end, at);
            }
        });
    }

    /// It ends, unless a turn has come of it.
    pub(super) fn end_without_turn(&self, end: End, at: Instant) {
        self.with(|state| {
            if let Some(open) = state.open.take_if(|_| !state.turn) {
                open.end(end, at);
            }
        });
    }

    fn with(&self, f: impl FnOnce(&mut State)) {
        if let Some(state) = &self.0 {
            // Nothing is left half done in it.
            f(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Span(traced)" } else { "Span(none)" })
    }
}

/// The tracer, or none.
#[derive(Default)]
pub struct Spans(Option<Box<dyn Tracer>>);

impl Spans {
    /// Spans go here.
    pub fn new(tracer: Box<dyn Tracer>) -> Self {
        Self(Some(tracer))
    }

    /// Whether spans go anywhere.
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins a span; with it what codex is told in the place of its parent.
    pub(super) fn begin(&mut self, begun: &Begun<'_>) -> Option<(Span, Option<Trace>)> {
        let Opened { span, trace } = self.0.as_mut()?.begin(begun)?;
        Some((Span::new(span), trace))
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Spans(on)" } else { "Spans(off)" })
    }
}
