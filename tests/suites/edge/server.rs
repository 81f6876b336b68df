//! A little HTTP server on loopback: whole requests in, whole answers out. Dropping it closes everything.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

/// No body of these tests is larger.
const MAX_BODY: usize = 1024 * 1024;

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    _accepting: JoinSet<()>,
}

pub(crate) type Answer = Response<Full<Bytes>>;

impl Server {
    /// Starts on a free port.
    pub(crate) async fn start(answer: impl Fn(&Request<Bytes>) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let answer = Arc::new(answer);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = Arc::clone(&answer);
                let service = service_fn(move |request| respond(request, Arc::clone(&answer)));
                connections.spawn(async move {
                    // A client that hangs up is none of the test's business.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { addr, _accepting: accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

async fn respond<F: Fn(&Request<Bytes>) -> Answer>(
    request: Request<Incoming>,
    answer: Arc<F>,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(answer(&Request::from_parts(head, body)))
}
