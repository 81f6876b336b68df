//! The connection of OTLP over gRPC.

use super::tls;
use crate::config::{Config, Endpoint};
use http::HeaderMap;
use shared::{build_info, settings::Problem};
use std::time::Duration;
use tonic::{
    Request, Status,
    metadata::MetadataMap,
    service::Interceptor,
    transport::{self, Channel},
};

/// The most bytes of headers of an answer.
const HEAD: u32 = 64 * 1024;
/// How long a quiet connection may be dead unnoticed.
const QUIET: Duration = Duration::from_secs(30);

/// A connection, made when it is needed, and again when it broke.
pub(super) fn channel(endpoint: &Endpoint, config: &Config) -> Result<Channel, Problem> {
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
        // An attempt has its own time; connecting outlives it.
        .connect_timeout(config.timeout)
        .http2_max_header_list_size(HEAD)
        .http2_keep_alive_interval(QUIET);
    if endpoint.url.scheme() == "https" {
        channel = channel.tls_config(tls::of_tonic(config.certificate.as_deref())?).map_err(wrong)?;
    }
    Ok(channel.connect_lazy())
}

/// Sets the headers of the configuration, and takes away what the library took out of the environment.
pub(super) fn headers(config: &Config) -> impl Interceptor + Clone + Send + Sync + 'static {
    let headers = MetadataMap::from_headers(HeaderMap::from_iter(config.headers.iter().cloned()));
    move |mut request: Request<()>| -> Result<Request<()>, Status> {
        headers.clone_into(request.metadata_mut());
        Ok(request)
    }
}
