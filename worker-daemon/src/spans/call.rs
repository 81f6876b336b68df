//! The span of a request that is no turn: made when it is over, and only where somebody would look for it.
//!
//! What opens a thread or hands it its history is over in a few milliseconds and says nothing then that the spans of its
//! request don't. One that failed, that codex was too busy for, that nobody answered, or that took [`LONG`] is told.

use super::running::{About, Running};
use crate::mux::observe::span::{End, Event, Open};
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::trace::SdkTracer;
use shared::trace::RequestName;
use std::time::{Duration, Instant, SystemTime};

/// How long a request takes that is worth a span.
pub(super) const LONG: Duration = Duration::from_millis(100);
/// The most events that are kept of one: the first ones, and the last.
const EVENTS: usize = 32;

/// A request that is no turn.
pub(super) struct Call {
    tracer: SdkTracer,
    /// `None` once it was told, or wasn't worth it.
    kept: Option<Kept>,
    events: Vec<(Event<'static>, Instant)>,
}

/// What its span is made of.
struct Kept {
    parent: SpanContext,
    method: &'static str,
    id: Option<u64>,
    request: Option<RequestName>,
    thread: Option<String>,
    arrived: (Instant, SystemTime),
}

impl Call {
    /// This one, below this span.
    pub(super) fn new(tracer: SdkTracer, parent: SpanContext, about: &About<'_>) -> Self {
        let About { method, id, request, thread, arrived } = *about;
        let (request, thread) = (request.cloned(), thread.map(str::to_owned));
        Self { tracer, kept: Some(Kept { parent, method, id, request, thread, arrived }), events: Vec::new() }
    }

    fn was_busy(&self) -> bool {
        self.events.iter().any(|(event, _)| *event == Event::Busy)
    }

    /// Its span, with what has happened so far; once.
    fn told(&mut self) -> Option<Box<Running>> {
        let Kept { parent, method, id, request, thread, arrived } = self.kept.take()?;
        let about = About { method, id, request: request.as_ref(), thread: thread.as_deref(), arrived };
        let mut running = Running::begin(&self.tracer, parent, &about)?;
        for (event, at) in self.events.drain(..) {
            running.event(event, at);
        }
        Some(Box::new(running))
    }
}

impl Open for Call {
    fn event(&mut self, event: Event<'_>, at: Instant) {
        let event = match event {
            Event::Sent { child } => Event::Sent { child },
            Event::Busy => Event::Busy,
            // Of a turn alone.
            Event::Answered
            | Event::TurnBegan { .. }
            | Event::FirstItem
            | Event::Retry
            | Event::ToolCall
            | Event::Interrupt => return,
        };
        // The last one has the child that it was written to at last.
        if self.events.len() == EVENTS {
            self.events.pop();
        }
        self.events.push((event, at));
    }

    fn end(mut self: Box<Self>, end: End, at: Instant) {
        let took = |kept: &Kept| at.saturating_duration_since(kept.arrived.0);
        let long = self.kept.as_ref().is_some_and(|kept| took(kept) >= LONG);
        if long || end != End::Answered || self.was_busy() {
            if let Some(running) = self.told() {
                running.end(end, at);
            }
        } else {
            self.kept = None;
        }
    }
}

impl Drop for Call {
    /// Nobody said its end: it ends now.
    fn drop(&mut self) {
        drop(self.told());
    }
}
