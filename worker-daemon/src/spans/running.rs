//! A span that is open.

use crate::mux::observe::{
    TurnOutcome,
    span::{End, Event, Open},
};
use opentelemetry::{
    KeyValue, StringValue,
    trace::{Span, SpanBuilder, SpanContext, SpanKind, Status, Tracer as _},
};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};
use otel::context;
use shared::{rpc::Trace, trace::RequestName};
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

/// Room for the attributes of a span: six from its beginning, and what comes later.
const ATTRIBUTES: usize = 12;

/// What is known of a request when it arrives.
pub(super) struct About<'a> {
    /// Its method, of the closed list.
    pub(super) method: &'static str,
    /// Its client's id.
    pub(super) id: Option<u64>,
    /// The HTTP request that it is for.
    pub(super) request: Option<&'a RequestName>,
    /// The thread that it names.
    pub(super) thread: Option<&'a str>,
    /// When it arrived, by both clocks.
    pub(super) arrived: (Instant, SystemTime),
}

/// An open span, with the moment of its begin by both clocks: what it is told later has the distance of the one that
/// nobody sets.
pub(super) struct Running {
    span: SdkSpan,
    began: (Instant, SystemTime),
}

impl Running {
    /// The span of this request, below this one; `None` where its trace isn't kept: the client's word goes on as it is then.
    pub(super) fn begin(tracer: &SdkTracer, parent: SpanContext, about: &About<'_>) -> Option<Self> {
        let text = |text: &str| StringValue::from(Arc::<str>::from(text));
        let mut attributes = Vec::with_capacity(ATTRIBUTES);
        attributes.extend([
            KeyValue::new("rpc.system.name", "jsonrpc"),
            KeyValue::new("rpc.method", about.method),
            KeyValue::new("network.transport", "unix"),
        ]);
        attributes.extend(about.id.map(|id| KeyValue::new("jsonrpc.request.id", id.to_string())));
        let request = about.request.map(|request| text(request.as_str()));
        attributes.extend(request.map(|request| KeyValue::new("codex.request.id", request)));
        attributes.extend(about.thread.map(|thread| KeyValue::new("codex.thread.id", text(thread))));
        let builder = SpanBuilder::from_name(about.method)
            .with_kind(SpanKind::Server)
            .with_start_time(about.arrived.1)
            .with_attributes(attributes);
        let span = tracer.build_with_context(builder, &context::parent(Some(parent)));
        span.is_recording().then_some(Self { span, began: about.arrived })
    }

    /// What names it.
    pub(super) fn context(&self) -> Option<Trace> {
        context::to_trace(self.span.span_context())
    }

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
                let waited = at.saturating_duration_since(self.began.0);
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
