//! OTLP over HTTP/1.1, as protobuf.
//!
//! A connection for each export. Follows no redirect, because the headers may be secrets, and knows no proxy.

use super::{Failure, tls};
use crate::config::{Config, Endpoint};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::{
    metrics::v1::ExportMetricsServiceResponse, trace::v1::ExportTraceServiceResponse,
};
use prost::Message;
use rustls::pki_types::ServerName;
use shared::{build_info, settings::Problem};
use std::convert::Infallible;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// The most bytes of an answer's body.
const ANSWER: usize = 64 * 1024;
/// The most bytes of an answer's head.
const HEAD: usize = 64 * 1024;
/// What OTLP calls itself.
const PROTOBUF: &str = "application/x-protobuf";

/// A collector behind HTTP.
pub(super) struct Http {
    url: Url,
    host: HeaderValue,
    agent: HeaderValue,
    headers: Vec<(HeaderName, HeaderValue)>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

/// The bytes of a message.
pub(super) fn encode(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

impl Http {
    pub(super) fn new(endpoint: &Endpoint, config: &Config) -> Result<Self, Problem> {
        let wrong = || Problem {
            setting: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
            message: "is no address that can be connected to".to_owned(),
        };
        let url = endpoint.url.clone();
        let host = url.host_str().ok_or_else(wrong)?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let tls = if url.scheme() == "https" {
            let name = match url.host().ok_or_else(wrong)? {
                Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(|_| wrong())?,
                Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(address)),
                Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(address)),
            };
            Some((tls::connector(config.certificate.as_deref())?, name))
        } else {
            None
        };
        Ok(Self {
            host: HeaderValue::try_from(host).map_err(|_| wrong())?,
            agent: HeaderValue::try_from(format!("{}/{}", config.component, build_info::VERSION))
                .map_err(|_| wrong())?,
            headers: config.headers.clone(),
            url,
            tls,
        })
    }

    /// Sends spans; how many were refused.
    pub(super) async fn spans(&self, body: Bytes) -> Result<u64, Failure> {
        let answer: ExportTraceServiceResponse = self.export(body).await?;
        Ok(answer.partial_success.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0)))
    }

    /// Sends metrics; how many points were refused.
    pub(super) async fn metrics(&self, body: Bytes) -> Result<u64, Failure> {
        let answer: ExportMetricsServiceResponse = self.export(body).await?;
        Ok(answer
            .partial_success
            .map_or(0, |partial| u64::try_from(partial.rejected_data_points).unwrap_or(0)))
    }

    async fn export<A: Message + Default>(&self, body: Bytes) -> Result<A, Failure> {
        let host = match self.url.host().ok_or(Failure::Unreachable)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = self.url.port_or_known_default().ok_or(Failure::Unreachable)?;
        let stream = TcpStream::connect((host, port)).await.map_err(|_| Failure::Unreachable)?;
        drop(stream.set_nodelay(true));
        match &self.tls {
            Some((tls, name)) => {
                let stream = tls.connect(name.clone(), stream).await.map_err(|_| Failure::Unreachable)?;
                self.exchange(stream, body).await
            }
            None => self.exchange(stream, body).await,
        }
    }

    async fn exchange<S, A>(&self, stream: S, body: Bytes) -> Result<A, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        A: Message + Default,
    {
        let broke = |error: hyper::Error| {
            if error.is_parse() { Failure::Answer } else { Failure::Unreachable }
        };
        let mut client = http1::Builder::new();
        client.max_buf_size(HEAD);
        let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(broke)?;
        let exchange = async {
            let response = sender.send_request(self.request(body)?).await.map_err(broke)?;
            answer(response).await
        };
        // The connection is part of this future and not a task: it ends with it. What goes wrong with it, the
        // exchange is told.
        let drive = async {
            drop(connection.await);
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            done = exchange => done,
            never = drive => match never {},
        }
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        let path = match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        };
        let mut request = Request::post(path)
            .header(header::HOST, self.host.clone())
            .header(header::USER_AGENT, self.agent.clone())
            .header(header::CONTENT_TYPE, PROTOBUF)
            .body(Full::new(body))
            .map_err(|_| Failure::Unreachable)?;
        request.headers_mut().extend(self.headers.iter().cloned());
        Ok(request)
    }
}

async fn answer<A: Message + Default>(response: Response<Incoming>) -> Result<A, Failure> {
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(Failure::Status(head.status.as_u16()));
    }
    let body = Limited::new(body, ANSWER).collect().await.map_err(|_| Failure::Answer)?.to_bytes();
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    // An empty answer is one to whom nothing was refused. A page of something else says that this is no collector.
    if !body.is_empty() && !kind.is_some_and(|kind| kind.starts_with(PROTOBUF)) {
        return Err(Failure::Answer);
    }
    A::decode(body).map_err(|_| Failure::Answer)
}
