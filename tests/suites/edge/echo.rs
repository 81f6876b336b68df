//! In the front's place: it tells what Traefik handed on.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;

use crate::server::Server;

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    /// All values of a header, in their order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().expect("ASCII")).collect()
    }
}

/// Answers 200 to everything and remembers what it was asked.
pub(crate) struct Echo {
    server: Server,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let server = Server::start(move |request: &Request<Bytes>| {
            let seen = Seen {
                method: request.method().clone(),
                path: request.uri().path().to_owned(),
                headers: request.headers().clone(),
            };
            log.lock().expect("nothing panics in here").push(seen);
            Response::new(Full::new(Bytes::from_static(b"seen")))
        })
        .await;
        Self { server, seen }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// What came to this path since the last time; Traefik's own start asks for health.
    pub(crate) fn take(&self, path: &str) -> Vec<Seen> {
        let mut seen = self.seen.lock().expect("nothing panics in here");
        std::mem::take(&mut *seen).into_iter().filter(|seen| seen.path == path).collect()
    }
}
