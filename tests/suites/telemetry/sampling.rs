//! Which requests are traced.

use gateway_tests::{
    otlp::{Mode, Protocol, Receiver},
    pair::Pair,
};
use serde_json::Value;

use crate::ask::{PARENT, TRACE, ask, asking, both, builder, name, parent, serving, spans_of, start};

/// What the last line of this request says of its trace.
async fn told(pair: &Pair, request: &str) -> Value {
    let last = |line: &Value| line["event"] == "request_end" && line["request_id"] == request;
    pair.front.logged("its end", last).await.expect("a line")["trace_id"].clone()
}

/// A request of somebody who shows no key, in a trace with this flag.
async fn stranger(pair: &Pair, path: &str, flag: &str) -> String {
    let parent = format!("00-{TRACE}-{PARENT}-{flag}");
    let asked = pair.client().post(pair.url(path)).header("traceparent", parent).json(&asking("hello"));
    let answer = asked.send().await.expect("an answer");
    assert!(answer.status().is_client_error());
    name(&answer)
}

#[tokio::test]
async fn a_strangers_flag_is_not_believed() {
    for (sampler, traced) in [("parentbased_always_off", false), ("parentbased_always_on", true)] {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let builder = receiver.told(builder(), Protocol::Grpc).front("OTEL_TRACES_SAMPLER", sampler);
        let mut pair = serving(builder).await;
        let mut names = Vec::new();
        for path in ["/v1/chat/completions", "/nowhere"] {
            for flag in ["01", "00"] {
                names.push(stranger(&pair, path, flag).await);
            }
        }
        assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0));
        for name in names {
            let spans = receiver.spans();
            let found = spans.iter().find(|span| span.of("codex.request.id") == name.as_str());
            assert_eq!(found.is_some(), traced, "{sampler} {name}");
            // Its place in the stranger's trace is kept all the same.
            assert!(found.is_none_or(|span| span.trace == TRACE && span.parent == PARENT), "{found:?}");
        }
    }
}

#[tokio::test]
async fn a_line_names_a_trace_that_can_be_found() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Grpc).await;
    let client = pair.client();
    let verify =
        client.get(format!("http://{}/verify", pair.internal)).header("authorization", "Bearer none");
    for (what, asked) in [
        ("no route", client.get(pair.url("/nowhere"))),
        ("another method", client.put(pair.url("/v1/models"))),
        ("no key", client.post(pair.url("/v1/chat/completions")).json(&asking("hello"))),
        ("a key that doesn't pass", verify),
    ] {
        let answer = asked.send().await.expect("an answer");
        assert!(answer.status().is_client_error(), "{what}");
        let request = name(&answer);
        let (server, _) = spans_of(&receiver, &request).await;
        assert_eq!(told(&pair, &request).await, *server.trace, "{what}");
    }
    let answer = ask(&pair, &asking("hello"), &[]).await;
    let (server, _) = both(&receiver, &name(&answer)).await;
    assert_eq!(told(&pair, &name(&answer)).await, *server.trace);

    let unsampled = receiver.told(builder(), Protocol::Grpc).front("OTEL_TRACES_SAMPLER", "always_off");
    let pair = serving(unsampled).await;
    let answer = ask(&pair, &asking("hello"), &[]).await;
    assert_eq!(told(&pair, &name(&answer)).await, Value::Null, "it is nowhere");
    let answer = ask(&pair, &asking("hello"), &[("traceparent", &*parent())]).await;
    assert_eq!(told(&pair, &name(&answer)).await, TRACE, "the client has it");
}

#[tokio::test]
async fn an_unsampled_parent_is_believed_by_the_parentbased_samplers_alone() {
    for (sampler, argument, traced) in [
        ("parentbased_always_on", "", [true, false, true]),
        ("always_on", "", [true, true, true]),
        ("parentbased_always_off", "", [true, false, false]),
        ("always_off", "", [false, false, false]),
        ("parentbased_traceidratio", "0", [true, false, false]),
        ("traceidratio", "1", [true, true, true]),
    ] {
        let receiver = Receiver::start(Mode::Normal).expect("a receiver");
        let builder = receiver
            .told(builder(), Protocol::Grpc)
            .front("OTEL_TRACES_SAMPLER", sampler)
            .front("OTEL_TRACES_SAMPLER_ARG", argument);
        let mut pair = serving(builder).await;
        let unsampled = format!("00-{TRACE}-{PARENT}-00");
        let mut names = Vec::new();
        for parent in [Some(&*parent()), Some(&*unsampled), None] {
            let headers: Vec<_> = parent.iter().map(|parent| ("traceparent", *parent)).collect();
            let answer = ask(&pair, &asking("hello"), &headers).await;
            assert_eq!(answer.status(), 200);
            names.push(name(&answer));
        }
        // Its end sends all that there is.
        assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0));
        for (name, traced) in names.iter().zip(traced) {
            let found = receiver.spans().iter().any(|span| span.of("codex.request.id") == name.as_str());
            assert_eq!(found, traced, "{sampler} {argument}: {names:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_exported_where_it_is_switched_off() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let off = receiver.told(builder(), Protocol::Grpc).front("OTEL_SDK_DISABLED", "true");
    let mut pair = serving(off).await;
    ask(&pair, &asking("hello"), &[]).await;
    assert_eq!(pair.front.terminate().await.expect("the front ends"), Some(0));
    let ours = |receiver: &Receiver| {
        receiver.spans().iter().filter(|span| span.resource["service.name"] == "http-front").count()
    };
    assert_eq!(ours(&receiver), 0);

    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let spans_alone = receiver.told(builder(), Protocol::Http).both("OTEL_METRICS_EXPORTER", "none");
    let pair = serving(spans_alone).await;
    let answer = ask(&pair, &asking("hello"), &[]).await;
    spans_of(&receiver, &name(&answer)).await;
    assert_eq!(pair.stop().await.expect("an end"), (Some(0), Some(0)));
    assert!(receiver.metrics().is_empty());
}

#[tokio::test]
async fn a_signals_own_address_is_used_as_it_is() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let builder = builder()
        .front("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .front("OTEL_BSP_SCHEDULE_DELAY", "20")
        .front("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/a/path/traces", receiver.endpoint()));
    let pair = serving(builder).await;
    let answer = ask(&pair, &asking("hello"), &[]).await;
    both(&receiver, &name(&answer)).await;
    assert!(receiver.requests().iter().all(|request| request.path == "/a/path/traces"));
}
