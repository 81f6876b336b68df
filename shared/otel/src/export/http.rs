//! The client of OTLP over HTTP/1.1.
//!
//! Takes the address and the body of what the library wants sent, and none of its headers, which it takes out of the
//! environment too. Follows no redirect, because the headers may be secrets, knows no proxy, and reads a bounded answer.

use super::{Failure, heard::Heard, tls};
use crate::config::{Config, Endpoint};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use shared::{build_info, settings::Problem};
use std::error::Error;

/// The most bytes of an answer's body.
const ANSWER: usize = 64 * 1024;
/// The most bytes of an answer's head.
const HEAD: usize = 64 * 1024;
/// What OTLP calls itself.
const PROTOBUF: &str = "application/x-protobuf";

/// Sends to a collector.
pub(super) struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    headers: HeaderMap,
    heard: Heard,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(endpoint: &Endpoint, config: &Config, heard: Heard) -> Result<Self, Problem> {
        let tls = tls::client(config.certificate.as_deref(), endpoint.url.scheme() == "https")?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let inner = legacy::Client::builder(TokioExecutor::new()).http1_max_buf_size(HEAD).build(connector);
        let agent = HeaderValue::try_from(format!("{}/{}", config.component, build_info::VERSION));
        let mut headers = HeaderMap::from_iter(config.headers.iter().cloned());
        headers.extend(agent.map(|agent| (header::USER_AGENT, agent)));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        Ok(Self { inner, headers, heard })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let (head, body) = request.into_parts();
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
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
        Ok(Response::new(body))
    }
}

/// Whether the answer was none of HTTP, or there was none.
fn why(error: &legacy::Error) -> Failure {
    let answer = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    if answer.is_some_and(hyper::Error::is_parse) { Failure::Answer } else { Failure::Unreachable }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.exchange(request).await.map_err(|failure| {
            self.heard.failed(failure);
            failure.into()
        })
    }
}
