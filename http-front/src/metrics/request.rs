//! Counts one request: once, whichever way it ends.
//!
//! Owns what is known of a request on its way. Promises: it is counted once at its head and once at its end; dropped
//! without either it counts as one whose client left; no gauge stays up behind it. Telling that the model spoke takes no
//! lock but for the first token.

use super::{
    Metrics,
    http::SERVICE,
    labels::{self, CLIENT_LEFT, NONE, StreamOutcome},
    models::Model,
    series::add_ms,
};
use crate::{
    error::{ApiError, Kind},
    observe::Ended,
    records::{Outcome, usage::Asked},
    routes::table::Side,
    translate::event::Delta,
};
use http::{Method, StatusCode};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// The status of a request that a panic ended before its head.
const OWN_FAULT: u16 = StatusCode::INTERNAL_SERVER_ERROR.as_u16();

/// What is counted of one request. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counted(Option<Arc<Request>>);

#[derive(Debug)]
struct Request {
    metrics: Arc<Metrics>,
    /// Whether it came to the public listener.
    public: bool,
    method: &'static str,
    began: Instant,
    /// Whether the model has said anything.
    spoke: AtomicBool,
    told: Mutex<Told>,
}

/// What became known on the way.
#[derive(Debug)]
struct Told {
    route: &'static str,
    model: Model,
    /// Whether its answer is to be a stream.
    stream: bool,
    /// Whether it counts as one that runs.
    active: bool,
    /// Whether its stream's head has gone out.
    streaming: bool,
    /// The status whose head went out.
    head: Option<u16>,
    ended: bool,
    quiet: bool,
}

impl Counted {
    /// A request that begins now.
    pub fn new(metrics: &Arc<Metrics>, side: Side, method: &Method) -> Self {
        Self(Some(Arc::new(Request {
            metrics: Arc::clone(metrics),
            public: side == Side::Public,
            method: labels::method(method),
            began: Instant::now(),
            spoke: AtomicBool::new(false),
            told: Mutex::new(Told {
                route: NONE,
                model: Model::Fixed(NONE),
                stream: false,
                active: false,
                streaming: false,
                head: None,
                ended: false,
                quiet: false,
            }),
        })))
    }

    /// When it began, where it is counted.
    pub fn began(&self) -> Option<Instant> {
        self.0.as_ref().map(|request| request.began)
    }

    /// It goes to this route.
    pub fn routed(&self, route: &'static str) {
        let Some(request) = &self.0 else { return };
        let mut told = request.told();
        told.release(&request.metrics);
        let Some(route) = labels::route(route) else { return };
        told.route = route;
        if !told.ended && !told.quiet {
            told.active = true;
            request.metrics.http.active.with_label_values(&[route]).inc();
        }
    }

    /// What it asks the model for.
    pub fn asks(&self, asked: &Asked) {
        let Some(request) = &self.0 else { return };
        let model = request.metrics.model(asked.model.as_deref());
        let mut told = request.told();
        told.model = model;
        told.stream = asked.stream;
    }

    /// The model gave a sign of life, or said this.
    pub fn heard(&self, delta: Option<&Delta>) {
        if delta.is_some_and(Delta::is_said) {
            self.spoke();
        }
    }

    /// The model said something, which may go out only later.
    pub fn spoke(&self) {
        let Some(request) = &self.0 else { return };
        if request.spoke.load(Ordering::Relaxed) {
            return;
        }
        if !request.spoke.swap(true, Ordering::Relaxed) {
            let told = request.told();
            if told.stream && !told.ended {
                let ttfb = &request.metrics.streams.ttfb;
                add_ms(&ttfb.with_label_values(&[told.route, told.model.as_str()]), request.began.elapsed());
            }
        }
    }

    /// The head of its stream goes out.
    pub fn opened(&self) {
        let Some(request) = &self.0 else { return };
        let mut told = request.told();
        if !told.streaming && !told.ended && !told.quiet {
            told.streaming = true;
            request.metrics.streams.active.inc();
        }
    }

    /// The head of its answer goes out.
    pub fn head(&self, status: StatusCode) {
        let Some(request) = &self.0 else { return };
        request.headed(&mut request.told(), status.as_u16());
    }

    /// It is over.
    pub fn ended(&self, ended: &Ended<'_>) {
        let Some(request) = &self.0 else { return };
        request.ended(&mut request.told(), ended);
    }

    /// It is not counted.
    pub fn quiet(&self) {
        let Some(request) = &self.0 else { return };
        let mut told = request.told();
        told.quiet = true;
        told.release(&request.metrics);
    }
}

impl Told {
    /// It runs no more.
    fn release(&mut self, metrics: &Metrics) {
        if std::mem::take(&mut self.active) {
            metrics.http.active.with_label_values(&[self.route]).dec();
        }
        if std::mem::take(&mut self.streaming) {
            metrics.streams.active.dec();
        }
    }
}

impl Request {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn headed(&self, told: &mut Told, status: u16) {
        if told.quiet || told.head.replace(status).is_some() || !self.public {
            return;
        }
        let http = &self.metrics.http;
        http.heads.with_label_values(&[&status.to_string(), self.method, told.route]).inc();
        let to_head = http.to_head.with_label_values(&[self.method, told.route]);
        to_head.observe(self.began.elapsed().as_secs_f64());
    }

    fn ended(&self, told: &mut Told, ended: &Ended<'_>) {
        if told.quiet || std::mem::replace(&mut told.ended, true) {
            return;
        }
        let Ended { outcome, status, error, stream: _, usage, latency } = *ended;
        let Metrics { http, streams, .. } = &*self.metrics;
        let status = status.unwrap_or(CLIENT_LEFT);
        let (route, family, model) = (told.route, labels::family(status), told.model.as_str());
        http.requests.with_label_values(&[route, self.method, family, model]).inc();
        add_ms(&http.latency.with_label_values(&[route, self.method, family, model]), latency);
        if let Some(error) = error {
            let (code, source) = (error.kind().label(), error.fault().as_str());
            http.errors.with_label_values(&[route, code, source]).inc();
        }
        if self.public {
            http.count.with_label_values(&[SERVICE, &status.to_string(), route]).inc();
            http.duration.with_label_values(&[SERVICE, route]).observe(latency.as_secs_f64());
        }
        if told.streaming {
            streams.end.with_label_values(&[stream_outcome(outcome, error).as_str()]).inc();
            add_ms(&streams.duration.with_label_values(&[route, model]), latency);
        }
        match usage {
            Some(tokens) => streams.used(model, tokens),
            None if outcome == Outcome::Ok && model != NONE || self.spoke.load(Ordering::Relaxed) => {
                streams.unknown.inc();
            }
            None => {}
        }
        told.release(&self.metrics);
    }
}

/// What nobody has told the end of is over with its last owner.
impl Drop for Request {
    fn drop(&mut self) {
        let mut told = self.told();
        let head = told.head;
        let left = Ended {
            outcome: Outcome::ClientDisconnect,
            status: head,
            error: None,
            stream: told.stream,
            usage: None,
            latency: self.began.elapsed(),
        };
        self.ended(&mut told, &left);
        self.headed(&mut told, if std::thread::panicking() { OWN_FAULT } else { CLIENT_LEFT });
        told.release(&self.metrics);
    }
}

fn stream_outcome(outcome: Outcome, error: Option<&ApiError>) -> StreamOutcome {
    match outcome {
        Outcome::Ok => StreamOutcome::Ok,
        Outcome::ClientDisconnect => StreamOutcome::ClientDisconnect,
        Outcome::Error => match error.map(ApiError::kind) {
            Some(Kind::SlowReader) => StreamOutcome::SlowReader,
            Some(Kind::Timeout) => StreamOutcome::Timeout,
            Some(Kind::Draining) => StreamOutcome::Shutdown,
            Some(_) | None => StreamOutcome::Error,
        },
    }
}

#[cfg(test)]
mod tests;
