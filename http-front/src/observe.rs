//! What is told of a request, while it runs, to those who count it and those who trace it.
//!
//! Owns nothing but the two: [`crate::metrics::request`] counts, [`crate::spans`] traces. Each is told the same, at the
//! same moment, once. Neither may wait, and neither sees a text of the client's or the model's but as a [`Delta`] that it
//! looks at the kind of, unless the operator asked for contents.

use crate::{
    auth::KeyName,
    error::ApiError,
    metrics::request::Counted,
    openai::usage::Tokens,
    records::{Outcome, usage::Asked},
    spans::RequestSpan,
    translate::{answer::Closing, event::Delta, output::Identity},
};
use http::StatusCode;
use shared::rpc::Trace;
use std::{sync::Arc, time::Duration};

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// How.
    pub outcome: Outcome,
    /// The HTTP status of its answer; `None` where the client left before there was one.
    pub status: Option<u16>,
    /// What it was answered with, where that was an error, also in the middle of a stream.
    pub error: Option<&'a ApiError>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// What it used, where that is known exactly.
    pub usage: Option<Tokens>,
    /// From its beginning to its end.
    pub latency: Duration,
}

/// Those who are told of one request. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Observe {
    /// Counts it.
    pub counted: Counted,
    /// Traces it.
    pub span: RequestSpan,
}

impl Observe {
    /// It goes to this route, by the route's pattern.
    pub fn routed(&self, route: &'static str) {
        self.counted.routed(route);
        self.span.routed(route);
    }

    /// What it asks the model for. The model's name is one of those that are served.
    pub fn asks(&self, asked: &Asked) {
        self.counted.asks(asked);
        self.span.asks(asked);
    }

    /// It showed this key.
    pub fn showed(&self, key: &KeyName) {
        self.span.showed(key.as_str());
    }

    /// Its body, which is for the model, and was understood.
    pub fn body(&self, body: &[u8]) {
        self.span.body(body);
    }

    /// What its answer is called.
    pub fn answers(&self, identity: &Identity) {
        self.span.answers(identity);
    }

    /// The model said this in the choice with this index.
    pub fn said(&self, index: usize, delta: &Delta) {
        self.span.said(index, delta);
    }

    /// The choice with this index is complete.
    pub fn finished(&self, index: usize, closing: &Closing) {
        self.span.finished(index, closing);
    }

    /// A turn is run once more.
    pub fn again(&self) {
        self.span.again();
    }

    /// The model gave a sign of life, or said this.
    pub fn heard(&self, delta: Option<&Delta>) {
        self.counted.heard(delta);
        self.span.heard(delta);
    }

    /// The model said something that goes out only later.
    pub fn spoke(&self) {
        self.counted.spoke();
        self.span.spoke();
    }

    /// An agent has done something of its own.
    pub fn worked(&self) {
        self.span.worked();
    }

    /// A comment kept its stream open.
    pub fn kept_alive(&self) {
        self.span.kept_alive();
    }

    /// The head of its stream goes out.
    pub fn opened(&self) {
        self.counted.opened();
    }

    /// The head of its answer goes out.
    pub fn head(&self, status: StatusCode) {
        self.counted.head(status);
        self.span.head(status);
    }

    /// It is over. Told once, or not at all for what isn't worth it: [`Self::quiet`].
    pub fn ended(&self, ended: &Ended<'_>) {
        self.counted.ended(ended);
        self.span.ended(ended);
    }

    /// A probe or the like, which is neither counted nor traced.
    pub fn quiet(&self) {
        self.counted.quiet();
        self.span.quiet();
    }

    /// The trace that what is asked of the daemon belongs to, where the request is traced.
    pub fn context(&self) -> Option<Arc<Trace>> {
        self.span.context()
    }
}
