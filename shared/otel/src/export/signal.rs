//! What is exported: spans or metrics, each by a service of its own and with an answer of its own.

use super::Failure;
use bytes::Bytes;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceResponse, trace::v1::ExportTraceServiceResponse,
};
use prost::Message;

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

impl Signal {
    /// The method of its service, as gRPC calls it.
    pub(super) fn method(self) -> PathAndQuery {
        PathAndQuery::from_static(match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        })
    }

    /// How many spans or points a collector refused of those that it took, by its answer. Nothing else of it is kept: its
    /// words may repeat what it was sent.
    ///
    /// # Errors
    /// It is no answer of OTLP.
    pub(super) fn refused(self, answer: Bytes) -> Result<u64, Failure> {
        let refused = match self {
            Self::Traces => ExportTraceServiceResponse::decode(answer)
                .map(|answer| answer.partial_success.map(|part| part.rejected_spans)),
            Self::Metrics => ExportMetricsServiceResponse::decode(answer)
                .map(|answer| answer.partial_success.map(|part| part.rejected_data_points)),
        };
        let refused = refused.map_err(|_| Failure::Answer)?;
        Ok(u64::try_from(refused.unwrap_or(0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
