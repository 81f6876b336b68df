//! The settings of OpenTelemetry, by the standard's names where it has one.

use shared::settings::{Kind, Setting};

/// The settings that both binaries have for traces and metrics over OTLP.
pub const SETTINGS: &[Setting] = &[
    Setting::new("OTEL_SDK_DISABLED", Kind::Bool, Some("false"), "Exports nothing, whatever else is set."),
    Setting::new(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        Kind::Text,
        None,
        "The collector, `http://host:4317` for gRPC or `http://host:4318` for HTTP, where `/v1/traces` and `/v1/metrics` are put behind it. `https://` for TLS. Unset, nothing is exported.",
    ),
    Setting::new(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        Kind::Text,
        None,
        "The collector of spans alone, before the one above; over HTTP it is used as it is, such as `http://host:4318/v1/traces`.",
    ),
    Setting::new(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        Kind::Text,
        None,
        "The collector of metrics alone, in the same way.",
    ),
    Setting::new(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        Kind::Text,
        Some("grpc"),
        "`grpc`, or `http/protobuf`, which is the standard's default and not ours.",
    ),
    Setting::new(
        "OTEL_EXPORTER_OTLP_HEADERS",
        Kind::Text,
        None,
        "Headers for the collector, `name=value,name=value`, values percent-encoded.",
    )
    .secret(),
    Setting::new(
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        Kind::Millis,
        Some("10000"),
        "How long one export may take, in milliseconds.",
    ),
    Setting::new(
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        Kind::Path,
        None,
        "A PEM file of the certificates to trust for `https://`, instead of the system's.",
    ),
    Setting::new(
        "OTEL_SERVICE_NAME",
        Kind::Text,
        None,
        "The resource's `service.name`; the binary's name when unset.",
    ),
    Setting::new(
        "OTEL_SERVICE_VERSION",
        Kind::Text,
        None,
        "The resource's `service.version`; the binary's version when unset.",
    ),
    Setting::new(
        "OTEL_ENVIRONMENT",
        Kind::Text,
        None,
        "The resource's `deployment.environment.name`, and `deployment.environment` as it was called before.",
    ),
    Setting::new(
        "OTEL_RESOURCE_ATTRIBUTES",
        Kind::Text,
        None,
        "More of the resource, `key=value,key=value`, values percent-encoded. The three above win.",
    ),
    Setting::new("OTEL_TRACES_EXPORTER", Kind::Text, Some("otlp"), "`otlp`, or `none` for no spans."),
    Setting::new(
        "OTEL_METRICS_EXPORTER",
        Kind::Text,
        Some("otlp"),
        "`otlp`, or `none` for no metrics over OTLP. `/metrics` doesn't depend on it.",
    ),
    Setting::new(
        "OTEL_TRACES_SAMPLER",
        Kind::Text,
        Some("parentbased_always_on"),
        "Which requests are traced: `always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`.",
    ),
    Setting::new(
        "OTEL_TRACES_SAMPLER_ARG",
        Kind::Text,
        None,
        "The part of requests that a ratio sampler traces, from 0 to 1; 1 when unset.",
    ),
    Setting::new(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        Kind::Count,
        Some("2048"),
        "Ended spans that may wait for the collector; more are dropped and counted.",
    ),
    Setting::new(
        "OTEL_BSP_SCHEDULE_DELAY",
        Kind::Millis,
        Some("5000"),
        "How long an ended span waits for others to be sent with, in milliseconds.",
    ),
    Setting::new(
        "OTEL_METRIC_EXPORT_INTERVAL",
        Kind::Millis,
        Some("60000"),
        "The time between two exports of metrics, in milliseconds.",
    ),
    Setting::new(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        Kind::Text,
        Some("false"),
        "`true`, `SPAN_ONLY` or `SPAN_AND_EVENT` puts what clients and the model say into spans, where the collector's operators read it. `false`, `NO_CONTENT` and `EVENT_ONLY` don't: there are no events with contents.",
    ),
];
