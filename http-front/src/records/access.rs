//! The access log: one line for each HTTP request that either listener took, probes too.

use super::{Log, Outcome, usage::SERVICE};
use crate::{auth::KeyName, http::listener::Peer, record::RequestId, routes::table::Side};
use bytes::Bytes;
use http::{Method, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use serde::Serialize;
use shared::time;
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Instant, SystemTime},
};

/// The line of one request. Its last clone writes it: by then the answer's body is over, or the client has left.
#[derive(Debug, Clone)]
pub struct Access(Arc<Entry>);

#[derive(Debug)]
struct Entry {
    log: Log,
    began: Instant,
    listener: &'static str,
    client: Option<SocketAddr>,
    method: &'static str,
    version: &'static str,
    told: Mutex<Told>,
}

/// What becomes known on the way.
#[derive(Debug, Default)]
struct Told {
    request_id: Option<String>,
    route: Option<&'static str>,
    key: Option<KeyName>,
    bytes_in: Option<u64>,
    bytes_out: u64,
    /// How long the body is, where its head says so: nobody asks then whether there is more.
    declared: Option<u64>,
    status: Option<u16>,
    stream: bool,
    ended: Option<(Outcome, Option<String>)>,
    /// Whether the body was taken to its end.
    whole: bool,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    timestamp: String,
    service_type: &'static str,
    request_id: Option<&'a str>,
    listener: &'static str,
    client_addr: Option<SocketAddr>,
    method: &'static str,
    route: &'a str,
    http_version: &'static str,
    status: Option<u16>,
    error_code: Option<&'a str>,
    key: Option<&'a str>,
    bytes_in: Option<u64>,
    bytes_out: u64,
    latency_ms: u64,
    stream: bool,
    outcome: &'static str,
}

impl Access {
    /// The line of a request that begins now.
    fn begin<B>(log: &Log, side: Side, request: &Request<B>) -> Self {
        Self(Arc::new(Entry {
            log: log.clone(),
            began: Instant::now(),
            listener: match side {
                Side::Public => "public",
                Side::Internal { .. } => "internal",
            },
            client: request.extensions().get::<Peer>().map(|peer| peer.addr),
            method: method(request.method()),
            version: version(request.version()),
            told: Mutex::default(),
        }))
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name.
    pub fn named(&self, id: &RequestId) {
        self.told().request_id = Some(id.as_str().to_owned());
    }

    /// The key that it showed.
    pub fn key(&self, key: &KeyName) {
        self.told().key = Some(key.clone());
    }

    /// Its body was read whole.
    pub fn read(&self, bytes: usize) {
        self.told().bytes_in = Some(bytes as u64);
    }

    /// Where it went, and whether its answer is a stream.
    pub fn routed(&self, route: &'static str, stream: bool) {
        let mut told = self.told();
        (told.route, told.stream) = (Some(route), stream);
    }

    /// How it ended, with the code of the error.
    pub fn ended(&self, outcome: Outcome, error_code: Option<&str>) {
        self.told().ended = Some((outcome, error_code.map(str::to_owned)));
    }

    /// The answer's head goes out.
    fn answered<B: Body>(&self, response: &Response<B>) {
        let mut told = self.told();
        told.status = Some(response.status().as_u16());
        let length = response.headers().get(header::CONTENT_LENGTH);
        told.declared = length.and_then(|length| length.to_str().ok()?.parse().ok());
        // An answer to HEAD has no body that anybody takes.
        told.whole = self.0.method == "HEAD" || response.body().is_end_stream();
    }
}

/// Begins the line of a request, where there is a log; the request carries it to whoever knows more of it.
pub fn begin<R>(log: Option<&Log>, side: Side, mut request: Request<R>) -> (Request<R>, Option<Access>) {
    let access = log.map(|log| Access::begin(log, side, &request));
    if let Some(access) = &access {
        request.extensions_mut().insert(access.clone());
    }
    (request, access)
}

/// The answer to a request, with its body counted. Dropped before it is there, the client has left.
pub async fn answer<B, F>(access: Option<Access>, served: F) -> Result<Response<Counted<B>>, Infallible>
where
    B: Body,
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    let response = served.await?;
    if let Some(access) = &access {
        access.answered(&response);
    }
    Ok(response.map(|inner| Counted { inner, access }))
}

impl Drop for Entry {
    fn drop(&mut self) {
        let told = std::mem::take(self.told.get_mut().unwrap_or_else(PoisonError::into_inner));
        let (ended, error_code) = match told.ended {
            Some((outcome, code)) => (outcome, code),
            // What nobody logs otherwise, such as a probe.
            None if told.status.is_some_and(|status| status >= 400) => (Outcome::Error, None),
            None => (Outcome::Ok, None),
        };
        let left = told.status.is_none() || (!told.whole && ended == Outcome::Ok);
        let outcome = if left { Outcome::ClientDisconnect } else { ended };
        self.log.push(&Line {
            timestamp: time::utc(SystemTime::now()),
            service_type: SERVICE,
            request_id: told.request_id.as_deref(),
            listener: self.listener,
            client_addr: self.client,
            method: self.method,
            route: told.route.unwrap_or("none"),
            http_version: self.version,
            status: told.status,
            error_code: error_code.as_deref(),
            key: told.key.as_ref().map(KeyName::as_str),
            bytes_in: told.bytes_in,
            bytes_out: told.bytes_out,
            latency_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            stream: told.stream,
            outcome: outcome.as_str(),
        });
    }
}

/// A body whose bytes are counted, where there is a log for it.
#[derive(Debug)]
pub struct Counted<B> {
    inner: B,
    access: Option<Access>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let (Some(access), Poll::Ready(frame)) = (&self.access, &polled) {
            let mut told = access.told();
            match frame {
                Some(Ok(frame)) => {
                    told.bytes_out += frame.data_ref().map_or(0, |data| data.len() as u64);
                    told.whole = self.inner.is_end_stream() || told.declared == Some(told.bytes_out);
                }
                Some(Err(_)) => {}
                None => told.whole = true,
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A method's name, where it is one of HTTP's own: any other is a text of the client's.
fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{records::Which, reload::Reload};
    use http_body_util::{BodyExt, Full};
    use shared::shutdown::Shutdown;
    use std::future::{pending, ready};

    /// The line of a request whose answer has this status and `body`, of which `taken` frames are taken; `None` where the
    /// client leaves before there is an answer.
    async fn line(method: Method, answer: Option<(u16, &'static str)>, taken: usize) -> serde_json::Value {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let (shutdown, reload) = (Shutdown::new(), Reload::default());
        let log = Log::open(Which::Access, &path, 1 << 20, &Arc::default(), &shutdown, &reload).unwrap();
        let request = Request::builder().method(method).body(()).unwrap();
        let (request, access) = begin(Some(&log), Side::Public, request);
        drop((request, log));
        match answer {
            None => drop(self::answer(access, pending::<Result<Response<Full<Bytes>>, Infallible>>())),
            Some((status, body)) => {
                let response = Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap();
                let served = self::answer(access, ready(Ok(response)));
                let mut body = served.await.unwrap().into_body();
                for _ in 0..taken {
                    body.frame().await;
                }
            }
        }
        shutdown.start_force();
        assert!(
            shutdown.finished(std::time::Duration::from_secs(30)).await,
            "the writer ends with its last line"
        );
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn the_line_tells_how_the_body_ended() {
        for (method, answer, taken, wanted) in [
            (Method::GET, Some((200, "body")), 1, ("ok", 4)),
            (Method::GET, Some((200, "body")), 0, ("client_disconnect", 0)),
            (Method::HEAD, Some((200, "body")), 0, ("ok", 0)),
            (Method::OPTIONS, Some((204, "")), 0, ("ok", 0)),
            (Method::GET, Some((503, "body")), 1, ("error", 4)),
            (Method::POST, None, 0, ("client_disconnect", 0)),
        ] {
            let line = line(method.clone(), answer, taken).await;
            assert_eq!(
                (line["outcome"].as_str(), line["bytes_out"].as_u64()),
                (Some(wanted.0), Some(wanted.1)),
                "{line}"
            );
            assert_eq!(line["status"].as_u64(), answer.map(|(status, _)| u64::from(status)), "{line}");
        }
    }

    #[test]
    fn names_are_of_http_and_not_of_the_client() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"SECRET").unwrap()), "OTHER");
        assert_eq!((version(Version::HTTP_10), version(Version::HTTP_11)), ("1.0", "1.1"));
    }
}
