//! OTLP over gRPC.

use super::{Failure, tls};
use crate::config::{Config, Endpoint};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_proto::tonic::collector::{
    metrics::v1::{ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient},
    trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
};
use shared::{build_info, settings::Problem};
use std::{error::Error, time::Duration};
use tonic::{
    Request, Status,
    metadata::MetadataMap,
    transport::{self, Channel},
};

/// The longest answer.
const ANSWER: usize = 64 * 1024;
/// The most bytes of headers of an answer.
const HEAD: u32 = 64 * 1024;
/// How long a quiet connection may be dead unnoticed.
const QUIET: Duration = Duration::from_secs(30);

/// A connection, made when it is needed, and again when it broke.
#[derive(Debug, Clone)]
pub(super) struct Grpc {
    channel: Channel,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Grpc {
    pub(super) fn new(endpoint: &Endpoint, config: &Config) -> Result<Self, Problem> {
        let wrong = |error: transport::Error| Problem {
            setting: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
            message: format!("can't be used: {error}"),
        };
        let mut channel = Channel::from_shared(endpoint.url.to_string())
            .map_err(|_| Problem {
                setting: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
                message: "is no address that can be connected to".to_owned(),
            })?
            .user_agent(format!("{}/{}", config.component, build_info::VERSION))
            .map_err(wrong)?
            .connect_timeout(config.timeout)
            .timeout(config.timeout)
            .http2_max_header_list_size(HEAD)
            .http2_keep_alive_interval(QUIET);
        if endpoint.url.scheme() == "https" {
            channel = channel.tls_config(tls::of_tonic(config.certificate.as_deref())?).map_err(wrong)?;
        }
        Ok(Self { channel: channel.connect_lazy(), headers: config.headers.clone() })
    }

    /// Sends spans; how many were refused.
    pub(super) async fn spans(&self, request: ExportTraceServiceRequest) -> Result<u64, Failure> {
        let mut client = TraceServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER);
        let answer = client.export(self.request(request)).await.map_err(|status| why(&status))?;
        let refused = answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(refused).unwrap_or(0))
    }

    /// Sends metrics; how many points were refused.
    pub(super) async fn metrics(&self, request: ExportMetricsServiceRequest) -> Result<u64, Failure> {
        let mut client = MetricsServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER);
        let answer = client.export(self.request(request)).await.map_err(|status| why(&status))?;
        let refused = answer.into_inner().partial_success.map_or(0, |partial| partial.rejected_data_points);
        Ok(u64::try_from(refused).unwrap_or(0))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        *request.metadata_mut() =
            MetadataMap::from_headers(HeaderMap::from_iter(self.headers.iter().cloned()));
        request
    }
}

/// Without the status's message, which is the collector's.
fn why(status: &Status) -> Failure {
    let broke = status.source().is_some_and(|source| source.is::<transport::Error>());
    if broke { Failure::Unreachable } else { Failure::Grpc(status.code()) }
}
