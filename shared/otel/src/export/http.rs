//! The client of OTLP over HTTP/1.1.
//!
//! Follows no redirect, because the headers may be secrets, knows no proxy, and reads a bounded answer.

use super::{
    Failure,
    silent::Silent,
    tls, unusable,
    wire::{ANSWER, HEAD},
};
use crate::config::{Config, Endpoint};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use shared::{build_info, settings::Problem};
use std::error::Error;

/// What OTLP calls itself.
const PROTOBUF: &str = "application/x-protobuf";

/// Sends to a collector.
pub(super) struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(endpoint: &Endpoint, config: &Config) -> Result<Self, Problem> {
        let tls = tls::client(config.certificate.as_deref(), endpoint.url.scheme() == "https")?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let inner = legacy::Client::builder(Silent).http1_max_buf_size(HEAD as usize).build(connector);
        let agent = HeaderValue::try_from(format!("{}/{}", config.component, build_info::VERSION));
        let mut headers = HeaderMap::from_iter(config.headers.iter().cloned());
        headers.extend(agent.map(|agent| (header::USER_AGENT, agent)));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        let uri = Uri::try_from(endpoint.url.as_str()).map_err(unusable)?;
        Ok(Self { inner, uri, headers })
    }

    /// As [`Wire::send`](super::wire::Wire::send).
    pub(super) async fn send(&self, message: Bytes) -> Result<Bytes, Failure> {
        let mut request = Request::new(Full::new(message));
        *request.method_mut() = Method::POST;
        request.uri_mut().clone_from(&self.uri);
        request.headers_mut().clone_from(&self.headers);
        let (head, body) = self.inner.request(request).await.map_err(|error| why(&error))?.into_parts();
        if !head.status.is_success() {
            return Err(Failure::Status(head.status.as_u16()));
        }
        let body = Limited::new(body, ANSWER).collect().await.map_err(|_| Failure::Answer)?.to_bytes();
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        // An empty answer is one to whom nothing was refused. A page of something else says that this is no collector.
        if !body.is_empty() && !kind.is_some_and(|kind| kind.starts_with(PROTOBUF)) {
            return Err(Failure::Answer);
        }
        Ok(body)
    }
}

/// Whether the answer was none of HTTP, or there was none.
fn why(error: &legacy::Error) -> Failure {
    let answer = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    if answer.is_some_and(hyper::Error::is_parse) { Failure::Answer } else { Failure::Unreachable }
}
