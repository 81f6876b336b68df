//! One request, its two spans, and what stands in them.

use gateway_tests::{
    otlp::{Mode, Protocol, Receiver},
    pair::KEY,
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};

use crate::ask::{PARENT, TRACE, ask, asking, both, name, parent, spans_of, start};

#[tokio::test]
async fn a_request_is_two_spans_in_its_clients_trace_over_both_protocols() {
    for protocol in Protocol::ALL {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let pair = start(&receiver, protocol).await;
        let headers = [("traceparent", &*parent()), ("tracestate", "vendor=a,other=b")];
        let answer = ask(&pair, &asking("hello there"), &headers).await;
        let request = name(&answer);
        let body: Value = answer.json().await.expect("JSON");
        let (server, model) = both(&receiver, &request).await;

        assert_eq!((&*server.trace, &*server.parent, &*server.state), (TRACE, PARENT, "vendor=a,other=b"));
        assert_eq!((server.kind, &*server.name), (SpanKind::Server, "POST /v1/chat/completions"));
        for (attribute, value) in [
            ("http.request.method", json!("POST")),
            ("http.route", json!("/v1/chat/completions")),
            ("url.path", json!("/v1/chat/completions")),
            ("url.scheme", json!("http")),
            ("http.response.status_code", json!(200)),
            ("server.address", json!("127.0.0.1")),
            ("server.port", json!(pair.addr.port())),
            ("codex.outcome", json!("ok")),
            ("codex.stream", json!(false)),
            ("codex.key", json!("PROXY_API_KEY")),
            ("error.type", Value::Null),
            ("network.protocol.name", Value::Null),
        ] {
            assert_eq!(server.of(attribute), &value, "{attribute}: {server:#?}");
        }
        assert_eq!(server.status, 0);

        assert_eq!((&*model.trace, &*model.parent, &*model.state), (TRACE, &*server.id, "vendor=a,other=b"));
        assert_eq!(model.kind, SpanKind::Client);
        assert!(server.start <= model.start && model.end <= server.end, "{server:#?} {model:#?}");
        let asked = model.of("gen_ai.request.model").as_str();
        assert_eq!(model.name, asked.map_or("chat".to_owned(), |asked| format!("chat {asked}")));
        let usage = &body["usage"];
        for (attribute, value) in [
            ("gen_ai.operation.name", json!("chat")),
            ("gen_ai.provider.name", json!("openai")),
            ("gen_ai.system", json!("openai")),
            ("gen_ai.request.stream", Value::Null),
            ("gen_ai.request.choice.count", Value::Null),
            ("gen_ai.response.id", body["id"].clone()),
            ("gen_ai.response.finish_reasons", json!(["stop"])),
            ("gen_ai.usage.input_tokens", usage["prompt_tokens"].clone()),
            ("gen_ai.usage.output_tokens", usage["completion_tokens"].clone()),
            ("gen_ai.usage.prompt_tokens", usage["prompt_tokens"].clone()),
            ("gen_ai.usage.completion_tokens", usage["completion_tokens"].clone()),
            ("gen_ai.usage.cache_read.input_tokens", usage["prompt_tokens_details"]["cached_tokens"].clone()),
            (
                "gen_ai.usage.reasoning.output_tokens",
                usage["completion_tokens_details"]["reasoning_tokens"].clone(),
            ),
        ] {
            assert_eq!(model.of(attribute), &value, "{attribute}: {model:#?}");
        }
        assert!(usage["prompt_tokens"].is_u64(), "{body}");

        let resource = &server.resource;
        assert_eq!(resource["service.name"], "http-front");
        assert!(resource["service.version"].is_string() && resource["service.instance.id"].is_string());
        assert_eq!(resource["telemetry.sdk.language"], "rust");
        let everything = format!("{:?}", receiver.requests());
        for secret in ["hello there", KEY] {
            assert!(!everything.contains(secret), "{secret} in {everything}");
        }
    }
}

#[tokio::test]
async fn a_completion_is_one_too() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Grpc).await;
    let body = json!({ "model": "codex-5", "prompt": ["one", "two"] });
    let request = pair.client().post(pair.url("/v1/completions")).bearer_auth(KEY).json(&body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let (_, model) = both(&receiver, &name(&answer)).await;
    assert!(model.name.starts_with("text_completion"), "{model:#?}");
    assert_eq!(model.of("gen_ai.operation.name"), "text_completion");
    assert_eq!(model.of("gen_ai.request.choice.count"), 2);
    assert_eq!(model.of("gen_ai.response.finish_reasons"), &json!(["stop", "stop"]));
}

#[tokio::test]
async fn a_bad_traceparent_begins_a_trace_of_its_own() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Grpc).await;
    for bad in [
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-1-1-01",
        "rubbish",
    ] {
        let headers = [("traceparent", bad), ("tracestate", "vendor=a")];
        let answer = ask(&pair, &asking("hello"), &headers).await;
        assert_eq!(answer.status(), 200, "{bad}");
        let (server, _) = both(&receiver, &name(&answer)).await;
        assert!(
            server.trace != TRACE && server.parent.is_empty() && server.state.is_empty(),
            "{bad}: {server:#?}"
        );
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_as_the_conventions_have_it() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Http).await;

    let answer = ask(&pair, &json!({ "model": "codex-5" }), &[]).await;
    assert_eq!(answer.status(), 400);
    let (server, model) = spans_of(&receiver, &name(&answer)).await;
    assert_eq!(
        (server.status, server.of("error.type")),
        (0, &Value::Null),
        "the client's fault is none of ours"
    );
    assert_eq!(server.of("codex.error.code"), "invalid_request_error");
    assert_eq!(server.of("http.response.status_code"), 400);
    assert!(model.is_none(), "the model wasn't asked");

    let answer = ask(&pair, &asking("!fail serverOverloaded\n!fail_message secret-text"), &[]).await;
    let status = answer.status().as_u16();
    assert!(status >= 500, "{status}");
    let (server, model) = both(&receiver, &name(&answer)).await;
    assert_eq!((server.status, model.status), (2, 2), "{server:#?}");
    assert_eq!(server.of("http.response.status_code"), status);
    assert_eq!(server.of("error.type"), model.of("error.type"));
    assert_eq!(server.of("error.type"), "overloaded");
    assert_eq!(model.of("gen_ai.response.finish_reasons"), &json!(["error"]));

    let url = pair.url("/what/a-client-wrote?secret=text");
    let answer = pair.client().get(url).send().await.expect("an answer");
    let (server, _) = spans_of(&receiver, &name(&answer)).await;
    assert_eq!((&*server.name, server.of("http.response.status_code")), ("GET", &json!(404)));
    assert_eq!((server.of("url.path"), server.of("http.route")), (&Value::Null, &Value::Null));

    let method = reqwest::Method::from_bytes(b"A-CLIENTS-METHOD").expect("a method");
    let answer = pair.client().request(method, pair.url("/v1/models")).send().await.expect("an answer");
    let (server, _) = spans_of(&receiver, &name(&answer)).await;
    assert_eq!((&*server.name, server.of("http.request.method")), ("HTTP", &json!("_OTHER")));
    let everything = format!("{:?}", receiver.requests());
    for secret in ["a-client-wrote", "secret-text", "secret=text", "A-CLIENTS-METHOD"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn probes_are_not_traced() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Grpc).await;
    let key = [("Authorization", format!("Bearer {KEY}"))];
    for path in ["/readyz", "/healthz", "/livez", "/health", "/metrics", "/verify"] {
        let mut request = pair.client().get(format!("http://{}{path}", pair.internal));
        for (name, value) in &key {
            request = request.header(*name, value);
        }
        assert_eq!(request.send().await.expect("an answer").status(), 200, "{path}");
    }
    let options = pair.client().request(reqwest::Method::OPTIONS, pair.url("/v1/models"));
    options.send().await.expect("an answer");
    let refused =
        pair.client().get(format!("http://{}/verify", pair.internal)).send().await.expect("an answer");
    // What came behind them is there, so they would be.
    let (server, _) = spans_of(&receiver, &name(&refused)).await;
    assert_eq!(server.of("http.response.status_code"), 401);
    let routes: Vec<_> = receiver.spans().iter().map(|span| span.name.clone()).collect();
    let probes = ["/readyz", "/livez", "/metrics", "OPTIONS"];
    assert!(!routes.iter().any(|name| probes.iter().any(|probe| name.contains(probe))), "{routes:?}");
    assert_eq!(routes.iter().filter(|name| name.contains("/verify")).count(), 1, "{routes:?}");
}

#[tokio::test]
async fn the_operator_says_what_the_process_is_called() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let builder = receiver
        .told(crate::ask::builder(), Protocol::Grpc)
        .front("OTEL_SERVICE_NAME", "codex-app-server")
        .front("OTEL_SERVICE_VERSION", "1.2.3")
        .front("OTEL_ENVIRONMENT", "production")
        .front("OTEL_RESOURCE_ATTRIBUTES", "team=a%20team,service.name=not-this");
    let pair = crate::ask::serving(builder).await;
    let answer = ask(&pair, &asking("hello"), &[]).await;
    let (server, _) = both(&receiver, &name(&answer)).await;
    for (key, value) in [
        ("service.name", "codex-app-server"),
        ("service.version", "1.2.3"),
        ("deployment.environment.name", "production"),
        ("deployment.environment", "production"),
        ("team", "a team"),
    ] {
        assert_eq!(server.resource[key], value);
    }
}
