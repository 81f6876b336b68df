//! Bodies that are no chat completion request: each is 400 with the field that is wrong, and the front lives on.

use serde_json::{Value, json};

use crate::door::{asking, builder, chat, failure, once, said, start};
use crate::raw::Raw;

/// A good request with one member replaced.
fn with(name: &str, value: Value) -> Vec<u8> {
    let mut body = asking("hi");
    body[name] = value;
    body.to_string().into_bytes()
}

fn messages(messages: Value) -> Vec<u8> {
    with("messages", messages)
}

#[tokio::test]
async fn what_is_not_json_is_400_without_a_field() {
    let pair = start(builder()).await;
    let mut lone = messages(json!([{ "role": "user", "content": "LONE" }]));
    lone = String::from_utf8(lone).expect("JSON is UTF-8").replace("LONE", r"\ud800").into_bytes();
    let mut broken = messages(json!([{ "role": "user", "content": "LONE" }]));
    let at = broken.windows(4).position(|w| w == b"LONE").expect("the mark is there");
    broken[at..at + 2].copy_from_slice(&[0xff, 0xfe]);
    let mut twice = asking("hi").to_string();
    twice.push_str("{}");
    for (what, body) in [
        ("one brace", b"{".to_vec()),
        ("text", b"hello".to_vec()),
        ("a form", b"model=codex-5&messages=hi".to_vec()),
        ("single quotes", b"{'model':'codex-5'}".to_vec()),
        ("half a request", asking("hi").to_string().as_bytes()[..30].to_vec()),
        ("two values", twice.into_bytes()),
        ("a lone surrogate", lone),
        ("no UTF-8", broken),
        (
            "a control character",
            b"{\"model\":\"codex-5\",\"messages\":[{\"role\":\"user\",\"content\":\"a\nb\"}]}".to_vec(),
        ),
    ] {
        let answer = once(&pair, &chat(&body)).await;
        let error = failure(&answer, 400, None);
        assert_eq!(error["type"], "invalid_request_error", "{what}");
        assert_eq!(error["param"], Value::Null, "{what}: {error}");
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("The body is not valid JSON"), "{what}: {message}");
    }
    // An empty body never says how long it is, so it is put together here.
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(chat(b"")).await;
    failure(&raw.answer().await, 400, None);
}

#[tokio::test]
async fn a_wrong_type_is_400_with_its_path() {
    let pair = start(builder()).await;
    let user = |content: Value| messages(json!([{ "role": "user", "content": content }]));
    for (body, param, code) in [
        (json!({ "messages": [] }).to_string().into_bytes(), "model", None),
        (with("model", json!(7)), "model", None),
        (with("model", Value::Null), "model", None),
        (json!({ "model": "codex-5" }).to_string().into_bytes(), "messages", None),
        (with("messages", Value::Null), "messages", None),
        (messages(json!("hi")), "messages", None),
        (messages(json!({})), "messages", None),
        (messages(json!([])), "messages", None),
        (messages(json!(["hi"])), "messages[0]", None),
        (messages(json!([["user", "hi"]])), "messages[0]", None),
        (messages(json!([{ "content": "hi" }])), "messages[0].role", None),
        (messages(json!([{ "role": "owner", "content": "hi" }])), "messages[0].role", None),
        (messages(json!([{ "role": { "user": null }, "content": "hi" }])), "messages[0].role", None),
        (messages(json!([{ "role": 1, "content": "hi" }])), "messages[0].role", None),
        (messages(json!([{ "role": "user" }])), "messages[0].content", None),
        (user(json!(5)), "messages[0].content", None),
        (user(json!({ "type": "text" })), "messages[0].content", None),
        (user(json!([])), "messages[0].content", None),
        (user(json!(["hi"])), "messages[0].content[0]", None),
        (user(json!([{ "text": "hi" }])), "messages[0].content[0].type", None),
        (user(json!([{ "type": "text" }])), "messages[0].content[0].text", None),
        (user(json!([{ "type": "text", "text": 1 }])), "messages[0].content[0].text", None),
        (
            user(json!([{ "type": "hologram", "text": "x" }])),
            "messages[0].content[0].type",
            Some("unsupported_value"),
        ),
        (with("stream", json!("yes")), "stream", None),
        (with("stream_options", json!({ "include_usage": true })), "stream_options", None),
        (with("stream_options", json!([true])), "stream_options", None),
        (with("stream_options", json!({ "include_usage": 1 })), "stream_options.include_usage", None),
        (with("reasoning_effort", json!(3)), "reasoning_effort", None),
        (with("reasoning_effort", json!("frantic")), "reasoning_effort", Some("unsupported_value")),
        (with("metadata", json!("x")), "metadata", None),
        (with("metadata", json!({ "a": 1 })), "metadata.a", None),
        (with("metadata", json!({ "a": "x".repeat(513) })), "metadata", None),
        (with("user", json!("x".repeat(513))), "user", None),
        (with("n", json!(6)), "n", None),
        (with("stop", json!(["a", ""])), "stop[1]", None),
        (with("max_tokens", json!(0)), "max_tokens", None),
        (with("temperature", json!("warm")), "temperature", None),
        (with("verbosity", json!("loud")), "verbosity", None),
        (with("reasoning", json!({ "summary": "long" })), "reasoning.summary", None),
        (with("logprobs", json!(true)), "logprobs", Some("unsupported_parameter")),
        (with("audio", json!({})), "audio", Some("unsupported_parameter")),
    ] {
        let shown = String::from_utf8_lossy(&body).chars().take(200).collect::<String>();
        let error = failure(&once(&pair, &chat(&body)).await, 400, code);
        assert_eq!(error["type"], "invalid_request_error", "{shown}");
        assert_eq!(error["param"], param, "{shown}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_400() {
    let pair = start(builder()).await;
    let listed = json!(["codex-5", [{ "role": "user", "content": "hi" }]]);
    for body in ["null", "7", "\"hi\"", "[]", &listed.to_string()] {
        let error = failure(&once(&pair, &chat(body.as_bytes())).await, 400, None);
        assert_eq!(error["param"], Value::Null, "{body}: {error}");
    }
}

#[tokio::test]
async fn an_unknown_model_is_404_and_named() {
    let pair = start(builder()).await;
    let error =
        failure(&once(&pair, &chat(&with("model", json!("gpt-none")))).await, 404, Some("model_not_found"));
    assert_eq!(error["param"], "model");
    assert!(error["message"].as_str().is_some_and(|m| m.contains("`gpt-none`")), "{error}");
    let long = with("model", json!("m".repeat(100_000)));
    let answer = once(&pair, &chat(&long)).await;
    failure(&answer, 404, Some("model_not_found"));
    assert!(answer.body.len() < 1_000, "the name is cut, not echoed in full: {} bytes", answer.body.len());
}

#[tokio::test]
async fn nesting_of_any_depth_is_survived() {
    const DEPTH: usize = 100_000;
    let pair = start(builder()).await;
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    let objects = "{\"a\":".repeat(DEPTH);
    let inside = |member: &str, value: &str| {
        let body = asking("hi").to_string();
        format!("{},\"{member}\":{value}}}", &body[..body.len() - 1])
    };
    for (what, body) in [
        ("open brackets", open.clone()),
        ("closed brackets", format!("{open}{close}")),
        ("objects", objects.clone()),
        ("a known parameter", inside("tools", &format!("{open}{close}"))),
        ("a typed parameter", inside("metadata", &format!("{objects}1{}", "}".repeat(DEPTH)))),
        ("an unknown parameter that never ends", inside("novelty", &open)),
        ("messages", format!("{{\"model\":\"codex-5\",\"messages\":{open}{close}}}")),
    ] {
        let answer = once(&pair, &chat(body.as_bytes())).await;
        let error = failure(&answer, 400, None);
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.len() < 400, "{what}: {message}");
    }
    // What we don't know is skipped without being built, so its depth costs nothing.
    let body = inside("novelty", &format!("{open}{close}"));
    assert_eq!(said(&once(&pair, &chat(body.as_bytes())).await), "hi");
}

#[tokio::test]
async fn null_is_absent_and_the_unknown_is_skipped() {
    let pair = start(builder()).await;
    let mut body = asking("hi");
    for name in [
        "stream",
        "stream_options",
        "reasoning_effort",
        "user",
        "metadata",
        "n",
        "stop",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
        "response_format",
        "logprobs",
        "top_logprobs",
        "modalities",
        "audio",
        "web_search_options",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "logit_bias",
        "parallel_tool_calls",
        "prediction",
        "verbosity",
        "service_tier",
        "store",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "safety_identifier",
        "truncation",
        "max_tool_calls",
        "moderation",
        "reasoning",
        "reasoning_summary",
        "never_heard_of",
    ] {
        body[name] = Value::Null;
    }
    body["messages"][0]["name"] = Value::Null;
    body["messages"][0]["tool_calls"] = Value::Null;
    body["novelty"] = json!({ "deep": [1, { "x": "y" }] });
    body["messages"][0]["novelty"] = json!([1]);
    let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
    assert_eq!(said(&answer), "hi");
    assert_eq!(answer.header("x-codex-ignored-params"), None, "null is not sent, so not ignored");
}

#[tokio::test]
async fn what_has_no_effect_is_named_and_the_model_is_the_one_asked_for() {
    let pair = start(builder().front("PROXY_MODEL_ALIASES", "codex-5=,quick=gpt-fake-0:low")).await;
    for (name, stream) in [("codex-5", false), ("quick", false), ("gpt-fake-1", false), ("quick", true)] {
        let mut body = asking("hi");
        body["model"] = json!(name);
        body["stream"] = json!(stream);
        body["temperature"] = json!(0.3);
        body["seed"] = json!(7);
        let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-codex-ignored-params"), Some("temperature,seed"), "{}", answer.head);
        let frames =
            answer.text().split("\n\n").filter_map(|f| f.lines().find_map(|l| l.strip_prefix("data: ")));
        let objects: Vec<Value> = match stream {
            true => frames
                .filter(|f| *f != "[DONE]")
                .map(|f| serde_json::from_str(f).expect("a chunk is JSON"))
                .collect(),
            false => vec![answer.json()],
        };
        assert!(objects.iter().all(|o| o["model"] == name), "{objects:?}");
    }
}
