//! The typed configuration of the export.
//!
//! Reads it out of the values of the settings, and tells everything that is wrong with it with the setting's name and a
//! remedy, never with the value of a header. Looks into the file of certificates.

mod endpoint;
mod pairs;
#[cfg(test)]
mod tests;

pub use endpoint::{Endpoint, Protocol};

use crate::export;
use http::{HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::Sampler;
use shared::settings::Reader;
use std::{path::PathBuf, time::Duration};

/// The most spans that may wait: each may have kilobytes.
const MOST_WAITING: u64 = 1 << 20;

/// What is exported, and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// The binary's name.
    pub component: &'static str,
    /// Where spans go; `None` where they aren't exported.
    pub traces: Option<Endpoint>,
    /// Where metrics go; `None` where they aren't exported.
    pub metrics: Option<Endpoint>,
    /// Sent with each export. Marked as sensitive, so that they print as such.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The time of one attempt.
    pub timeout: Duration,
    /// The certificates to trust instead of the system's.
    pub certificate: Option<PathBuf>,
    /// What the operator says of this process.
    pub resource: Vec<KeyValue>,
    /// Which traces are kept.
    pub sampler: Sampler,
    /// Ended spans that may wait.
    pub queue: usize,
    /// How long a span waits for company.
    pub delay: Duration,
    /// The time between two exports of metrics.
    pub interval: Duration,
    /// Whether spans may have contents.
    pub content: bool,
}

impl Config {
    /// One that exports nothing.
    pub fn off(component: &'static str) -> Self {
        Self {
            component,
            traces: None,
            metrics: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(10),
            certificate: None,
            resource: Vec::new(),
            sampler: Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
            queue: 2048,
            delay: Duration::from_secs(5),
            interval: Duration::from_secs(60),
            content: false,
        }
    }

    /// Reads the settings of [`crate::SETTINGS`]; what is wrong with them is noted by the reader.
    pub fn read(reader: &mut Reader<'_>, component: &'static str) -> Self {
        let protocol = match reader.text("OTEL_EXPORTER_OTLP_PROTOCOL").as_deref() {
            Some("grpc") | None => Protocol::Grpc,
            Some("http/protobuf") => Protocol::HttpProtobuf,
            Some(_) => {
                reader.problem("OTEL_EXPORTER_OTLP_PROTOCOL", "must be grpc or http/protobuf");
                Protocol::Grpc
            }
        };
        let all = endpoint(reader, "OTEL_EXPORTER_OTLP_ENDPOINT", protocol);
        let on = !reader.boolean("OTEL_SDK_DISABLED");
        let mut signal = |exporter, own, path| {
            let wanted = wanted(reader, exporter) && on;
            let own = endpoint(reader, own, protocol);
            own.or_else(|| all.as_ref().map(|all| all.signal(path))).filter(|_| wanted)
        };
        let traces = signal("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "v1/traces");
        let metrics = signal("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "v1/metrics");
        Self {
            component,
            traces,
            metrics,
            headers: headers(reader),
            timeout: reader.millis_from("OTEL_EXPORTER_OTLP_TIMEOUT", 1),
            certificate: certificate(reader),
            resource: resource(reader),
            sampler: sampler(reader),
            queue: queue(reader),
            delay: reader.millis_from("OTEL_BSP_SCHEDULE_DELAY", 1),
            interval: reader.millis_from("OTEL_METRIC_EXPORT_INTERVAL", 1),
            content: content(reader),
        }
    }
}

fn endpoint(reader: &mut Reader<'_>, name: &'static str, protocol: Protocol) -> Option<Endpoint> {
    match Endpoint::parse(&reader.text(name)?, protocol) {
        Ok(endpoint) => Some(endpoint),
        Err(why) => {
            reader.problem(name, why);
            None
        }
    }
}

fn wanted(reader: &mut Reader<'_>, name: &'static str) -> bool {
    match reader.text(name).as_deref() {
        Some("otlp") | None => true,
        Some("none") => false,
        Some(_) => {
            reader.problem(name, "must be otlp or none");
            false
        }
    }
}

fn headers(reader: &mut Reader<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let name = "OTEL_EXPORTER_OTLP_HEADERS";
    match reader.text(name).map(|text| pairs::headers(&text)) {
        Some(Ok(headers)) => headers,
        Some(Err(why)) => {
            reader.problem(name, why);
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn certificate(reader: &mut Reader<'_>) -> Option<PathBuf> {
    let path = reader.path("OTEL_EXPORTER_OTLP_CERTIFICATE")?;
    if let Some(problem) = export::problem(&path) {
        reader.problem("OTEL_EXPORTER_OTLP_CERTIFICATE", problem.message);
    }
    Some(path)
}

/// Last ones win.
fn resource(reader: &mut Reader<'_>) -> Vec<KeyValue> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let mut attributes = match reader.text(name).map(|text| pairs::parse(&text)) {
        Some(Ok(pairs)) => pairs.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect(),
        Some(Err(why)) => {
            reader.problem(name, why);
            Vec::new()
        }
        None => Vec::new(),
    };
    for (setting, keys) in [
        ("OTEL_SERVICE_NAME", &["service.name"][..]),
        ("OTEL_SERVICE_VERSION", &["service.version"]),
        ("OTEL_ENVIRONMENT", &["deployment.environment.name", "deployment.environment"]),
    ] {
        if let Some(text) = reader.text(setting) {
            attributes.extend(keys.iter().map(|key| KeyValue::new(*key, text.clone())));
        }
    }
    attributes
}

fn sampler(reader: &mut Reader<'_>) -> Sampler {
    let ratio = match reader.text("OTEL_TRACES_SAMPLER_ARG").map(|text| text.parse::<f64>()) {
        None => 1.0,
        Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => ratio,
        Some(_) => {
            reader.problem("OTEL_TRACES_SAMPLER_ARG", "must be a number from 0 to 1, such as 0.1");
            1.0
        }
    };
    let (root, by_parent) = match reader.text("OTEL_TRACES_SAMPLER").as_deref() {
        Some("always_on") => (Sampler::AlwaysOn, false),
        Some("always_off") => (Sampler::AlwaysOff, false),
        Some("traceidratio") => (Sampler::TraceIdRatioBased(ratio), false),
        Some("parentbased_always_on") | None => (Sampler::AlwaysOn, true),
        Some("parentbased_always_off") => (Sampler::AlwaysOff, true),
        Some("parentbased_traceidratio") => (Sampler::TraceIdRatioBased(ratio), true),
        Some(_) => {
            let message = "must be always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                           parentbased_traceidratio";
            reader.problem("OTEL_TRACES_SAMPLER", message);
            (Sampler::AlwaysOn, true)
        }
    };
    if by_parent { Sampler::ParentBased(Box::new(root)) } else { root }
}

fn queue(reader: &mut Reader<'_>) -> usize {
    let name = "OTEL_BSP_MAX_QUEUE_SIZE";
    let value = reader.count_from(name, 1);
    reader.at_most(name, value, MOST_WAITING);
    usize::try_from(value.min(MOST_WAITING)).unwrap_or(1)
}

/// A switch, or one of the modes of the GenAI conventions' libraries. There are no events with contents, only spans.
fn content(reader: &mut Reader<'_>) -> bool {
    let name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    match reader.text(name).unwrap_or_default().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "span_only" | "span_and_event" => true,
        "" | "false" | "0" | "no" | "off" | "no_content" | "event_only" => false,
        _ => {
            reader.problem(name, "must be true, false, NO_CONTENT, SPAN_ONLY, EVENT_ONLY or SPAN_AND_EVENT");
            false
        }
    }
}
