//! The span of the model's work, and what is measured of it.

use super::{attributes, clock::Clock, content::Output};
use crate::{
    observe::Ended,
    records::{Outcome, usage::Asked},
    translate::{answer::Closing, event::Delta},
};
use opentelemetry::{
    Array, KeyValue, StringValue, Value,
    trace::{Span, SpanContext, Status},
};
use opentelemetry_sdk::trace::Span as SdkSpan;
use std::time::{Duration, Instant, SystemTime};

/// The most events of one kind.
const EVENTS: u32 = 24;
/// Five kinds may come often, five events once each; the SDK keeps the first 128 of a span.
const _: () = assert!(5 * EVENTS + 5 <= 128);

/// The reason of a choice that never came to its end.
const UNFINISHED: &str = "error";

/// What is known of the model's work for one request.
#[derive(Debug)]
pub(super) struct Model {
    span: Option<SdkSpan>,
    clock: Clock,
    asked: Asked,
    chat: bool,
    began: Instant,
    first: Option<Instant>,
    threads: u32,
    kept_alive: u32,
    /// When it was kept alive last.
    kept_alive_at: Option<SystemTime>,
    retries: u32,
    again: u32,
    calls: u32,
    commands: u32,
    /// Why each choice ended, by its index.
    reasons: Vec<Option<&'static str>>,
    input: Option<String>,
    output: Output,
}

/// What is measured of the model's work.
#[derive(Debug)]
pub(super) struct Measured {
    /// What was asked for.
    pub(super) asked: Asked,
    /// Whether it was a chat.
    pub(super) chat: bool,
    /// From asking to the end.
    pub(super) took: Duration,
    /// From asking to the first token of a stream.
    pub(super) first: Option<Duration>,
}

impl Model {
    /// The model is asked now.
    pub(super) fn new(
        span: Option<SdkSpan>,
        clock: Clock,
        asked: Asked,
        chat: bool,
        input: Option<String>,
    ) -> Self {
        Self {
            span,
            clock,
            reasons: vec![None; asked.choices],
            asked,
            chat,
            began: Instant::now(),
            first: None,
            threads: 0,
            kept_alive: 0,
            kept_alive_at: None,
            retries: 0,
            again: 0,
            calls: 0,
            commands: 0,
            input,
            output: Output::default(),
        }
    }

    /// What those are told who are asked next.
    pub(super) fn context(&self) -> Option<&SpanContext> {
        self.span.as_ref().map(Span::span_context)
    }

    fn event(&mut self, name: &'static str, attributes: Vec<KeyValue>) {
        if let Some(span) = self.span.as_mut().filter(|span| span.is_recording()) {
            span.add_event_with_timestamp(name, self.clock.now(), attributes);
        }
    }

    /// Its answer is called so.
    pub(super) fn answers(&mut self, id: &str) {
        if let Some(span) = self.span.as_mut().filter(|span| span.is_recording()) {
            span.set_attribute(KeyValue::new("gen_ai.response.id", id.to_owned()));
        }
    }

    /// It said this; whether its first token was heard by now.
    pub(super) fn heard(&mut self, delta: &Delta) -> bool {
        match delta {
            Delta::Text { .. } | Delta::Message { .. } | Delta::Reasoning { .. } | Delta::Reasoned { .. } => {
                self.token();
            }
            Delta::Retry => {
                self.retries += 1;
                if self.retries <= EVENTS {
                    self.event("codex.retry", Vec::new());
                }
            }
            Delta::Thread(_) => {
                self.threads += 1;
                if self.threads <= EVENTS {
                    self.event("codex.thread_started", Vec::new());
                }
            }
            // Calls are counted with the end of their choice, which has those of its text, too.
            Delta::Call { .. }
            | Delta::Foreign
            // An agent's work is told when it has ended: `worked`.
            | Delta::Command(_)
            | Delta::Alive
            | Delta::Begun
            | Delta::Usage(_)
            | Delta::End(_) => {}
        }
        self.first.is_some()
    }

    /// An agent has done something of its own.
    pub(super) fn worked(&mut self) {
        self.commands += 1;
        if self.commands <= EVENTS {
            self.event("codex.agent_command", Vec::new());
        }
    }

    /// It said something for the first time, if nothing was heard before.
    pub(super) fn token(&mut self) {
        if self.first.is_none() {
            self.first = Some(Instant::now());
            self.event("codex.first_token", Vec::new());
        }
    }

    /// The name is the client's, so its number stands for it.
    fn call(&mut self, kind: &'static str) {
        self.calls += 1;
        if self.calls <= EVENTS {
            let attributes = vec![
                KeyValue::new("codex.tool_call.index", i64::from(self.calls - 1)),
                KeyValue::new("gen_ai.tool.type", kind),
            ];
            self.event("codex.tool_call", attributes);
        }
    }

    /// A text for a span that may have contents.
    pub(super) fn said(&mut self, index: usize, delta: &Delta) {
        self.output.take(index, delta);
    }

    /// A choice is complete.
    pub(super) fn finished(&mut self, index: usize, closing: &Closing, content: bool) {
        let reason = if self.chat { closing.reason.as_str() } else { closing.text_reason() };
        if let Some(place) = self.reasons.get_mut(index) {
            *place = Some(reason);
        }
        for call in &closing.calls {
            self.call(if call.custom { "custom" } else { "function" });
        }
        if closing.says() {
            self.token();
        }
        if content {
            self.output.close(index, closing);
        }
    }

    /// A turn is run once more.
    pub(super) fn again(&mut self) {
        self.again += 1;
        if self.again <= EVENTS {
            self.event("codex.turn_again", Vec::new());
        }
    }

    /// The first one is an event, and so is the last: a long wait has thousands.
    pub(super) fn kept_alive(&mut self) {
        self.kept_alive = self.kept_alive.saturating_add(1);
        if self.kept_alive == 1 {
            self.event("codex.keep_alive", Vec::new());
        } else {
            self.kept_alive_at = Some(self.clock.now());
        }
    }

    /// The request is over.
    pub(super) fn ended(mut self, ended: &Ended<'_>) -> Measured {
        let took = self.began.elapsed();
        let first = self.first.map(|at| at.duration_since(self.began)).filter(|_| ended.stream);
        if let Some(mut span) = self.span.take().filter(Span::is_recording) {
            self.describe(&mut span, ended, first);
            span.end_with_timestamp(self.clock.now());
        }
        Measured { asked: self.asked, chat: self.chat, took, first }
    }

    fn describe(&mut self, span: &mut SdkSpan, ended: &Ended<'_>, first: Option<Duration>) {
        if let Some(at) = self.kept_alive_at {
            span.add_event_with_timestamp("codex.keep_alive", at, Vec::new());
        }
        if let Some(tokens) = &ended.usage {
            span.set_attributes(attributes::usage(tokens));
        }
        let reasons: Vec<StringValue> =
            self.reasons.iter().map(|reason| StringValue::from(reason.unwrap_or(UNFINISHED))).collect();
        let reasons = Value::Array(Array::String(reasons));
        span.set_attribute(KeyValue::new("gen_ai.response.finish_reasons", reasons));
        if let Some(first) = first {
            span.set_attribute(KeyValue::new("gen_ai.response.time_to_first_chunk", first.as_secs_f64()));
        }
        for (name, count) in [
            ("codex.keep_alive.count", self.kept_alive),
            ("codex.retry.count", self.retries),
            ("codex.turn_again.count", self.again),
            ("codex.tool_call.count", self.calls),
            ("codex.agent_command.count", self.commands),
        ] {
            if count > 0 {
                span.set_attribute(KeyValue::new(name, i64::from(count)));
            }
        }
        if let Some(input) = self.input.take() {
            span.set_attribute(KeyValue::new("gen_ai.input.messages", input));
        }
        if let Some(output) = std::mem::take(&mut self.output).json() {
            span.set_attribute(KeyValue::new("gen_ai.output.messages", output));
        }
        if let Some(error) = ended.error {
            let code = error.closed_code();
            span.set_attribute(KeyValue::new(attributes::ERROR, code));
            span.set_status(Status::error(code));
        }
        if ended.outcome == Outcome::ClientDisconnect {
            span.add_event_with_timestamp("codex.client_disconnect", self.clock.now(), Vec::new());
        }
        span.add_event_with_timestamp(
            "codex.end",
            self.clock.now(),
            vec![KeyValue::new("codex.outcome", ended.outcome.as_str())],
        );
    }
}

#[cfg(test)]
mod tests;
