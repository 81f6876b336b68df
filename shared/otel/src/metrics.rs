//! Metrics on their way to the exporter.
//!
//! The SDK's reader collects on a thread of its own; the sending runs on the runtime of the export, for which that thread
//! waits.

use crate::export::Exporter;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{
        PeriodicReader, SdkMeterProvider, Temporality, data::ResourceMetrics, exporter::PushMetricExporter,
    },
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::runtime::Handle;

struct Sender {
    exporter: Arc<Exporter>,
    runtime: Handle,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// What makes instruments whose values are sent each `interval`.
pub(crate) fn provider(
    exporter: Exporter,
    interval: Duration,
    resource: Resource,
    runtime: Handle,
) -> SdkMeterProvider {
    let sender = Sender { exporter: Arc::new(exporter), runtime };
    let reader = PeriodicReader::builder(sender).with_interval(interval).build();
    SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build()
}

impl PushMetricExporter for Sender {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        let exporter = Arc::clone(&self.exporter);
        // Counted and told where it is sent: the SDK has nothing to add.
        let _counted = self.runtime.spawn(async move { exporter.metrics(request).await }).await;
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
