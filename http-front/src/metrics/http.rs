//! Series of HTTP requests.

use super::{
    labels::{self, CLIENT_LEFT, Label, NONE},
    series::{Form, Maker, Series},
};
use crate::error::{Kind, Source};
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

const REQUESTS: Series = Series::counter(
    "codex_http_requests_total",
    &[Label::Route, Label::Method, Label::StatusFamily, Label::Model],
    "Requests that are over, counted at the end of their answer's body.",
);
const LATENCY: Series = Series::histogram(
    "codex_http_latency_ms",
    &[Label::Route, Label::Method, Label::StatusFamily, Label::Model],
    "Milliseconds from a request's beginning to the end of its answer's body.",
);
const ERRORS: Series = Series::counter(
    "codex_http_errors_total",
    &[Label::Route, Label::Code, Label::Source],
    "Errors that clients were answered with, those inside of streams too, by what went wrong and whose fault it was.",
);
const ACTIVE: Series = Series::gauge(
    "codex_http_requests_active",
    &[Label::Route],
    "Requests that run: from finding their route to the end of their answer's body.",
);
const HEADS: Series = Series::counter(
    "http_requests_total",
    &[Label::Status, Label::Method, Label::ApiRoute],
    "Requests of the public listener, counted when the head of their answer goes out; 499 where the client left before.",
);
const TO_HEAD: Series = Series::histogram(
    "http_request_duration_seconds",
    &[Label::Method, Label::ApiRoute],
    "Seconds from the beginning of a request of the public listener to the head of its answer.",
);
const COUNT: Series = Series {
    name: "request_count",
    form: Form::Untyped,
    labels: &[Label::Service, Label::StatusCode, Label::ApiRoute],
    help: "Requests of the public listener, counted at the end of their answer's body.",
};
const DURATION: Series = Series::histogram(
    "request_duration_seconds",
    &[Label::Service, Label::ApiRoute],
    "Seconds from the beginning of a request of the public listener to the end of its answer's body.",
);

/// Of HTTP requests.
pub(super) const ALL: &[&Series] =
    &[&REQUESTS, &LATENCY, &ERRORS, &ACTIVE, &HEADS, &TO_HEAD, &COUNT, &DURATION];

/// The value of `service_type`.
pub(super) const SERVICE: &str = "codex";

/// Series of HTTP requests.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) requests: IntCounterVec,
    pub(super) latency: HistogramVec,
    pub(super) errors: IntCounterVec,
    pub(super) active: IntGaugeVec,
    pub(super) heads: IntCounterVec,
    pub(super) to_head: HistogramVec,
    pub(super) count: IntCounterVec,
    pub(super) duration: HistogramVec,
}

impl Http {
    pub(super) fn new(make: &Maker) -> Self {
        let http = Self {
            requests: make.counters(&REQUESTS),
            latency: make.histograms(&LATENCY),
            errors: make.counters(&ERRORS),
            active: make.each_gauge(&ACTIVE),
            heads: make.counters(&HEADS),
            to_head: make.histograms(&TO_HEAD),
            count: make.counters(&COUNT),
            duration: make.histograms(&DURATION),
        };
        http.at_zero();
        http
    }

    /// What rates are asked of is there before the first one: a series that begins at 1 has no rate.
    fn at_zero(&self) {
        self.model(NONE);
        for route in labels::model_routes() {
            let _to_head = self.to_head.with_label_values(&["POST", route]);
            let _duration = self.duration.with_label_values(&[SERVICE, route]);
            for status in labels::statuses() {
                let status = status.to_string();
                let _head = self.heads.with_label_values(&[&status, "POST", route]);
                let _count = self.count.with_label_values(&[SERVICE, &status, route]);
            }
            for kind in Kind::ALL {
                for source in sources(*kind) {
                    let _error = self.errors.with_label_values(&[route, kind.label(), source.as_str()]);
                }
            }
        }
    }

    /// The same for requests that ask this model.
    pub(super) fn model(&self, model: &str) {
        for route in labels::model_routes() {
            for status in [200, CLIENT_LEFT, 500] {
                let family = labels::family(status);
                let _requests = self.requests.with_label_values(&[route, "POST", family, model]);
            }
        }
    }
}

/// Whose fault an error of this kind can be.
fn sources(kind: Kind) -> Vec<Source> {
    let usual = crate::error::ApiError::new(kind, "").fault();
    let more: &[Source] = match kind {
        Kind::Overloaded => &[Source::Gateway, Source::Provider],
        Kind::RateLimited => &[Source::Client],
        Kind::Timeout => &[Source::Client, Source::Worker],
        Kind::InvalidRequest => &[Source::Gateway],
        Kind::Internal => &[Source::Worker],
        Kind::UnsupportedParameter
        | Kind::UnsupportedValue
        | Kind::ContextLength
        | Kind::InvalidApiKey
        | Kind::ProfileNotAllowed
        | Kind::ModelNotAllowed
        | Kind::OperatorOnly
        | Kind::NotFound
        | Kind::ModelNotFound
        | Kind::MethodNotAllowed
        | Kind::TooLarge
        | Kind::BodyTimeout
        | Kind::UpstreamRefused(_)
        | Kind::InsufficientQuota
        | Kind::Maintenance
        | Kind::Draining
        | Kind::AppServerDisabled
        | Kind::AgentUnavailable
        | Kind::InstructionsAdded
        | Kind::WorkerUnavailable
        | Kind::WorkerRestarted
        | Kind::UpstreamUnauthorized
        | Kind::Upstream
        | Kind::ContentPolicy
        | Kind::SlowReader => &[],
    };
    [usual].into_iter().chain(more.iter().copied()).collect()
}
