//! Metrics on their way to the exporter: the SDK's reader collects and sends them on a thread of its own.

use crate::export::Sender;
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
};
use std::time::Duration;

/// What makes instruments whose values are sent each `interval`.
pub(crate) fn provider(
    sender: Sender<MetricExporter>,
    interval: Duration,
    resource: Resource,
) -> SdkMeterProvider {
    let reader = PeriodicReader::builder(sender).with_interval(interval).build();
    SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build()
}
