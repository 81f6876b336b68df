//! Serves the upstream on loopback: routes, reads, checks, asks the brain, plays.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::brain::Brain;
use super::player::{Cut, Player, prelude};
use super::record::{Expired, Log, Outcome, RecordMode, Recorded, Totals};
use super::strict;

/// No history in a test is larger than this.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// How an upstream is run.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Where to listen.
    pub addr: SocketAddr,
    /// What to remember.
    pub record: RecordMode,
    /// Whether to refuse what OpenAI refuses.
    pub strict: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), record: RecordMode::All, strict: true }
    }
}

impl Config {
    /// The cheapest: nothing is remembered or checked, and the body is not parsed unless the brain asks.
    #[must_use]
    pub fn bench() -> Self {
        Self { record: RecordMode::CountOnly, strict: false, ..Self::default() }
    }
}

/// A running upstream. Dropping it closes everything.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    log: Arc<Log>,
    stop: CancellationToken,
    accepting: JoinSet<()>,
}

struct Shared {
    brain: Box<dyn Brain>,
    log: Arc<Log>,
    strict: bool,
}

type Answer = Response<Either<Full<Bytes>, Player>>;

impl Upstream {
    /// Starts on a free port of loopback, remembering and checking everything.
    ///
    /// # Errors
    /// When the port can't be bound.
    pub async fn start(brain: impl Brain + 'static) -> io::Result<Self> {
        Self::start_with(brain, Config::default()).await
    }

    /// Starts as the configuration says.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn start_with(brain: impl Brain + 'static, config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.addr).await?;
        let addr = listener.local_addr()?;
        let log = Arc::new(Log::new(config.record));
        let stop = CancellationToken::new();
        let shared =
            Arc::new(Shared { brain: Box::new(brain), log: Arc::clone(&log), strict: config.strict });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, shared, stop.clone()));
        Ok(Self { addr, log, stop, accepting })
    }

    /// What a provider's `base_url` should be.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The requests to `/v1/responses` so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<Recorded>> {
        self.log.requests()
    }

    /// Requests to anything but `/v1/responses`, as `METHOD /path`.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        self.log.strays()
    }

    /// What OpenAI would have refused, over all requests.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let requests = self.requests();
        requests
            .iter()
            .flat_map(|request| request.problems.iter().map(move |text| format!("#{} {text}", request.seq)))
            .collect()
    }

    /// How many requests there were, by how they ended.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.log.totals()
    }

    /// How this request ended, if it is remembered.
    #[must_use]
    pub fn outcome(&self, seq: u64) -> Option<Outcome> {
        self.log.outcome(seq)
    }

    /// The first request, earlier ones too, for which `matches` holds.
    ///
    /// # Errors
    /// Says `what` was waited for, and what came instead, when the deadline passes first.
    pub async fn wait_for(
        &self,
        what: &str,
        deadline: Duration,
        matches: impl Fn(&Recorded) -> bool,
    ) -> Result<Arc<Recorded>, Expired> {
        self.log.wait(what, deadline, |log| log.requests().into_iter().find(|request| matches(request))).await
    }

    /// The request with this number.
    ///
    /// # Errors
    /// When it has not come before the deadline.
    pub async fn wait_request(&self, seq: u64, deadline: Duration) -> Result<Arc<Recorded>, Expired> {
        self.wait_for(&format!("request #{seq}"), deadline, |request| request.seq == seq).await
    }

    /// How this request ended, once it has.
    ///
    /// # Errors
    /// When it has not ended before the deadline.
    pub async fn wait_outcome(&self, seq: u64, deadline: Duration) -> Result<Outcome, Expired> {
        self.log
            .wait(&format!("the end of request #{seq}"), deadline, |log| {
                log.outcome(seq).filter(|outcome| *outcome != Outcome::Running)
            })
            .await
    }

    /// The first totals for which `matches` holds; these exist in every [`RecordMode`].
    ///
    /// # Errors
    /// When they don't come to that before the deadline.
    pub async fn wait_totals(
        &self,
        what: &str,
        deadline: Duration,
        matches: impl Fn(&Totals) -> bool,
    ) -> Result<Totals, Expired> {
        self.log.wait(what, deadline, |log| Some(log.totals()).filter(|totals| matches(totals))).await
    }

    /// Closes every connection and waits until they are closed.
    pub async fn shutdown(mut self) {
        self.log.stop();
        self.stop.cancel();
        while self.accepting.join_next().await.is_some() {}
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.log.stop();
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => {
                // A peer that left before it was accepted concerns nobody.
                if let Ok((stream, _peer)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Without it, small frames wait for the peer's acknowledgement; a failure only makes them slower.
    let _slower = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { answer(&shared, request).await }
    });
    // Its errors are the cuts of the script and the hang-ups of the peer, and both are in the record.
    let _seen =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Result<Answer, Cut> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if head.method == Method::POST && path == "/v1/responses" {
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            return Err(Cut);
        };
        return respond(shared, &head.headers, body.to_bytes()).await;
    }
    shared.log.stray(format!("{} {path}", head.method));
    if head.method == Method::GET && path == "/v1/models" {
        let model =
            |id: &str| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "scripted"});
        return Ok(plain(
            StatusCode::OK,
            &json!({"object": "list", "data": [model("gpt-5.5"), model("gpt-6.1-sol")]}),
        ));
    }
    let message = format!("Invalid URL ({} {path})", head.method);
    let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": null});
    Ok(plain(StatusCode::NOT_FOUND, &json!({"error": error})))
}

async fn respond(shared: &Shared, headers: &HeaderMap, body: Bytes) -> Result<Answer, Cut> {
    let parsed = OnceLock::new();
    let problems = if shared.strict {
        match serde_json::from_slice::<Value>(&body) {
            Ok(json) => {
                let problems = strict::check(&json);
                parsed.get_or_init(|| json);
                problems
            }
            Err(error) => vec![strict::Problem::unparsable(&error.to_string())],
        }
    } else {
        Vec::new()
    };
    let (request, mut ticket) = shared.log.enter(Recorded {
        seq: 0,
        at: Instant::now(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body,
        problems: problems.iter().map(ToString::to_string).collect(),
        parsed,
    });
    if let Some(problem) = problems.first() {
        ticket.finish(Outcome::Refused);
        return Ok(plain(StatusCode::BAD_REQUEST, &problem.envelope()));
    }
    let mut reply = shared.brain.reply(&request).sealed();
    drop(request);
    prelude(&reply, &mut ticket).await?;
    let headers = std::mem::take(&mut reply.headers);
    let mut response = Response::new(Either::Right(Player::new(reply.ops, reply.wire_chunk, ticket)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

fn plain(status: StatusCode, body: &Value) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body.to_string()))));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
