//! The lines that the log has of one request.
//!
//! Owns what they have in common: the request's names, its route and method, the name of its key and the model. Nothing of a
//! body, a path or a header stands here but what a closed list or a check has let through.

use super::Record;
use crate::{
    auth::KeyName, daemon::health::Health, error::ApiError, http::listener::Peer,
    metrics::labels::DEFAULT_MODEL, records::usage::Asked, state::board::Board,
};
use tokio::sync::watch;

/// Where it is asked what went on around a request that failed.
#[derive(Debug, Clone)]
pub struct Around {
    /// What the daemon says.
    pub health: watch::Receiver<Health>,
    /// What is switched.
    pub board: Board,
    /// The client's connection.
    pub peer: Peer,
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

    /// Whether the connection ends because the client took nothing of its answer for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.around.as_ref().is_some_and(|around| around.peer.is_stalled())
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

/// What was measured of a request.
struct Figures {
    latency_ms: u64,
    ttfb_ms: Option<u64>,
    tokens_prompt: Option<u64>,
    tokens_response: Option<u64>,
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

    fn figures(&self) -> Figures {
        let used = self.usage;
        Figures {
            latency_ms: self.id.elapsed_ms(),
            ttfb_ms: self.told.ttfb_ms,
            tokens_prompt: used.map(|tokens| tokens.input),
            tokens_response: used.map(|tokens| tokens.output),
        }
    }

    pub(super) fn tell_end(&self, end: &End<'_>) {
        let End { status, trace_id, error, error_code } = end;
        let broken = error.is_some_and(|error| error.status().is_server_error());
        let around = self.told.around.as_ref().filter(|_| broken).map(Around::look).unwrap_or_default();
        let Surroundings { worker_state, restart_count, backoff_ms, maintenance_mode } = around;
        let Figures { latency_ms, ttfb_ms, tokens_prompt, tokens_response } = self.figures();
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
        let Figures { latency_ms, ttfb_ms, tokens_prompt, tokens_response } = self.figures();
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
