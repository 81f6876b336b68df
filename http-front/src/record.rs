//! What is logged of a request: one line at its end, whichever way it ends.

use crate::{error::ApiError, openai::usage::Tokens};
use std::{fmt, time::Instant};
use uuid::Uuid;

/// The name of a request, and when it began.
#[derive(Debug, Clone)]
pub struct RequestId {
    text: String,
    since: Instant,
}

impl RequestId {
    /// The name, as `x-request-id` and the log have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Milliseconds since the request began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Logs the end of a request. Dropped without one, it logs that the client left.
#[derive(Debug)]
pub struct Record {
    id: RequestId,
    /// The route's name.
    pub route: &'static str,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// What the turn used, once known.
    pub usage: Option<Tokens>,
    open: bool,
}

impl Record {
    /// A request that begins now.
    pub fn new() -> Self {
        let id = RequestId { text: format!("req_{}", Uuid::now_v7().simple()), since: Instant::now() };
        Self { id, route: "none", stream: false, usage: None, open: true }
    }

    /// Its name.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// It was answered as it should be.
    pub fn served(&mut self) {
        if std::mem::take(&mut self.open) {
            let event = if self.stream { "stream_end" } else { "request_end" };
            tracing::info!(
                event,
                request_id = self.id.as_str(),
                route = self.route,
                latency_ms = self.id.elapsed_ms(),
                tokens_prompt = self.usage.map(|u| u.input),
                tokens_response = self.usage.map(|u| u.output),
            );
        }
    }

    /// It was answered with an error.
    pub fn ended(&mut self, error: &ApiError) {
        if std::mem::take(&mut self.open) {
            let event = if self.stream { "stream_end" } else { "request_end" };
            let (status, retryable) = (error.status().as_u16(), error.is_retryable());
            let (id, latency_ms) = (self.id.as_str(), self.id.elapsed_ms());
            let error_code = error.code().unwrap_or("invalid_request_error");
            if status >= 500 {
                tracing::warn!(
                    event,
                    request_id = id,
                    route = self.route,
                    latency_ms,
                    status,
                    error_code,
                    retryable
                );
            } else {
                tracing::info!(
                    event,
                    request_id = id,
                    route = self.route,
                    latency_ms,
                    status,
                    error_code,
                    retryable
                );
            }
        }
    }

    /// Not worth a line: probes ask every second.
    pub fn quiet(&mut self) {
        self.open = false;
    }
}

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.open {
            tracing::info!(
                event = "client_disconnect",
                request_id = self.id.as_str(),
                route = self.route,
                latency_ms = self.id.elapsed_ms(),
            );
        }
    }
}
