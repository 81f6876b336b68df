//! A collector that throws away what it gets: it counts the bytes and says that all is well, as cheaply as that can be.

use bytes::Bytes;
use futures_util::stream;
use gateway_tests::otlp::Protocol;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::net::TcpListener;

/// An empty message of gRPC: not compressed, no bytes.
const EMPTY: &[u8] = &[0, 0, 0, 0, 0];

/// A collector on loopback.
pub(crate) struct Sink {
    addr: SocketAddr,
    protocol: Protocol,
    bytes: Arc<AtomicU64>,
}

impl Sink {
    /// One for this protocol.
    #[expect(clippy::disallowed_methods, reason = "a benchmark's own tasks")]
    pub(crate) async fn start(protocol: Protocol) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                let service = hyper::service::service_fn(move |request| take(request, Arc::clone(&counted)));
                tokio::spawn(async move {
                    // An exporter that leaves is no matter.
                    let server = auto::Builder::new(TokioExecutor::new());
                    drop(server.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Ok(Self { addr, protocol, bytes })
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it is to be spoken to with.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Bytes that came, of messages alone.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

type Body = StreamBody<stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

async fn take(request: Request<Incoming>, bytes: Arc<AtomicU64>) -> Result<Response<Body>, Infallible> {
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    let grpc = kind.as_ref().is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        bytes.fetch_add(frame.data_ref().map_or(0, Bytes::len) as u64, Ordering::Relaxed);
    }
    let ok = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let frames = if grpc {
        vec![Ok(Frame::data(Bytes::from_static(EMPTY))), Ok(Frame::trailers(ok))]
    } else {
        Vec::new()
    };
    let mut response = Response::new(StreamBody::new(stream::iter(frames)));
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}
