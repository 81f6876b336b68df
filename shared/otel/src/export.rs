//! Sending to a collector: the message, the attempts, the counts, the one log line.
//!
//! `opentelemetry-otlp` encodes a message, once, and hands it to what would be its client of HTTP. That is ours, for both
//! protocols: what is sent again isn't encoded again, and what is sent has the headers of the configuration and no
//! others, whatever the environment says. No word of a collector reaches the log.

mod attempts;
mod failure;
mod grpc;
mod http;
mod plain;
mod signal;
mod silent;
mod tally;
mod tls;
mod wire;

pub(crate) use tally::Tally;
pub(crate) use tls::problem;

use self::{
    attempts::{Attempts, Outcome},
    failure::Failure,
    signal::Signal,
    wire::Wire,
};
use crate::config::{Config, Endpoint};
use opentelemetry_otlp::{
    MetricExporter, Protocol as Encoding, RetryPolicy, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{SpanData, SpanExporter},
};
use shared::settings::Problem;
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tokio_util::{context::TokioContext, sync::CancellationToken};
use tracing::{Dispatch, instrument::WithSubscriber};

/// What all exporters of a process share.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    /// What is counted.
    pub(crate) tally: Arc<Tally>,
    /// The end of the program.
    pub(crate) ending: CancellationToken,
    /// Where connections and clocks run. The exporters are called on threads of the SDK.
    pub(crate) runtime: Handle,
}

/// Sends to one collector by an exporter of the library.
#[derive(Debug)]
pub(crate) struct Sender<E> {
    exporter: E,
    outcome: Arc<Outcome>,
    around: Around,
}

/// What sends spans to this address. Call it inside the runtime. Connects when there is something to send.
///
/// # Errors
/// The certificates to trust can't be had, or the address can't be used.
pub(crate) fn spans(
    endpoint: &Endpoint,
    config: &Config,
    around: Around,
) -> Result<Sender<opentelemetry_otlp::SpanExporter>, Problem> {
    let outcome = Arc::<Outcome>::default();
    let builder = opentelemetry_otlp::SpanExporter::builder().with_http();
    let builder = by(builder, Signal::Traces, endpoint, config, &around, &outcome)?;
    Ok(Sender { exporter: builder.build().map_err(unusable)?, outcome, around })
}

/// What sends metrics, in the same way.
///
/// # Errors
/// As [`spans`].
pub(crate) fn metrics(
    endpoint: &Endpoint,
    config: &Config,
    around: Around,
) -> Result<Sender<MetricExporter>, Problem> {
    let outcome = Arc::<Outcome>::default();
    let builder = MetricExporter::builder().with_temporality(Temporality::Cumulative).with_http();
    let builder = by(builder, Signal::Metrics, endpoint, config, &around, &outcome)?;
    Ok(Sender { exporter: builder.build().map_err(unusable)?, outcome, around })
}

/// The library's exporter of HTTP, whose messages we send by whichever protocol it is: they are the same ones.
fn by<B: WithHttpConfig + WithExportConfig>(
    builder: B,
    signal: Signal,
    endpoint: &Endpoint,
    config: &Config,
    around: &Around,
    outcome: &Arc<Outcome>,
) -> Result<B, Problem> {
    let wire = Wire::new(endpoint, config, signal)?;
    Ok(builder
        .with_endpoint(endpoint.url.as_str())
        .with_protocol(Encoding::HttpBinary)
        .with_http_client(Attempts::new(wire, signal, config.timeout, around, Arc::clone(outcome)))
        .with_retry_policy(RetryPolicy::disabled()))
}

/// Without the error's text, which has the address.
fn unusable<E>(_: E) -> Problem {
    Problem {
        setting: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
        message: "is no address that can be connected to".to_owned(),
    }
}

impl<E> Sender<E> {
    /// How many the collector didn't take of what it took.
    async fn sent(&self, export: impl Future<Output = OTelSdkResult>) -> Result<u64, Failure> {
        // What is said meanwhile may have a collector's words; connections have tasks of their own: `silent`.
        let export = export.with_subscriber(Dispatch::none());
        let told = TokioContext::new(export, self.around.runtime.clone()).await;
        let unsent = || told.map(|()| 0).map_err(|_| Failure::Other);
        self.outcome.take().unwrap_or_else(unsent)
    }
}

impl<E: SpanExporter> SpanExporter for Sender<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sending = self.around.tally.sending(batch.len() as u64);
        let result = self.sent(self.exporter.export(batch)).await;
        sending.ended(&result);
        self.around.tally.tell(result.err());
        // Counted and told: the SDK would put the library's text into the log.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Sender<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.sent(self.exporter.export(metrics)).await;
        if result.is_err() {
            self.around.tally.metrics_failed();
        }
        self.around.tally.tell(result.err());
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
