//! Conversations with calls and results, as the model sees them.

use super::once;
use crate::support::{Stage, message};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

fn calling(content: Value, calls: &[(&str, &str, &str)]) -> Value {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(id, name, arguments)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    json!({"role": "assistant", "content": content, "tool_calls": calls})
}

fn result(id: &str, content: impl Into<Value>) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content.into()})
}

/// What the model saw of `messages`, without the ids that codex gives to items.
async fn seen(stage: &Stage, messages: &[Value]) -> (Vec<Value>, Option<String>) {
    let body = json!({"model": "codex-5", "messages": messages});
    let got = once(stage, Reply::new().text("fine"), &body).await;
    assert_eq!(got.content(), "fine");
    let requests = stage.upstream.requests();
    let mut items = requests[requests.len() - 2].input().to_vec();
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        item.shift_remove("id");
    }
    (items, got.header("x-codex-repairs").map(str::to_owned))
}

fn said(role: &str, text: &str) -> Value {
    let part = if role == "assistant" { "output_text" } else { "input_text" };
    json!({"type": "message", "role": role, "content": [{"type": part, "text": text}]})
}

fn called(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "name": name, "arguments": arguments, "call_id": id})
}

fn gave(id: &str, output: impl Into<Value>) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": output.into()})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_round_goes_up_as_it_was() {
    let stage = Stage::new().await;
    let large = "0123456789abcdef\u{1f980}\r\n".repeat(20_000);
    let odd = "{\"a\":  1e400, \"b\": \"\\u0041\"}";
    let parts = json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]);
    let (items, repairs) = seen(
        &stage,
        &[
            message("user", "Go."),
            calling(json!("Let me see."), &[("a", "f", odd), ("b", "g", "{}")]),
            result("b", large.as_str()),
            result("a", parts),
            calling(Value::Null, &[("c", "f", "not json")]),
            result("c", ""),
            message("assistant", "Half done."),
            message("user", "And now?"),
        ],
    )
    .await;
    let texts = json!([{"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}]);
    assert_eq!(
        items,
        [
            said("user", "Go."),
            said("assistant", "Let me see."),
            called("a", "f", odd),
            called("b", "g", "{}"),
            gave("b", large),
            gave("a", texts),
            called("c", "f", "not json"),
            gave("c", ""),
            said("assistant", "Half done."),
            said("user", "And now?"),
        ]
    );
    assert_eq!(repairs, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_histories_are_repaired_and_reported() {
    let stage = Stage::new().await;
    let lacking = "No result: the conversation does not hold what this call gave.";
    let (items, repairs) = seen(
        &stage,
        &[
            calling(Value::Null, &[("a", "f", "{}"), ("b", "f", "{}")]),
            result("b", "rb"),
            message("user", "Never mind."),
            result("z", "from nowhere"),
        ],
    )
    .await;
    assert_eq!(
        items,
        [
            called("a", "f", "{}"),
            called("b", "f", "{}"),
            gave("b", "rb"),
            gave("a", lacking),
            said("user", "Never mind."),
            called("z", "unknown_function", "{}"),
            gave("z", "from nowhere"),
        ]
    );
    assert_eq!(repairs.as_deref(), Some("missing_tool_output,orphan_tool_output"));

    let long = "x".repeat(86);
    let (items, repairs) = seen(
        &stage,
        &[
            calling(Value::Null, &[(&long, "mcp__a__b", "{}")]),
            result(&long, "1"),
            calling(Value::Null, &[("0", "f", "{}")]),
            result("0", "2"),
            calling(Value::Null, &[("0", "f", "{}")]),
            result("0", "3"),
            json!({"role": "assistant", "content": null, "refusal": "I won't."}),
        ],
    )
    .await;
    assert_eq!(items[0]["name"], "fn_mcp__a__b");
    let outputs: Vec<&Value> = items.iter().filter_map(|item| item.get("output")).collect();
    assert_eq!(outputs, ["1", "2", "3"]);
    assert_eq!(items[6], said("assistant", "I won't."));
    assert_eq!(repairs.as_deref(), Some("tool_name,tool_call_id,refusal_as_text"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_form_goes_up_as_calls_and_results() {
    let stage = Stage::new().await;
    let (items, repairs) = seen(
        &stage,
        &[
            message("user", "Go."),
            json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}}),
            json!({"role": "function", "name": "f", "content": "r"}),
        ],
    )
    .await;
    let id = items[1]["call_id"].as_str().expect("an id").to_owned();
    assert_eq!(items[1..], [called(&id, "f", "{}"), gave(&id, "r")]);
    assert_eq!(repairs, None);
}
