//! Each step of a reply, as it looks on the wire.

use std::time::{Duration, Instant};

use gateway_tests::upstream::{Config, Gate, Outcome, Pieces, Queue, Reasoning, Reply, Usage};
use serde_json::json;

use crate::harness::{SOON, ask, asking, read, send, upstream, upstream_with};

const TEXT: &str = "response.output_text.delta";

#[tokio::test]
async fn a_text_has_openais_order_of_events() {
    let upstream = upstream(|_: &_| Reply::with_id("resp_x").text("Hello")).await;
    let got = ask(&upstream, "hi").await;
    assert_eq!(
        got.kinds(),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            TEXT,
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let last = &got.events()[8]["response"];
    assert_eq!(last["id"], "resp_x");
    assert_eq!(last["usage"]["total_tokens"], 18);
    assert_eq!(last["output"][0]["content"][0]["text"], "Hello");
    assert_eq!(upstream.wait_outcome(0, SOON).await.expect("it ends"), Outcome::Answered);
}

#[tokio::test]
async fn deltas_come_as_asked() {
    let given = Pieces::deltas(["a", "", "b"]);
    let replies =
        [Reply::new().text(Pieces::new("añ🦊de").chars(2)), Reply::new().text(given), Reply::new().text("")];
    let upstream = upstream(Queue::new(replies)).await;
    assert_eq!(ask(&upstream, "hi").await.deltas(TEXT), ["añ", "🦊d", "e"]);
    assert_eq!(ask(&upstream, "hi").await.deltas(TEXT), ["a", "", "b"]);
    let empty = ask(&upstream, "hi").await;
    assert_eq!(empty.deltas(TEXT), [""; 0]);
    assert_eq!(empty.items()[0]["content"][0]["text"], "");
}

#[tokio::test]
async fn several_items_have_their_own_places_and_ids() {
    let reply = Reply::new()
        .reasoning(Reasoning::new().summary(Pieces::new("think").chars(3)).summary("more").raw("raw"))
        .text_as("msg_mine", "one")
        .text("two")
        .function_call_as("call_7", "get", Pieces::new("{\"a\":1}").chars(4))
        .completed(Usage::new(100, 90, 20, 5));
    let upstream = upstream(Queue::new([reply])).await;
    let got = ask(&upstream, "hi").await;
    let items = got.items();
    assert_eq!(items[0]["summary"][1], json!({"type": "summary_text", "text": "more"}));
    assert_eq!(items[0]["content"], json!([{"type": "reasoning_text", "text": "raw"}]));
    assert!(items[0]["encrypted_content"].is_string());
    assert_eq!(items[1]["id"], "msg_mine");
    assert_eq!(items[3]["call_id"], "call_7");
    assert_eq!(items[3]["arguments"], "{\"a\":1}");
    assert_eq!(got.deltas("response.reasoning_summary_text.delta"), ["thi", "nk", "more"]);
    assert_eq!(got.deltas("response.reasoning_text.delta"), ["raw"]);
    assert_eq!(got.deltas("response.function_call_arguments.delta"), ["{\"a\"", ":1}"]);
    let events = got.events();
    let places = events.iter().filter(|event| event["type"] == "response.output_item.done");
    assert_eq!(places.map(|event| event["output_index"].clone()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let last = events.last().expect("an end");
    assert_eq!(
        last["response"]["usage"],
        json!({
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 90},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 5},
            "total_tokens": 120,
        })
    );
    assert_eq!(last["response"]["output"], json!(items));
}

#[tokio::test]
async fn every_way_to_end() {
    let replies = [
        Reply::new().text("x").failed("rate_limit_exceeded", "try again in 5s"),
        Reply::new().text("x").incomplete("max_output_tokens"),
        Reply::new().error_event("server_error", "broken"),
        Reply::new().text("x").end_of_stream(),
        Reply::new().raw(json!({"type": "response.queued", "k": 1})),
    ];
    let upstream = upstream(Queue::new(replies)).await;
    let failed = ask(&upstream, "hi").await.events();
    let failed = failed.last().expect("an end");
    assert_eq!(failed["type"], "response.failed");
    assert_eq!(failed["response"]["error"]["code"], "rate_limit_exceeded");
    let incomplete = ask(&upstream, "hi").await.events();
    let incomplete = incomplete.last().expect("an end");
    assert_eq!(incomplete["response"]["incomplete_details"], json!({"reason": "max_output_tokens"}));
    let error = ask(&upstream, "hi").await.kinds();
    assert_eq!(error, ["response.created", "response.in_progress", "error"]);
    let ended = ask(&upstream, "hi").await;
    assert!(ended.whole);
    assert_eq!(ended.kinds().last().map(String::as_str), Some("response.output_item.done"));
    let raw = ask(&upstream, "hi").await.kinds();
    assert_eq!(raw[2..], ["response.queued", "response.completed"]);
    let spent = ask(&upstream, "hi").await;
    assert_eq!(spent.status, 500, "a spent queue says so");
}

#[tokio::test]
async fn answers_that_are_no_stream() {
    let replies = [
        Reply::error(401, "no").header("x-request-id", "req_1"),
        Reply::usage_limit(Duration::from_secs(90)),
        Reply::status(503, &json!({"error": {"message": "busy"}})).header("retry-after", "7").wire_chunk(3),
        Reply::body(502, "text/html", "<html>"),
        Reply::bare().raw_bytes("data: {not json\n\n"),
    ];
    let upstream = upstream(Queue::new(replies)).await;
    let response = send(&upstream, &asking("hi")).await.expect("an answer");
    assert_eq!(response.headers()["x-request-id"], "req_1");
    let got = read(response).await;
    assert_eq!((got.status, got.json()["error"]["code"].clone()), (401, json!("invalid_api_key")));
    let got = ask(&upstream, "hi").await;
    assert_eq!((got.status, got.json()["error"]["resets_in_seconds"].clone()), (429, json!(90)));
    assert_eq!(got.json()["error"]["type"], "usage_limit_reached");
    let response = send(&upstream, &asking("hi")).await.expect("an answer");
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(read(response).await.json()["error"]["message"], "busy");
    let got = ask(&upstream, "hi").await;
    assert_eq!((got.status, got.text()), (502, "<html>"));
    let got = ask(&upstream, "hi").await;
    assert_eq!((got.status, got.text()), (200, "data: {not json\n\n"));
    for seq in 0..5 {
        assert_eq!(upstream.wait_outcome(seq, SOON).await.expect("it ends"), Outcome::Answered);
    }
}

#[tokio::test]
async fn bytes_are_split_anywhere_and_lose_nothing() {
    let reply = Reply::new().text("añ🦊");
    let plain = reply.clone();
    let upstream = upstream(Queue::new([plain, reply.wire_chunk(1)])).await;
    let whole = ask(&upstream, "hi").await;
    let split = ask(&upstream, "hi").await;
    assert_eq!(whole.body, split.body);
    assert_eq!(split.chunks, split.body.len());
}

#[tokio::test]
async fn a_coalesced_reply_is_the_same_in_one_chunk() {
    let reply = Reply::new().text(Pieces::new("hello there").chars(1));
    let one = reply.clone().coalesced();
    let config = Config::bench();
    let upstream = upstream_with(Queue::new([reply, one]), config).await;
    let many = ask(&upstream, "hi").await;
    let one = ask(&upstream, "hi").await;
    assert_eq!(many.body, one.body);
    assert!(many.chunks > 1);
    assert_eq!(one.chunks, 1);
}

#[tokio::test]
async fn a_gate_holds_a_stream_and_tells_how_far_it_came() {
    let (reached, go) = (Gate::new(), Gate::new());
    let pieces = Pieces::empty().delta("a").signal(&reached).wait(&go).delta("b");
    let upstream = upstream(Queue::new([Reply::new().text(pieces)])).await;
    let mut response = send(&upstream, &asking("hi")).await.expect("an answer");
    reached.opened("the first delta", SOON).await.expect("it is reached");
    assert_eq!(upstream.outcome(0), Some(Outcome::Running));
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("\"delta\":\"a\"") {
        let chunk = tokio::time::timeout(SOON, response.chunk()).await.expect("in time");
        seen.extend_from_slice(&chunk.expect("no break").expect("no end"));
    }
    go.open();
    let rest = read(response).await;
    assert!(rest.text().contains("\"delta\":\"b\""));
    assert!(rest.whole);
}

#[tokio::test]
async fn a_pause_and_a_delayed_head_take_their_time() {
    let time = Duration::from_millis(30);
    let paced = Reply::new().text(Pieces::new("abc").chars(1).paced(time)).pause(time);
    let upstream = upstream(Queue::new([paced.delayed(time)])).await;
    let start = Instant::now();
    assert!(ask(&upstream, "hi").await.whole);
    assert!(start.elapsed() >= time * 4, "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_head_waits_for_its_gate() {
    let go = Gate::new();
    let upstream = upstream(Queue::new([Reply::new().held(&go)])).await;
    let body = asking("hi");
    let mut answer = std::pin::pin!(send(&upstream, &body));
    tokio::select! {
        biased;
        early = &mut answer => panic!("answered before the gate opened: {early:?}"),
        seen = upstream.wait_request(0, SOON) => { seen.expect("the request comes"); }
    }
    assert_eq!(upstream.outcome(0), Some(Outcome::Running));
    go.open();
    assert!(read(answer.await.expect("an answer")).await.whole);
}
