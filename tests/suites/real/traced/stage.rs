//! The pair around the real codex, with a collector, and traces found whole.

use gateway_tests::{
    otlp::{Mode, Protocol, Receiver, Span},
    pair::{Builder, DEADLINE, KEY, Pair},
    upstream::{Pieces, Recorded, Reply, Upstream, Usage},
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use std::collections::HashSet;

/// What codex calls itself.
pub(super) const CODEX: &str = "codex-app-server";
/// The requests on the socket that come before a turn. The daemon has spans of those alone that took long.
const CALLS: [&str; 2] = ["thread/start", "thread/inject_items"];
/// The one that begins it.
const TURN: &str = "turn/start";

pub(super) struct Stage {
    pub(super) pair: Pair,
    pub(super) upstream: Upstream,
    pub(super) receiver: Receiver,
}

/// The spans of a whole trace.
pub(super) struct Spans {
    pub(super) all: Vec<Span>,
}

impl Stage {
    pub(super) async fn new(protocol: Protocol) -> Self {
        Self::with(protocol, |builder| builder).await
    }

    /// With a collector that all are told of.
    pub(super) async fn with(protocol: Protocol, more: impl FnOnce(Builder) -> Builder) -> Self {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        Self::at(receiver, protocol, more).await
    }

    /// With one behind TLS that wants a key.
    pub(super) async fn private(protocol: Protocol, secret: &str) -> Self {
        let receiver = Receiver::start_tls(Mode::Normal).expect("a receiver");
        let headers = format!("x-key={secret}");
        Self::at(receiver, protocol, |builder| builder.both("OTEL_EXPORTER_OTLP_HEADERS", &headers)).await
    }

    async fn at(receiver: Receiver, protocol: Protocol, more: impl FnOnce(Builder) -> Builder) -> Self {
        let upstream = Upstream::start(answer).await.expect("an upstream");
        let builder = receiver.told(Builder::real(&upstream.base_url()).expect("a home"), protocol);
        let pair = more(builder).start().await.expect("a ready pair");
        Self { pair, upstream, receiver }
    }

    /// Asks for a text; the answer must be one.
    pub(super) async fn ask(&self, text: &str, headers: &[(&str, &str)]) {
        let body = json!({ "model": "gpt-5.5", "messages": [{ "role": "user", "content": text }] });
        self.post(&body, headers).await;
    }

    pub(super) async fn post(&self, body: &Value, headers: &[(&str, &str)]) {
        let answer = self.send(body, headers).await;
        assert_eq!(answer.status(), 200);
        tokio::time::timeout(DEADLINE, answer.bytes())
            .await
            .expect("an end in time")
            .expect("a whole answer");
    }

    pub(super) async fn send(&self, body: &Value, headers: &[(&str, &str)]) -> reqwest::Response {
        let url = self.pair.url("/v1/chat/completions");
        let mut request = self.pair.client().post(url).bearer_auth(KEY).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        tokio::time::timeout(DEADLINE, request.send()).await.expect("a head in time").expect("an answer")
    }

    /// The trace that the upstream was told with this text.
    pub(super) fn upstreams_trace(&self, text: &str) -> String {
        let requests = self.upstream.requests();
        let seen = requests.iter().find(|seen| seen.last_user_text().as_deref() == Some(text));
        parent_of(seen.expect("a request of this text")).0
    }

    /// Waits until this trace is there, whole, with so many turns: see [`complete`].
    pub(super) async fn whole(&self, trace: &str, turns: usize) -> Spans {
        let saw: Vec<(String, String)> = self
            .upstream
            .requests()
            .iter()
            .filter(|seen| seen.header("traceparent").is_some())
            .map(|seen| parent_of(seen))
            .collect();
        let what = format!("the whole trace {trace}");
        let found = self.receiver.until(&what, |receiver| {
            let all: Vec<Span> = receiver.spans().into_iter().filter(|span| span.trace == trace).collect();
            complete(&all, turns, &saw).then_some(Spans { all })
        });
        let spans = found.await.expect("a whole trace");
        for method in CALLS.into_iter().chain([TURN]) {
            for span in spans.daemon(method) {
                assert_eq!(span.kind, SpanKind::Server);
                assert_eq!(span.of("rpc.method"), method);
                assert_eq!(span.of("rpc.system.name"), "jsonrpc");
                assert!(
                    span.of("codex.request.id").as_str().is_some_and(|id| id.starts_with("req_")),
                    "{span:?}"
                );
                assert!(span.end >= span.start);
            }
        }
        spans
    }
}

/// Whether front, daemon and codex have told all of a trace: each parent is there, but the first one's; below the front's
/// span is the model's, below that are codex's of what comes before a turn, and the daemon's of the turn with codex's
/// below it; and the span that the upstream was told of is one of codex's.
fn complete(all: &[Span], turns: usize, saw: &[(String, String)]) -> bool {
    let ids: HashSet<&str> = all.iter().map(|span| span.id.as_str()).collect();
    let outside: Vec<&Span> = all.iter().filter(|span| !ids.contains(span.parent.as_str())).collect();
    let [front] = outside.as_slice() else { return false };
    let below = |parent: &Span, service: &str, kind: SpanKind| {
        let mine = all.iter().filter(|span| span.parent == parent.id && span.kind == kind);
        mine.filter(|span| span.resource["service.name"] == service).collect::<Vec<_>>()
    };
    let models = below(front, "http-front", SpanKind::Client);
    let daemons: Vec<&Span> =
        models.iter().flat_map(|model| below(model, "worker-daemon", SpanKind::Server)).collect();
    let codexs = |parents: &[&Span], name: &str| {
        let codexs = all.iter().filter(|span| span.resource["service.name"] == CODEX && span.name == name);
        codexs.filter(|span| parents.iter().any(|parent| parent.id == span.parent)).count()
    };
    let begun: Vec<&Span> = daemons.into_iter().filter(|span| span.name == TURN).collect();
    let steps = begun.len() == turns
        && codexs(&begun, TURN) == turns
        && CALLS.iter().all(|call| codexs(&models, call) == turns);
    let told = saw.iter().filter(|(trace, _)| *trace == front.trace);
    front.resource["service.name"] == "http-front"
        && front.kind == SpanKind::Server
        && !models.is_empty()
        && steps
        && told.clone().count() == turns
        && told
            .into_iter()
            .all(|(_, id)| all.iter().any(|span| span.id == *id && span.resource["service.name"] == CODEX))
}

impl Spans {
    /// The first span.
    pub(super) fn front(&self) -> &Span {
        let front = self
            .all
            .iter()
            .find(|span| span.resource["service.name"] == "http-front" && span.kind == SpanKind::Server);
        front.expect("the front's span")
    }

    /// The daemon's spans of a method.
    pub(super) fn daemon(&self, method: &str) -> Vec<&Span> {
        let all = self.all.iter().filter(|span| span.resource["service.name"] == "worker-daemon");
        all.filter(|span| span.name == method).collect()
    }
}

/// The trace and the span that the upstream was told of.
pub(super) fn parent_of(seen: &Recorded) -> (String, String) {
    let header = seen.header("traceparent").expect("the upstream is told of a trace");
    let fields: Vec<&str> = header.split('-').collect();
    (fields[1].to_owned(), fields[2].to_owned())
}

/// Says what was asked; of `stall` a beginning alone, and of `call` nothing but that.
fn answer(request: &Recorded) -> Reply {
    let text = request.last_user_text().unwrap_or_default();
    if text == "stall" {
        return Reply::new().text(Pieces::new("a beginning").stall());
    }
    if text == "call" {
        return Reply::new().function_call_as("call_a", "one", "{}").completed(Usage::new(10, 2, 5, 1));
    }
    Reply::new().text(text.as_str()).completed(Usage::new(10, 2, 5, 1))
}
