//! Sending to a collector: the attempts, the counts, the one log line.
//!
//! Promises that an attempt ends within its time, that there are at most [`ATTEMPTS`] of them, and that at the end of the
//! program no new one is begun. Only what the standard calls passing is tried again.

mod failure;
mod grpc;
mod http;
mod tally;
mod tls;

pub(crate) use tally::Tally;
pub(crate) use tls::problem;

use self::{failure::Failure, grpc::Grpc, http::Http};
use crate::config::{Config, Endpoint, Protocol};
use opentelemetry_proto::{
    tonic::collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    transform::{
        common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::trace::SpanData;
use shared::settings::Problem;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often an export is tried.
const ATTEMPTS: u32 = 4;
/// The wait behind the first attempt; it doubles.
const WAIT: Duration = Duration::from_secs(1);

/// Sends to one collector.
#[derive(Debug)]
pub(crate) struct Exporter {
    transport: Transport,
    timeout: Duration,
    tally: Arc<Tally>,
}

#[derive(Debug)]
enum Transport {
    Grpc(Grpc),
    Http(Http),
}

/// What is sent.
enum Message {
    Spans(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

impl Exporter {
    /// Sends to this address. Call it inside the runtime that is to send. Connects when there is something to send.
    ///
    /// # Errors
    /// The certificates to trust can't be had.
    pub(crate) fn new(endpoint: &Endpoint, config: &Config, tally: &Arc<Tally>) -> Result<Self, Problem> {
        let transport = match endpoint.protocol {
            Protocol::Grpc => Transport::Grpc(Grpc::new(endpoint, config)?),
            Protocol::HttpProtobuf => Transport::Http(Http::new(endpoint, config)?),
        };
        Ok(Self { transport, timeout: config.timeout, tally: Arc::clone(tally) })
    }

    /// Sends spans, and counts what became of them.
    pub(crate) async fn spans(
        &self,
        batch: Vec<SpanData>,
        resource: &ResourceAttributesWithSchema,
        ending: &CancellationToken,
    ) {
        let count = batch.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(batch, resource);
        let request = ExportTraceServiceRequest { resource_spans };
        // Told before: whoever takes the future away at the end has lost them.
        let sending = self.tally.sending(count);
        let result = self.attempts(&Message::Spans(request), ending).await;
        sending.ended(&result);
        self.tally.tell(result.err());
    }

    /// Sends metrics; whether the collector took them.
    pub(crate) async fn metrics(&self, request: ExportMetricsServiceRequest) -> bool {
        let result = self.attempts(&Message::Metrics(request), &CancellationToken::new()).await;
        let taken = result.is_ok();
        if !taken {
            self.tally.metrics_failed();
        }
        self.tally.tell(result.err());
        taken
    }

    /// What the collector didn't take of what it took.
    async fn attempts(&self, message: &Message, ending: &CancellationToken) -> Result<u64, Failure> {
        let mut wait = WAIT;
        for _ in 1..ATTEMPTS {
            match self.once(message).await {
                Err(failure) if failure.passes() && !ending.is_cancelled() => {}
                done @ (Ok(_) | Err(_)) => return done,
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait *= 2,
                // One more: what waits is lost else.
                () = ending.cancelled() => break,
            }
        }
        self.once(message).await
    }

    async fn once(&self, message: &Message) -> Result<u64, Failure> {
        let attempt = async {
            match (&self.transport, message) {
                (Transport::Grpc(grpc), Message::Spans(request)) => grpc.spans(request.clone()).await,
                (Transport::Grpc(grpc), Message::Metrics(request)) => grpc.metrics(request.clone()).await,
                (Transport::Http(http), Message::Spans(request)) => http.spans(http::encode(request)).await,
                (Transport::Http(http), Message::Metrics(request)) => {
                    http.metrics(http::encode(request)).await
                }
            }
        };
        tokio::time::timeout(self.timeout, attempt).await.unwrap_or(Err(Failure::Late))
    }
}
