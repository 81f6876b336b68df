//! The spans of requests, and the metrics over OTLP that are made of the same moments.
//!
//! Owns a server span for each request that is worth one, from the client's `traceparent` where that is valid, and below it a span
//! of the model's work in the words of the GenAI conventions. Both live until the answer's last byte, however it
//! ends. Promises to take no lock for a token but the first, to keep events bounded, and that nothing of what a client or the model
//! says is in a span unless the operator asked for it. Probes aren't traced. Where spans aren't exported, what a client sent
//! as its trace is handed on as it is.

mod attributes;
mod clock;
mod content;
mod meters;
mod model;
mod request;

use crate::{
    observe::Ended,
    records::usage::Asked,
    routes::table::Side,
    translate::{answer::Closing, event::Delta, output::Identity},
};
use attributes::Addr;
use clock::Clock;
use http::{HeaderMap, Method, StatusCode};
use meters::Meters;
use otel::{Otel, context};
use request::Request;
use shared::rpc::Trace;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// What the spans of all requests share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Spans(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    otel: Otel,
    meters: Option<Meters>,
    public: Addr,
    internal: Addr,
}

impl Spans {
    /// Spans of requests at these addresses.
    pub fn new(otel: Otel, public: SocketAddr, internal: SocketAddr) -> Self {
        let meters = otel.meter().map(Meters::new);
        Self(Arc::new(Shared { otel, meters, public: public.into(), internal: internal.into() }))
    }

    /// What exports them.
    pub fn otel(&self) -> &Otel {
        &self.0.otel
    }

    /// The span of a request that begins now.
    pub fn begin(&self, side: Side, method: &Method, headers: &HeaderMap) -> RequestSpan {
        let parent = context::from_headers(headers);
        let on = self.0.otel.tracer().is_some() || self.0.meters.is_some();
        if !on && parent.is_none() {
            return RequestSpan::default();
        }
        let addr = match side {
            Side::Public => &self.0.public,
            Side::Internal { .. } => &self.0.internal,
        };
        let request = Request::new(Clock::start(), parent, method, addr.clone());
        let first = AtomicBool::new(false);
        RequestSpan(Some(Arc::new(Inner { spans: self.clone(), first, request: Mutex::new(request) })))
    }
}

/// The span of one request. Cheap to clone; empty where there is nothing to trace.
#[derive(Debug, Clone, Default)]
pub struct RequestSpan(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    spans: Spans,
    /// Whether the model's first token was heard: from then on most deltas need no lock.
    first: AtomicBool,
    request: Mutex<Request>,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Request> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestSpan {
    /// Its name, as `x-request-id` has it.
    pub fn named(&self, request_id: &str) {
        if let Some(inner) = &self.0 {
            inner.lock().named(request_id);
        }
    }

    /// It goes to this route.
    pub fn routed(&self, route: &'static str) {
        if let Some(inner) = &self.0 {
            inner.lock().routed(route);
        }
    }

    /// It showed this key.
    pub fn showed(&self, key: &str) {
        if let Some(inner) = &self.0 {
            inner.lock().showed(key, inner.spans.otel());
        }
    }

    /// What it asks the model for.
    pub fn asks(&self, asked: &Asked) {
        if let Some(inner) = &self.0 {
            inner.lock().asks(asked, inner.spans.otel());
        }
    }

    /// The body of a request for the model, once it was understood; taken into the span where the operator wants contents.
    pub fn body(&self, body: &[u8]) {
        if let Some(inner) = &self.0
            && inner.spans.otel().content()
        {
            inner.lock().body(content::input(body));
        }
    }

    /// What its answer is called.
    pub fn answers(&self, identity: &Identity) {
        if let Some(inner) = &self.0 {
            inner.lock().model(|model| model.answers(&identity.id));
        }
    }

    /// The model gave a sign of life, or said this.
    pub fn heard(&self, delta: Option<&Delta>) {
        let (Some(inner), Some(delta)) = (&self.0, delta) else { return };
        let token = matches!(delta, Delta::Text { .. } | Delta::Reasoning { .. } | Delta::Message { .. });
        if token && inner.first.load(Relaxed) {
            return;
        }
        if inner.lock().model(|model| model.heard(delta)) == Some(true) {
            inner.first.store(true, Relaxed);
        }
    }

    /// The model said something that goes out only later.
    pub fn spoke(&self) {
        let Some(inner) = &self.0 else { return };
        if !inner.first.load(Relaxed) && inner.lock().model(|model| model.token()).is_some() {
            inner.first.store(true, Relaxed);
        }
    }

    /// The model said this in the choice with this index; taken into the span where the operator wants contents.
    pub fn said(&self, index: usize, delta: &Delta) {
        if let Some(inner) = &self.0
            && inner.spans.otel().content()
        {
            inner.lock().model(|model| model.said(index, delta));
        }
    }

    /// The choice with this index is complete.
    pub fn finished(&self, index: usize, closing: &Closing) {
        if let Some(inner) = &self.0 {
            let content = inner.spans.otel().content();
            inner.lock().model(|model| model.finished(index, closing, content));
        }
    }

    /// A turn is run once more, because its text was not what it must be.
    pub fn again(&self) {
        if let Some(inner) = &self.0 {
            inner.lock().model(model::Model::again);
        }
    }

    /// An agent has done something of its own.
    pub fn worked(&self) {
        if let Some(inner) = &self.0 {
            inner.lock().model(model::Model::worked);
        }
    }

    /// A comment kept its stream open.
    pub fn kept_alive(&self) {
        if let Some(inner) = &self.0 {
            inner.lock().model(model::Model::kept_alive);
        }
    }

    /// The head of its answer goes out.
    pub fn head(&self, status: StatusCode) {
        if let Some(inner) = &self.0 {
            inner.lock().head(status);
        }
    }

    /// It is over.
    pub fn ended(&self, ended: &Ended<'_>) {
        if let Some(inner) = &self.0 {
            let measured = inner.lock().ended(ended, inner.spans.otel());
            if let (Some(measured), Some(meters)) = (measured, &inner.spans.0.meters) {
                meters.measure(&measured, ended);
            }
        }
    }

    /// It is not traced.
    pub fn quiet(&self) {
        if let Some(inner) = &self.0 {
            inner.lock().quiet();
        }
    }

    /// What a turn is told to belong to.
    pub fn context(&self) -> Option<Arc<Trace>> {
        self.0.as_ref()?.lock().context().map(Arc::new)
    }

    /// The id of its trace in hex, from [`Self::showed`] on, and without a key from its end on: the client's where it sent a
    /// valid one, else ours where its spans are exported.
    pub fn trace_id(&self) -> Option<String> {
        self.0.as_ref()?.lock().trace_id()
    }
}
