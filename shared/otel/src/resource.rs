//! What spans and metrics say of the process that they come from.

use crate::Config;
use opentelemetry::KeyValue;
use opentelemetry_sdk::{
    Resource,
    resource::{ResourceDetector, TelemetryResourceDetector},
};
use shared::build_info;
use uuid::Uuid;

/// The resource: the binary and its version, a name for this process, and what the operator says.
pub(crate) fn of(config: &Config) -> Resource {
    let own = [
        KeyValue::new("service.name", config.component),
        KeyValue::new("service.version", build_info::VERSION),
        // Two fronts of a host must not write into one series.
        KeyValue::new("service.instance.id", Uuid::now_v7().to_string()),
    ];
    Resource::builder_empty()
        .with_attributes(
            TelemetryResourceDetector
                .detect()
                .iter()
                .map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
        )
        .with_attributes(own)
        .with_attributes(config.resource.iter().cloned())
        .build()
}
