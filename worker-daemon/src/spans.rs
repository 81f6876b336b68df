//! The daemon's spans: one for each request on the socket that names a parent, by the conventions for JSON-RPC.
//!
//! Owns the names of the attributes and events. What it is told holds no text of a client or the model, so no span does.
//! Ending a span hands it to the queue of the exporter, which runs elsewhere: nothing waits here.

use crate::mux::observe::{
    TurnOutcome,
    span::{Begun, End, Event, Open, Opened, Tracer},
};
use opentelemetry::{
    KeyValue, StringValue,
    trace::{Span, SpanBuilder, SpanKind, Status, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};
use otel::context;
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

/// Makes spans that are exported.
#[derive(Debug)]
pub struct Exported(SdkTracer);

impl Exported {
    /// Spans of this tracer.
    pub fn new(tracer: SdkTracer) -> Self {
        Self(tracer)
    }
}

/// An open span, with the moment of its begin by both clocks: what it is told later has the distance of the one that
/// nobody sets.
struct Running {
    span: SdkSpan,
    began: (Instant, SystemTime),
    arrived: Instant,
}

impl Tracer for Exported {
    fn begin(&mut self, begun: &Begun<'_>) -> Option<Opened> {
        let parent = context::parent(Some(context::from_trace(begun.parent)?));
        let now = SystemTime::now();
        let id = begun.id.map(|id| StringValue::from(Arc::<str>::from(id.to_string())));
        let attributes = [
            Some(KeyValue::new("rpc.system.name", "jsonrpc")),
            // As it was called before.
            Some(KeyValue::new("rpc.system", "jsonrpc")),
            Some(KeyValue::new("rpc.method", begun.method)),
            Some(KeyValue::new("network.transport", "unix")),
            id.clone().map(|id| KeyValue::new("jsonrpc.request.id", id)),
            id.map(|id| KeyValue::new("rpc.jsonrpc.request_id", id)),
            begun.request.map(|request| KeyValue::new("codex.request.id", request.as_str().to_owned())),
            begun.thread.map(|thread| KeyValue::new("codex.thread.id", thread.to_owned())),
        ];
        let builder = SpanBuilder::from_name(begun.method)
            .with_kind(SpanKind::Server)
            .with_start_time(now)
            .with_attributes(attributes.into_iter().flatten());
        let span = self.0.build_with_context(builder, &parent);
        // Of a trace that isn't kept the client's word goes on as it is.
        if !span.is_recording() {
            return None;
        }
        let trace = context::to_trace(span.span_context())?;
        Some(Opened { span: Box::new(Running { span, began: (begun.at, now), arrived: begun.at }), trace })
    }
}

impl Running {
    fn time(&self, at: Instant) -> SystemTime {
        let (instant, clock) = self.began;
        clock + at.saturating_duration_since(instant)
    }
}

impl Open for Running {
    fn event(&mut self, event: Event<'_>, at: Instant) {
        let time = self.time(at);
        let mut told = |name, attributes| self.span.add_event_with_timestamp(name, time, attributes);
        match event {
            Event::Sent { child } => {
                let waited = at.saturating_duration_since(self.arrived);
                let waited = i64::try_from(waited.as_micros()).unwrap_or(i64::MAX) as f64 / 1000.0;
                let child = i64::try_from(child.0).unwrap_or(i64::MAX);
                told("codex.sent", vec![KeyValue::new("codex.queue_wait_ms", waited)]);
                self.span.set_attribute(KeyValue::new("codex.child.generation", child));
            }
            Event::Busy => told("codex.busy", Vec::new()),
            Event::Answered => told("codex.answered", Vec::new()),
            Event::TurnBegan { turn } => {
                told("codex.turn_started", Vec::new());
                if let Some(turn) = turn {
                    self.span.set_attribute(KeyValue::new("codex.turn.id", turn.to_owned()));
                }
            }
            Event::FirstItem => told("codex.first_item", Vec::new()),
            Event::Retry => told("codex.retry", Vec::new()),
            Event::ToolCall => told("codex.tool_call", Vec::new()),
            Event::Interrupt => told("codex.interrupt", Vec::new()),
        }
    }

    fn end(mut self: Box<Self>, end: End, at: Instant) {
        let failed = |span: &mut SdkSpan, kind: String| {
            span.set_attribute(KeyValue::new("error.type", kind.clone()));
            span.set_status(Status::error(kind));
        };
        match end {
            End::Answered => {}
            End::Refused(error) => {
                self.span.set_attribute(KeyValue::new("rpc.jsonrpc.error_code", error));
                self.span.set_attribute(KeyValue::new("rpc.response.status_code", error.to_string()));
                failed(&mut self.span, error.to_string());
            }
            End::Abandoned => self.span.set_attribute(KeyValue::new("codex.outcome", "abandoned")),
            End::Turn(outcome) => {
                let name = outcome.as_str();
                self.span.set_attribute(KeyValue::new("codex.outcome", name));
                match outcome {
                    TurnOutcome::Completed | TurnOutcome::Interrupted => {}
                    TurnOutcome::Failed | TurnOutcome::Lost | TurnOutcome::Timeout => {
                        failed(&mut self.span, name.to_owned());
                    }
                }
            }
        }
        let time = self.time(at);
        self.span.end_with_timestamp(time);
    }
}
