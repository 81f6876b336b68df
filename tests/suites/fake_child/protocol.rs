//! What the protocol promises, and what the directives and the script change about it.

use gateway_tests::fake_child::{Fake, First, Host, Script, Start, Step};
use serde_json::{Value, json};

use crate::client::converse;

#[tokio::test]
async fn a_turn_says_the_last_user_message() {
    let code = converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        let turn = client.run("!chunks 4\nhello there").await;
        assert_eq!(turn["status"], "completed");
        assert_eq!(turn["items"][0]["text"], "hello there");
        assert_eq!(client.said(), "hello there");
        assert_eq!(client.count("item/agentMessage/delta"), 4);
        let echo = |message: &Value| message["params"]["turnId"] == "auto-compact-0";
        assert!(client.seen.iter().any(echo), "injected items come back");
    })
    .await;
    assert_eq!(code, 0, "the end of the input is a good end");
}

#[test]
fn initialize_comes_first() {
    let mut fake = Fake::new(Script::default(), Host::in_process());
    let steps = fake.on_line(r#"{"id":7,"method":"model/list","params":{}}"#);
    let refused = r#"{"error":{"code":-32600,"message":"Not initialized"},"id":7}"#;
    assert_eq!(steps, [Step::Line(refused.to_owned())]);
    assert!(fake.on_line("no JSON").is_empty());
}

#[tokio::test]
async fn an_opted_out_notification_never_comes() {
    converse(Script::default(), async |client| {
        client.initialize(&["item/agentMessage/delta", "thread/started"]).await;
        client.run("hello").await;
        assert_eq!(client.count("item/agentMessage/delta") + client.count("thread/started"), 0);
    })
    .await;
}

#[tokio::test]
async fn a_hanging_turn_can_be_interrupted_beside_others() {
    converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        let (thread, turn) = client.turn("!hang\nhello").await;
        assert_eq!(client.run("other").await["status"], "completed");
        client.call("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
        let ended = client.notified("turn/completed").await;
        assert_eq!(ended["params"]["turn"]["status"], "interrupted");
        let again = client.call("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
        assert_eq!(again["error"]["message"], "no active turn to interrupt");
    })
    .await;
}

#[tokio::test]
async fn a_crash_comes_in_the_middle() {
    let code = converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        client.turn("!crash\nhello there").await;
        while client.read().await.is_some() {}
        assert_eq!(client.said(), "hello th", "two of three deltas");
    })
    .await;
    assert_eq!(code, 101);
}

#[tokio::test]
async fn server_requests_are_answered_into_the_text() {
    converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        client.turn("!ask currentTime/read\n!ask no/such").await;
        let first = client.notified("currentTime/read").await;
        let second = client.notified("no/such").await;
        client.send(&json!({ "id": first["id"], "result": { "now": 1 } })).await;
        client.send(&json!({ "id": second["id"], "error": { "code": -32601, "message": "no" } })).await;
        client.notified("turn/completed").await;
        assert_eq!(client.said(), "{\"now\":1}\n{\"code\":-32601,\"message\":\"no\"}");
    })
    .await;
}

#[tokio::test]
async fn a_replayed_call_is_not_made_again() {
    converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        let thread = client.thread("!tool look {}").await;
        let call = json!({ "type": "function_call", "call_id": "c", "name": "look", "arguments": "{}" });
        let output = json!({ "type": "function_call_output", "call_id": "c", "output": "seen" });
        client.call("thread/inject_items", json!({ "threadId": thread, "items": [call, output] })).await;
        client.call("turn/start", json!({ "threadId": thread, "input": [] })).await;
        client.notified("turn/completed").await;
        assert_eq!(client.said(), "seen");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn garbage_and_halves_lose_nothing() {
    converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        let turn = client.run("!garbage\n!pause 1000\n!usage 1 2 3 4\nhello").await;
        assert_eq!(turn["items"][0]["text"], "hello");
        assert_eq!(client.garbage, ["this line is not JSON {", ""]);
        assert_eq!(client.count("item/started"), 1);
        let usage = client.seen.iter().find(|message| message["method"] == "rawResponse/completed");
        assert_eq!(usage.expect("usage")["params"]["usage"]["totalTokens"], 4);
    })
    .await;
}

#[tokio::test]
async fn other_directives_do_as_they_say() {
    converse(Script::default(), async |client| {
        client.initialize(&[]).await;
        client.run("!retry\nab").await;
        assert_eq!(client.said(), "aab");
        assert_eq!(client.count("error"), 1);
        client.run("!messages 2\n!flood 100").await;
        assert_eq!(client.count("item/agentMessage/delta"), 3 + 200);
        client.run("!big 70000").await;
        let failed = client
            .run("!fail {\"httpConnectionFailed\":{\"httpStatusCode\":401}}\n!fail_message sorry")
            .await;
        assert_eq!(failed["error"]["codexErrorInfo"]["httpConnectionFailed"]["httpStatusCode"], 401);
        assert_eq!(failed["error"]["message"], "sorry");
        let thread = client.thread("!early_started\nhello").await;
        let id = client.request("turn/start", json!({ "threadId": thread, "input": [] })).await;
        client.notified("turn/started").await;
        client.answered(id).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn requests_are_refused_and_lost_as_scripted() {
    let script = Script {
        overload_first: First::Each(1),
        lose_answers: First::Of([("model/list".to_owned(), 1)].into()),
        thread_started_first: true,
        slow_read_ms: 50,
        start: Start { delay_handshake_ms: 5000, ..Start::default() },
        ..Script::default()
    };
    converse(script, async |client| {
        client.initialize(&[]).await;
        let refused = client.call("model/list", json!({})).await;
        assert_eq!(refused["error"]["code"], -32001);
        let lost = client.request("model/list", json!({})).await;
        let served = client.call("model/list", json!({})).await;
        assert_eq!(served["result"]["data"].as_array().map(Vec::len), Some(2), "one of three is hidden");
        assert!(!client.seen.iter().any(|message| message["id"] == lost));
        client.call("thread/start", json!({})).await;
        client.call("thread/start", json!({})).await;
        assert_eq!(client.count("thread/started"), 1, "it came before the answer");
    })
    .await;
}
