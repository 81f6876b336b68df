//! The lines that the log has of one request.
//!
//! Owns what they have in common: the request's names, its route and method, the name of its key and the model. Nothing of a
//! body, a path or a header stands here but what a closed list or a check has let through.

use super::Record;
use crate::{
    auth::KeyName, daemon::health::Health, error::ApiError, records::usage::Asked, state::board::Board,
    translate::event::Delta,
};
use http::Method;
use tokio::sync::watch;

/// The model where a request is answered by codex's own default.
const DEFAULT_MODEL: &str = "default";

/// Where it is asked what went on around a request that failed.
#[derive(Debug, Clone)]
pub struct Around {
    /// What the daemon says.
    pub health: watch::Receiver<Health>,
    /// What is switched.
    pub board: Board,
}

/// What is told of a request besides what its record has anyway.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) method: &'static str,
    pub(super) key: Option<KeyName>,
    pub(super) model: Option<String>,
    /// Whether the answer is to be a stream, once that is known.
    pub(super) stream: Option<bool>,
    /// Milliseconds to the first text, reasoning or call.
    pub(super) ttfb_ms: Option<u64>,
    pub(super) around: Option<Around>,
}

/// How a request ended.
pub(super) struct End<'a> {
    pub(super) status: Option<u16>,
    pub(super) trace_id: Option<String>,
    pub(super) error: Option<&'a ApiError>,
    pub(super) error_code: Option<&'a str>,
}

impl Told {
    pub(super) fn asks(&mut self, asked: &Asked) {
        self.model = Some(asked.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned()));
        self.stream = Some(asked.stream);
    }

    fn key(&self) -> Option<&str> {
        self.key.as_ref().map(KeyName::as_str)
    }
}

/// What went on around a request that failed.
#[derive(Debug, Default)]
struct Surroundings {
    worker_state: Option<&'static str>,
    restart_count: Option<u64>,
    backoff_ms: Option<u64>,
    maintenance_mode: Option<bool>,
}

impl Around {
    fn look(&self) -> Surroundings {
        let health = self.health.borrow();
        let status = health.status.as_ref();
        Surroundings {
            worker_state: Some(health.worker_state()),
            restart_count: status.map(|status| status.starts.saturating_sub(1)),
            backoff_ms: status.and_then(|status| status.backoff_ms),
            maintenance_mode: Some(self.board.maintenance().enabled),
        }
    }
}

/// The method, of those that there are.
pub(super) fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Whether the model said something that a client waits for: text, reasoning or a call.
pub(super) fn is_said(delta: &Delta) -> bool {
    match delta {
        Delta::Text { .. }
        | Delta::Message { .. }
        | Delta::Reasoning { .. }
        | Delta::Reasoned { .. }
        | Delta::Call { .. } => true,
        Delta::Alive
        | Delta::Thread(_)
        | Delta::Begun
        | Delta::Foreign
        | Delta::Command(_)
        | Delta::Usage(_)
        | Delta::Retry
        | Delta::End(_) => false,
    }
}

/// A line of a request: its level, its event, its record, the id of its trace, and what else it tells.
macro_rules! request_line {
    ($level:ident, $event:literal, $record:expr, $trace_id:expr $(, $more:ident $(= $value:expr)?)* $(,)?) => {
        tracing::$level!(
            event = $event,
            request_id = $record.id.as_str(),
            client_request_id = $record.client_id.as_deref(),
            trace_id = $trace_id,
            route = $record.route,
            method = $record.told.method,
            key = $record.told.key(),
            model = $record.told.model.as_deref(),
            $($more $(= $value)?),*
        )
    };
}

impl Record {
    /// The trace that it belongs to, by its id.
    pub(super) fn trace_id(&self) -> Option<String> {
        self.observe.span.trace_id()
    }

    pub(super) fn tell_start(&self) {
        let stream = self.told.stream;
        request_line!(info, "request_start", self, self.trace_id(), stream);
    }

    pub(super) fn tell_stream_start(&self) {
        let latency_ms = self.id.elapsed_ms();
        request_line!(info, "stream_start", self, self.trace_id(), latency_ms);
    }

    pub(super) fn tell_end(&self, end: &End<'_>) {
        let End { status, trace_id, error, error_code } = end;
        let broken = error.is_some_and(|error| error.status().is_server_error());
        let around = self.told.around.as_ref().filter(|_| broken).map(Around::look).unwrap_or_default();
        let Surroundings { worker_state, restart_count, backoff_ms, maintenance_mode } = around;
        let (latency_ms, ttfb_ms) = (self.id.elapsed_ms(), self.told.ttfb_ms);
        let (tokens_prompt, tokens_response) = (self.usage.map(|u| u.input), self.usage.map(|u| u.output));
        let retryable = error.map(ApiError::is_retryable);
        let source = error.map(|error| error.fault().as_str());
        macro_rules! ended {
            ($level:ident, $event:literal) => {
                request_line!(
                    $level,
                    $event,
                    self,
                    trace_id,
                    status,
                    latency_ms,
                    ttfb_ms,
                    tokens_prompt,
                    tokens_response,
                    error_code,
                    retryable,
                    source,
                    worker_state,
                    restart_count,
                    backoff_ms,
                    maintenance_mode,
                )
            };
        }
        match (self.stream, broken) {
            (false, false) => ended!(info, "request_end"),
            (false, true) => ended!(warn, "request_end"),
            (true, false) => ended!(info, "stream_end"),
            (true, true) => ended!(warn, "stream_end"),
        }
    }

    pub(super) fn tell_disconnect(&self, status: Option<u16>, trace_id: Option<&str>) {
        let (latency_ms, ttfb_ms) = (self.id.elapsed_ms(), self.told.ttfb_ms);
        let (tokens_prompt, tokens_response) = (self.usage.map(|u| u.input), self.usage.map(|u| u.output));
        request_line!(
            info,
            "client_disconnect",
            self,
            trace_id,
            status,
            latency_ms,
            ttfb_ms,
            tokens_prompt,
            tokens_response,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_one_of_a_closed_list() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"SAID-BY-A-CLIENT").unwrap()), "other");
        assert_eq!(method(&Method::CONNECT), "other");
    }
}
