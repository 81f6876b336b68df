//! Sending to a collector: the attempts, the counts, the one log line.
//!
//! `opentelemetry-otlp` encodes and sends. Around it this promises that an attempt ends within its time, that there are at
//! most [`ATTEMPTS`] of them, that at the end of the program no new one is begun, that what is sent has the headers of the
//! configuration and no others, whatever the environment says, and that no word of a collector reaches the log. Only what
//! the standard calls passing is tried again.

mod failure;
mod grpc;
mod heard;
mod http;
mod tally;
mod tls;

pub(crate) use tally::Tally;
pub(crate) use tls::problem;

use self::{failure::Failure, heard::Heard};
use crate::config::{Config, Endpoint, Protocol};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol as Encoding, RetryPolicy, WithExportConfig, WithHttpConfig,
    WithTonicConfig,
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
use tracing::instrument::WithSubscriber;

/// How often an export is tried.
const ATTEMPTS: u32 = 4;
/// The wait behind the first attempt; it doubles.
const WAIT: Duration = Duration::from_secs(1);

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
    heard: Heard,
    timeout: Duration,
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
    let heard = Heard::default();
    let builder = opentelemetry_otlp::SpanExporter::builder();
    let exporter = match endpoint.protocol {
        Protocol::Grpc => over_grpc(builder.with_tonic(), endpoint, config)?.build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), endpoint, config, &heard)?.build(),
    };
    Ok(Sender { exporter: exporter.map_err(unusable)?, heard, timeout: config.timeout, around })
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
    let heard = Heard::default();
    let builder = MetricExporter::builder().with_temporality(Temporality::Cumulative);
    let exporter = match endpoint.protocol {
        Protocol::Grpc => over_grpc(builder.with_tonic(), endpoint, config)?.build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), endpoint, config, &heard)?.build(),
    };
    Ok(Sender { exporter: exporter.map_err(unusable)?, heard, timeout: config.timeout, around })
}

fn over_grpc<B: WithTonicConfig>(builder: B, endpoint: &Endpoint, config: &Config) -> Result<B, Problem> {
    Ok(builder
        .with_channel(grpc::channel(endpoint, config)?)
        .with_interceptor(grpc::headers(config))
        .with_retry_policy(RetryPolicy::disabled()))
}

fn over_http<B: WithHttpConfig + WithExportConfig>(
    builder: B,
    endpoint: &Endpoint,
    config: &Config,
    heard: &Heard,
) -> Result<B, Problem> {
    Ok(builder
        .with_endpoint(endpoint.url.as_str())
        .with_protocol(Encoding::HttpBinary)
        .with_http_client(http::Client::new(endpoint, config, heard.clone())?)
        .with_retry_policy(RetryPolicy::disabled()))
}

/// Without the error's text, which has the address.
fn unusable(_: ExporterBuildError) -> Problem {
    Problem {
        setting: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
        message: "is no address that can be connected to".to_owned(),
    }
}

impl<E> Sender<E> {
    /// How many the collector didn't take of what it took.
    async fn attempts<F: Future<Output = OTelSdkResult>>(
        &self,
        export: impl Fn() -> F,
    ) -> Result<u64, Failure> {
        let ending = &self.around.ending;
        let mut wait = WAIT;
        for _ in 1..ATTEMPTS {
            match self.once(export()).await {
                Err(failure) if failure.passes() && !ending.is_cancelled() => {}
                done @ (Ok(_) | Err(_)) => return done,
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait *= 2,
                // One more: what waits is lost else.
                () = ending.cancelled() => break,
            }
        }
        self.once(export()).await
    }

    async fn once(&self, export: impl Future<Output = OTelSdkResult>) -> Result<u64, Failure> {
        self.heard.forget();
        let export = export.with_subscriber(self.heard.subscriber());
        match tokio::time::timeout(self.timeout, export).await {
            Ok(result) => self.heard.result(result),
            Err(_) => Err(Failure::Late),
        }
    }
}

impl<E: SpanExporter> SpanExporter for Sender<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sending = self.around.tally.sending(batch.len() as u64);
        let attempts = self.attempts(|| self.exporter.export(batch.clone()));
        let result = TokioContext::new(attempts, self.around.runtime.clone()).await;
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
        let attempts = self.attempts(|| self.exporter.export(metrics));
        let result = TokioContext::new(attempts, self.around.runtime.clone()).await;
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
