use super::*;
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsPartialSuccess, trace::v1::ExportTracePartialSuccess,
};

/// Of a collector.
const WORDS: &str = "one too many";

fn of_spans(rejected_spans: i64) -> Bytes {
    let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message: WORDS.to_owned() });
    ExportTraceServiceResponse { partial_success }.encode_to_vec().into()
}

fn of_points(rejected_data_points: i64) -> Bytes {
    let partial_success =
        Some(ExportMetricsPartialSuccess { rejected_data_points, error_message: WORDS.to_owned() });
    ExportMetricsServiceResponse { partial_success }.encode_to_vec().into()
}

#[test]
fn the_number_of_the_refused_is_read() {
    assert_eq!(Signal::Traces.refused(of_spans(3)), Ok(3));
    assert_eq!(Signal::Metrics.refused(of_points(4)), Ok(4));
}

#[test]
fn nothing_refused_is_none() {
    for signal in [Signal::Traces, Signal::Metrics] {
        assert_eq!(signal.refused(Bytes::new()), Ok(0));
    }
    assert_eq!(Signal::Traces.refused(of_spans(0)), Ok(0));
    assert_eq!(Signal::Traces.refused(of_spans(-1)), Ok(0));
}

#[test]
fn what_is_no_message_is_no_answer() {
    for signal in [Signal::Traces, Signal::Metrics] {
        assert_eq!(signal.refused(Bytes::from_static(b"<html>")), Err(Failure::Answer));
    }
}
