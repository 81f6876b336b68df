//! Streams: their spans live until the last byte, however it ends.

use gateway_tests::{
    otlp::{Mode, Protocol, Receiver},
    pair::{Answer, asking},
};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::ask::{ask, both, builder, is_server, name, serving, start};

#[tokio::test]
async fn a_streams_spans_live_as_long_as_it_does() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let builder = receiver.told(builder(), Protocol::Grpc).front("PROXY_SSE_KEEPALIVE_MS", "20");
    let pair = serving(builder).await;
    let mut answer =
        Answer::to(&pair, "!chunks 3\n!pause 1500\n!echo one two three", true).await.expect("a head");
    let request = answer.header("x-request-id").expect("a name").to_owned();
    assert!(answer.until("a part of the text", |text| !text.is_empty()).await.expect("text"));
    let open = |receiver: &Receiver| receiver.spans().iter().any(|span| is_server(span, &request));
    assert!(!open(&receiver), "it isn't over");
    answer.end().await.expect("an end");
    let (server, model) = both(&receiver, &request).await;
    assert_eq!(server.of("codex.stream"), true);
    assert_eq!(server.of("http.response.status_code"), 200);
    assert_eq!(model.of("gen_ai.request.stream"), true);
    let names = model.event_names();
    assert_eq!(names.iter().filter(|name| **name == "codex.first_token").count(), 1, "{names:?}");
    assert!(names.contains(&"codex.keep_alive") && names.last() == Some(&"codex.end"), "{names:?}");
    let kept_alive = names.iter().filter(|name| **name == "codex.keep_alive").count();
    assert!(kept_alive <= 2, "{names:?}");
    let count = model.of("codex.keep_alive.count").as_u64().expect("a count");
    assert!(count >= kept_alive as u64, "{model:#?}");
    let first = model.of("gen_ai.response.time_to_first_chunk").as_f64().expect("seconds");
    let at = model.events.iter().find(|(_, name, _)| name == "codex.first_token").expect("an event").0;
    // The two pauses behind the first piece.
    assert!(at + 2_000_000_000 <= model.end, "{model:#?}");
    assert!(first > 0.0);
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_spans() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Http).await;
    let mut answer = Answer::to(&pair, "!echo one two\n!hang", true).await.expect("a head");
    let request = answer.header("x-request-id").expect("a name").to_owned();
    assert!(answer.until("a part of the text", |text| !text.is_empty()).await.expect("text"));
    drop(answer);
    let (server, model) = both(&receiver, &request).await;
    for span in [&server, &model] {
        assert_eq!(span.status, 0, "nobody's fault: {span:#?}");
        assert!(span.event_names().contains(&"codex.client_disconnect"), "{span:#?}");
    }
    assert_eq!(server.of("codex.outcome"), "client_disconnect");
    assert_eq!(model.of("gen_ai.response.finish_reasons"), &json!(["error"]), "it never came to its end");
    assert_eq!(server.of("http.response.status_code"), 200);
}

#[tokio::test]
async fn a_failure_behind_the_head_is_an_error() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Grpc).await;
    let mut answer = Answer::to(&pair, "!chunks 2\n!echo one two\n!exit 3", true).await.expect("a head");
    let request = answer.header("x-request-id").expect("a name").to_owned();
    assert_eq!(answer.status(), 200);
    answer.end().await.expect("an end");
    let (server, model) = both(&receiver, &request).await;
    assert_eq!((server.status, model.status), (2, 2), "{server:#?}");
    assert_eq!(server.of("http.response.status_code"), 200);
    assert_eq!(server.of("error.type"), "worker_restarted");
    assert_eq!(model.of("error.type"), "worker_restarted");
}

#[tokio::test]
async fn calls_are_events_without_their_names() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Grpc).await;
    let mut body = asking("!tool secret_tool {\"secret\":\"argument\"}", true);
    body["tools"] = json!([{ "type": "function", "function": { "name": "secret_tool" } }]);
    let answer = ask(&pair, &body, &[]).await;
    let request = name(&answer);
    let text = answer.text().await.expect("a stream");
    assert!(text.contains("secret_tool"), "{text}");
    let (_, model) = both(&receiver, &request).await;
    let calls: Vec<_> = model.events.iter().filter(|(_, name, _)| name == "codex.tool_call").collect();
    assert_eq!(calls.len(), 1, "{model:#?}");
    assert_eq!(calls[0].2["gen_ai.tool.type"], "function");
    assert_eq!(model.of("gen_ai.response.finish_reasons"), &json!(["tool_calls"]));
    assert!(!format!("{:?}", receiver.requests()).contains("secret"));
}

#[tokio::test]
async fn the_calls_of_every_choice_are_counted() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let pair = start(&receiver, Protocol::Grpc).await;
    for stream in [false, true] {
        let mut body = asking("!tool a_tool {}", stream);
        body["tools"] = json!([{ "type": "function", "function": { "name": "a_tool" } }]);
        body["n"] = json!(3);
        let answer = ask(&pair, &body, &[]).await;
        let request = name(&answer);
        answer.text().await.expect("an answer");
        let (_, model) = both(&receiver, &request).await;
        let calls = model.events.iter().filter(|(_, name, _)| name == "codex.tool_call");
        let indices: Vec<_> = calls.map(|(_, _, call)| call["codex.tool_call.index"].clone()).collect();
        assert_eq!(indices, [0, 1, 2], "{model:#?}");
        assert_eq!(model.of("codex.tool_call.count"), 3, "{model:#?}");
    }
}

#[tokio::test]
async fn a_forced_end_sends_what_was_open() {
    let receiver = Receiver::start(Mode::Normal).expect("a receiver");
    let builder = receiver
        .told(builder(), Protocol::Grpc)
        // Nothing is sent before the end.
        .front("OTEL_BSP_SCHEDULE_DELAY", "600000")
        .front("PROXY_SHUTDOWN_GRACE_MS", "100");
    let mut pair = serving(builder).await;
    let mut answer = Answer::to(&pair, "!echo one two\n!hang", true).await.expect("a head");
    let request = answer.header("x-request-id").expect("a name").to_owned();
    assert!(answer.until("a part of the text", |text| !text.is_empty()).await.expect("text"));
    pair.front.signal(Signal::SIGTERM).expect("a process");
    answer.end().await.expect("an end");
    assert_eq!(pair.front.wait().await.expect("the front ends"), Some(0));
    let (server, model) = both(&receiver, &request).await;
    assert_eq!((server.of("error.type"), model.of("error.type")), (&json!("draining"), &json!("draining")));
}
