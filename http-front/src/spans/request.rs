//! The server span of a request.

use super::{
    attributes::{self, Addr},
    clock::Clock,
    model::{Measured, Model},
};
use crate::{
    observe::Ended,
    records::{Outcome, usage::Asked},
};
use http::{Method, StatusCode};
use opentelemetry::{
    Context, KeyValue,
    trace::{Span, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};
use otel::{Otel, context};
use shared::rpc::Trace;

/// The routes that aren't traced when they are served; what they refuse is.
const QUIET: &[&str] = &["/readyz", "/livez", "/metrics", "/verify"];

/// What is known of a request.
#[derive(Debug)]
pub(super) struct Request {
    clock: Clock,
    parent: Option<SpanContext>,
    /// Whether it showed a key.
    known: bool,
    method: &'static str,
    addr: Addr,
    id: Option<String>,
    route: &'static str,
    body: Option<String>,
    over: bool,
    head: bool,
    span: Option<SdkSpan>,
    model: Option<Box<Model>>,
}

impl Request {
    /// A request that begins now.
    pub(super) fn new(clock: Clock, parent: Option<SpanContext>, method: &Method, addr: Addr) -> Self {
        Self {
            clock,
            parent,
            known: false,
            method: attributes::method(method),
            addr,
            id: None,
            route: "none",
            body: None,
            over: false,
            head: false,
            span: None,
            model: None,
        }
    }

    pub(super) fn named(&mut self, id: &str) {
        self.id = Some(id.to_owned());
    }

    pub(super) fn routed(&mut self, route: &'static str) {
        self.route = route;
    }

    /// The span, begun when the request was, unless it is there already. Whose parent it is must be known by now.
    fn begin(&mut self, otel: &Otel) {
        let Some(tracer) = otel.tracer() else { return };
        if self.span.is_some() || self.over {
            return;
        }
        let mut attributes = attributes::request(self.method, self.route, &self.addr);
        attributes.extend(self.id.clone().map(|id| KeyValue::new("codex.request.id", id)));
        let method = attributes::in_name(self.method);
        let name = match self.route {
            "none" => method.into(),
            route => format!("{method} {route}").into(),
        };
        let builder = named(name, SpanKind::Server, attributes).with_start_time(self.clock.began());
        let parent = self.parent.clone();
        let parent = if self.known { context::parent(parent) } else { context::strangers_parent(parent) };
        self.span = Some(tracer.build_with_context(builder, &parent));
    }

    pub(super) fn showed(&mut self, key: &str, otel: &Otel) {
        self.known = true;
        if !QUIET.contains(&self.route) {
            self.begin(otel);
        }
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new("codex.key", key.to_owned()));
        }
    }

    pub(super) fn body(&mut self, body: Option<String>) {
        self.body = body;
    }

    pub(super) fn asks(&mut self, asked: &Asked, otel: &Otel) {
        if self.over {
            return;
        }
        self.begin(otel);
        let chat = self.route != "/v1/completions";
        let span = match (otel.tracer(), &self.span) {
            (Some(tracer), Some(parent)) => Some(below(tracer, parent, asked, chat, self.clock)),
            (None, _) | (_, None) => None,
        };
        self.model = Some(Box::new(Model::new(span, self.clock, asked.clone(), chat, self.body.take())));
    }

    /// What `told` comes to, where the model is asked.
    pub(super) fn model<T>(&mut self, told: impl FnOnce(&mut Model) -> T) -> Option<T> {
        self.model.as_deref_mut().map(told)
    }

    pub(super) fn head(&mut self, status: StatusCode) {
        if let Some(span) = &mut self.span {
            self.head = true;
            span.set_attribute(KeyValue::new(attributes::STATUS, i64::from(status.as_u16())));
        }
    }

    /// What the model's work comes to, for those who measure it.
    pub(super) fn ended(&mut self, ended: &Ended<'_>, otel: &Otel) -> Option<Measured> {
        if self.over {
            return None;
        }
        // What showed no key.
        self.begin(otel);
        self.over = true;
        let measured = self.model.take().map(|model| model.ended(ended));
        if let Some(mut span) = self.span.take() {
            span.set_attribute(KeyValue::new("codex.outcome", ended.outcome.as_str()));
            span.set_attribute(KeyValue::new("codex.stream", ended.stream));
            if let Some(status) = ended.status.filter(|_| !self.head) {
                span.set_attribute(KeyValue::new(attributes::STATUS, i64::from(status)));
            }
            if let Some(error) = ended.error {
                let code = error.closed_code();
                span.set_attribute(KeyValue::new("codex.error.code", code));
                // What the client did wrong is no error of the server's.
                if error.status().is_server_error() {
                    span.set_attribute(KeyValue::new(attributes::ERROR, code));
                    span.set_status(Status::error(code));
                }
            }
            if ended.outcome == Outcome::ClientDisconnect {
                span.add_event_with_timestamp("codex.client_disconnect", self.clock.now(), Vec::new());
            }
            if span.span_context().is_sampled() {
                self.parent = Some(span.span_context().clone());
            }
            span.end_with_timestamp(self.clock.now());
        }
        measured
    }

    /// It is not worth a span.
    pub(super) fn quiet(&mut self) {
        self.over = true;
    }

    /// What is asked next belongs below the model's span; where nothing is exported, below the client's own.
    pub(super) fn context(&self) -> Option<Trace> {
        let model = self.model.as_ref().and_then(|model| model.context());
        let own = model.or_else(|| self.span.as_ref().map(Span::span_context)).or(self.parent.as_ref());
        own.and_then(context::to_trace)
    }

    /// Ours is none where it isn't exported: it would lead nowhere.
    pub(super) fn trace_id(&self) -> Option<String> {
        let own = self.span.as_ref().map(Span::span_context).filter(|own| own.is_sampled());
        own.or(self.parent.as_ref()).map(context::trace_id)
    }
}

/// The span of the model's work, below the request's.
pub(super) fn below(
    tracer: &SdkTracer,
    parent: &SdkSpan,
    asked: &Asked,
    chat: bool,
    clock: Clock,
) -> SdkSpan {
    let context = Context::new().with_remote_span_context(parent.span_context().clone());
    let name = match &asked.model {
        Some(model) => format!("{} {model}", attributes::operation(chat)).into(),
        None => attributes::operation(chat).into(),
    };
    let builder = named(name, SpanKind::Client, attributes::model(asked, chat));
    tracer.build_with_context(builder.with_start_time(clock.now()), &context)
}

fn named(name: std::borrow::Cow<'static, str>, kind: SpanKind, attributes: Vec<KeyValue>) -> SpanBuilder {
    SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes)
}
