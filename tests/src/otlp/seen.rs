//! What a receiver was sent.

use http::HeaderMap;
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{metric, number_data_point},
    trace::v1 as proto,
};
use serde_json::{Map, Value};

/// One export.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// What it holds.
    pub body: Body,
}

/// What an export holds.
#[derive(Debug, Clone)]
pub enum Body {
    /// Spans.
    Spans(ExportTraceServiceRequest),
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
}

/// A span, with everything as JSON.
#[derive(Debug, Clone)]
pub struct Span {
    /// The resource's attributes.
    pub resource: Map<String, Value>,
    /// The trace's id in hex.
    pub trace: String,
    /// Its id in hex.
    pub id: String,
    /// Its parent's id in hex; empty where it has none.
    pub parent: String,
    /// `tracestate`.
    pub state: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: proto::span::SpanKind,
    /// When it began, in nanoseconds of Unix time.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// Its attributes.
    pub attributes: Map<String, Value>,
    /// Its events: when, name, attributes.
    pub events: Vec<(u64, String, Map<String, Value>)>,
    /// 0 unset, 1 ok, 2 error.
    pub status: i32,
    /// What it says of an error.
    pub message: String,
}

/// A metric's state.
#[derive(Debug, Clone)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its points, if it is a histogram.
    pub points: Vec<Point>,
}

/// One state of a histogram.
#[derive(Debug, Clone)]
pub struct Point {
    /// The attributes.
    pub attributes: Map<String, Value>,
    /// How many values; zero of a counter.
    pub count: u64,
    /// Their sum, or what the counter says.
    pub sum: f64,
    /// The bounds of the buckets.
    pub bounds: Vec<f64>,
}

impl Request {
    /// Its spans.
    pub fn spans(&self) -> Vec<Span> {
        let Body::Spans(export) = &self.body else { return Vec::new() };
        let mut spans = Vec::new();
        for of_resource in &export.resource_spans {
            let resource = of_resource.resource.as_ref().map(|resource| object(&resource.attributes));
            let resource = resource.unwrap_or_default();
            for span in of_resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                spans.push(read(resource.clone(), span));
            }
        }
        spans
    }

    /// Its metrics.
    pub fn metrics(&self) -> Vec<Metric> {
        let Body::Metrics(export) = &self.body else { return Vec::new() };
        let scopes = export.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        scopes
            .flat_map(|scope| &scope.metrics)
            .map(|metric| {
                let points = match &metric.data {
                    Some(metric::Data::Histogram(histogram)) => histogram
                        .data_points
                        .iter()
                        .map(|point| Point {
                            attributes: object(&point.attributes),
                            count: point.count,
                            sum: point.sum.unwrap_or_default(),
                            bounds: point.explicit_bounds.clone(),
                        })
                        .collect(),
                    Some(metric::Data::Sum(sum)) => sum
                        .data_points
                        .iter()
                        .map(|point| Point {
                            attributes: object(&point.attributes),
                            count: 0,
                            sum: match point.value {
                                Some(number_data_point::Value::AsInt(value)) => {
                                    i32::try_from(value).map_or(f64::MAX, f64::from)
                                }
                                Some(number_data_point::Value::AsDouble(value)) => value,
                                None => 0.0,
                            },
                            bounds: Vec::new(),
                        })
                        .collect(),
                    _ => Vec::new(),
                };
                Metric { name: metric.name.clone(), unit: metric.unit.clone(), points }
            })
            .collect()
    }
}

impl Span {
    /// An attribute; null where it has none of that name.
    pub fn of(&self, name: &str) -> &Value {
        self.attributes.get(name).unwrap_or(&Value::Null)
    }

    /// The names of its events, in their order.
    pub fn event_names(&self) -> Vec<&str> {
        self.events.iter().map(|(_, name, _)| name.as_str()).collect()
    }
}

fn read(resource: Map<String, Value>, span: &proto::Span) -> Span {
    let status = span.status.clone().unwrap_or_default();
    Span {
        resource,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        state: span.trace_state.clone(),
        name: span.name.clone(),
        kind: span.kind(),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        attributes: object(&span.attributes),
        events: span
            .events
            .iter()
            .map(|event| (event.time_unix_nano, event.name.clone(), object(&event.attributes)))
            .collect(),
        status: status.code,
        message: status.message,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn object(attributes: &[KeyValue]) -> Map<String, Value> {
    attributes.iter().map(|pair| (pair.key.clone(), json(pair.value.as_ref()))).collect()
}

fn json(value: Option<&AnyValue>) -> Value {
    use any_value::Value as Any;
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => Value::from(text.clone()),
        Some(Any::BoolValue(truth)) => Value::from(*truth),
        Some(Any::IntValue(number)) => Value::from(*number),
        Some(Any::DoubleValue(number)) => Value::from(*number),
        Some(Any::ArrayValue(array)) => array.values.iter().map(|value| json(Some(value))).collect(),
        Some(Any::KvlistValue(list)) => Value::Object(object(&list.values)),
        Some(Any::BytesValue(bytes)) => Value::from(hex(bytes)),
        Some(Any::StringValueStrindex(_)) | None => Value::Null,
    }
}
