//! The client of OTLP over gRPC.
//!
//! tonic speaks it; the message comes as the bytes that it goes as, so that what is sent again isn't made again.

use super::{
    Failure,
    plain::Plain,
    signal::Signal,
    silent::Silent,
    tls, unusable,
    wire::{ANSWER, HEAD},
};
use crate::config::{Config, Endpoint};
use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, uri::PathAndQuery};
use shared::{build_info, settings::Problem};
use std::{error::Error, time::Duration};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::{self, Channel},
};

/// How long a quiet connection may be dead unnoticed.
const QUIET: Duration = Duration::from_secs(30);

/// Sends to a collector.
#[derive(Debug)]
pub(super) struct Client {
    channel: Plain,
    method: PathAndQuery,
    headers: MetadataMap,
}

impl Client {
    /// Connects when it is needed, and again when the connection broke.
    pub(super) fn new(endpoint: &Endpoint, config: &Config, signal: Signal) -> Result<Self, Problem> {
        let wrong = |error: transport::Error| Problem {
            setting: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
            message: format!("can't be used: {error}"),
        };
        let mut channel = Channel::from_shared(endpoint.url.to_string())
            .map_err(unusable)?
            .user_agent(format!("{}/{}", config.component, build_info::VERSION))
            .map_err(wrong)?
            // An attempt has its own time; connecting outlives it.
            .connect_timeout(config.timeout)
            .executor(Silent)
            .http2_max_header_list_size(HEAD)
            .http2_keep_alive_interval(QUIET);
        if endpoint.url.scheme() == "https" {
            channel = channel.tls_config(tls::of_tonic(config.certificate.as_deref())?).map_err(wrong)?;
        }
        let headers = MetadataMap::from_headers(HeaderMap::from_iter(config.headers.iter().cloned()));
        Ok(Self { channel: Plain(channel.connect_lazy()), method: signal.method(), headers })
    }

    /// As [`Wire::send`](super::wire::Wire::send).
    pub(super) async fn send(&self, message: Bytes) -> Result<Bytes, Failure> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|_| Failure::Unreachable)?;
        let mut request = Request::new(message);
        request.metadata_mut().clone_from(&self.headers);
        let answer = grpc.unary(request, self.method.clone(), Raw).await;
        answer.map(tonic::Response::into_inner).map_err(|status| why(&status))
    }
}

/// A status with a cause is ours, or tonic's of a connection that broke; one without is the collector's, or tonic's of an
/// answer that is none.
fn why(status: &Status) -> Failure {
    match status.source() {
        Some(cause) => cause.downcast_ref::<Failure>().copied().unwrap_or(Failure::Unreachable),
        None => Failure::Grpc(status.code()),
    }
}

/// Messages as the bytes that they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        // A longer one was taken, and must not be sent again. tonic has kept it within 4 MiB.
        if from.remaining() > ANSWER {
            return Err(Status::from_error(Box::new(Failure::Answer)));
        }
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[test]
    fn whose_word_a_status_is_shows_by_its_cause() {
        let broke = Status::from_error(Box::new(std::io::Error::other("secret-of-the-collector")));
        let ours = Status::from_error(Box::new(Failure::Answer));
        for (status, failure) in [
            (Status::unauthenticated("secret-of-the-collector"), Failure::Grpc(Code::Unauthenticated)),
            (Status::unavailable("busy"), Failure::Grpc(Code::Unavailable)),
            (broke, Failure::Unreachable),
            (ours, Failure::Answer),
        ] {
            assert_eq!(why(&status), failure);
            assert!(!failure.to_string().contains("secret"));
        }
    }
}
