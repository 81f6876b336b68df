//! A pair that exports, and requests to it.

use gateway_tests::{
    fake_child::Script,
    otlp::{Protocol, Receiver, Span},
    pair::{Builder, KEY, Pair},
};
use serde_json::{Value, json};

/// The trace that clients of these tests are in.
pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// The span that they ask from.
pub(crate) const PARENT: &str = "b7ad6b7169203331";

/// A pair around a well-behaved child.
pub(crate) fn builder() -> Builder {
    Builder::fake(&Script::default()).expect("a home for the pair")
}

/// A pair that exports to this receiver.
pub(crate) async fn start(receiver: &Receiver, protocol: Protocol) -> Pair {
    serving(receiver.told(builder(), protocol)).await
}

/// A pair that knows its models.
pub(crate) async fn serving(builder: Builder) -> Pair {
    let pair = builder.start().await.expect("the pair starts");
    let known = pair.eventually("the models to be known", || async {
        let models = pair.client().get(pair.url("/v1/models")).bearer_auth(KEY).send();
        (models.await.ok()?.status() == 200).then_some(())
    });
    known.await.expect("the pair serves");
    pair
}

/// A request of a client in a trace.
pub(crate) async fn ask(pair: &Pair, body: &Value, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = pair.client().post(pair.url("/v1/chat/completions")).bearer_auth(KEY).json(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

/// `traceparent` of [`TRACE`], sampled.
pub(crate) fn parent() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

/// The body of a request for one text.
pub(crate) fn asking(prompt: &str) -> Value {
    json!({ "model": "codex-5", "messages": [{ "role": "user", "content": prompt }] })
}

/// The name of an answer.
pub(crate) fn name(answer: &reqwest::Response) -> String {
    let name = answer.headers().get("x-request-id").expect("every answer has a name");
    name.to_str().expect("text").to_owned()
}

/// Whether it is the front's own of this request; the daemon's have the same name of the request.
pub(crate) fn is_server(span: &Span, request: &str) -> bool {
    span.of("codex.request.id") == request && span.of("http.request.method").is_string()
}

/// The server span of a request, and the model's below it where there is one.
pub(crate) async fn spans_of(receiver: &Receiver, request: &str) -> (Span, Option<Span>) {
    let server = receiver
        .span(&format!("the span of {request}"), |span| is_server(span, request))
        .await
        .expect("a server span");
    let below = receiver
        .spans()
        .into_iter()
        .find(|span| span.parent == server.id && span.of("gen_ai.system") == "openai");
    (server, below)
}

/// Both spans of a request for the model.
pub(crate) async fn both(receiver: &Receiver, request: &str) -> (Span, Span) {
    let found = receiver
        .until(&format!("the spans of {request}"), |receiver| {
            let spans = receiver.spans();
            let server = spans.iter().find(|span| is_server(span, request))?;
            let model =
                spans.iter().find(|span| span.parent == server.id && span.of("gen_ai.system") == "openai")?;
            Some((server.clone(), model.clone()))
        })
        .await;
    found.expect("two spans")
}
