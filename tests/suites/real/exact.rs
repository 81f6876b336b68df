//! What goes up for a chat completion is the client's messages and nothing else, whatever harness a model has.
//!
//! Whole bodies are compared: as soon as a version of codex adds a member, an item or a header, a test fails.

use super::support::{Stage, asking, message, request};
use gateway_tests::{
    described,
    pair::{Builder, KEY},
    upstream::{Recorded, Reply, Usage},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A model that no catalog knows.
const OWN: &str = "own-model-1";
/// What codex says of itself beside the conversation. None of it reaches the model.
const METADATA: &[&str] = &[
    "root_turn_id",
    "session_id",
    "thread_id",
    "turn_id",
    "x-codex-installation-id",
    "x-codex-turn-metadata",
    "x-codex-window-id",
];
/// The same in headers, and those of HTTP itself.
const HEADERS: &[&str] = &[
    "accept",
    "content-length",
    "content-type",
    "host",
    "originator",
    "session-id",
    "thread-id",
    "user-agent",
    "x-client-request-id",
    "x-codex-beta-features",
    "x-codex-turn-metadata",
    "x-codex-window-id",
];

/// What OpenAI's Responses API should get for a message.
fn item(message: &Value) -> Value {
    let role = match message["role"].as_str().expect("a role") {
        "system" => "developer",
        role => role,
    };
    let part = if role == "assistant" { "output_text" } else { "input_text" };
    let texts = match &message["content"] {
        Value::Array(parts) => parts.iter().map(|part| part["text"].clone()).collect(),
        text @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            vec![text.clone()]
        }
    };
    let content: Vec<Value> = texts.into_iter().map(|text| json!({"type": part, "text": text})).collect();
    json!({"type": "message", "role": role, "content": content})
}

/// The whole request that should go up, but for the ids that [`redacted`] takes out.
fn expected(model: &str, effort: Option<&str>, messages: &[Value]) -> Value {
    json!({
        "model": model,
        "input": messages.iter().map(item).collect::<Vec<_>>(),
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        // Who names an effort is told of the reasoning, so codex is asked to tell of it.
        "reasoning": effort.map_or(json!({}), |effort| json!({"effort": effort, "summary": "auto"})),
        "store": false,
        "stream": true,
        "include": ["reasoning.encrypted_content"],
    })
}

/// The recorded request without what is random in it, after checking that this has its usual form.
fn redacted(recorded: &Recorded) -> Value {
    let mut body = recorded.json().clone();
    let body_members: &mut Map<String, Value> = body.as_object_mut().expect("an object");
    let key = body_members.remove("prompt_cache_key").expect("a cache key");
    let thread = key.as_str().expect("a text");
    assert!(is_uuid(thread), "{thread}");
    let metadata = body_members.remove("client_metadata").expect("metadata");
    check_metadata(&metadata, thread);
    for item in body["input"].as_array_mut().expect("items") {
        let id = item.as_object_mut().and_then(|item| item.remove("id"));
        let id = id.and_then(|id| id.as_str().map(str::to_owned)).expect("an id");
        assert!(id.strip_prefix("msg_").is_some_and(is_uuid), "{id}");
    }
    body
}

fn check_metadata(metadata: &Value, thread: &str) {
    let members = metadata.as_object().expect("an object");
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, METADATA, "{metadata:#}");
    assert_eq!(metadata["thread_id"], thread);
    assert_eq!(metadata["session_id"], thread);
    assert_eq!(metadata["x-codex-window-id"], format!("{thread}:0"));
    for name in ["root_turn_id", "turn_id", "x-codex-installation-id"] {
        assert!(metadata[name].as_str().is_some_and(is_uuid), "{metadata:#}");
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// Fails with the first difference only: these bodies can have millions of bytes.
fn assert_exact(recorded: &Recorded, expected: &Value) {
    let got = redacted(recorded);
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(&got), keys(expected), "the members of the upstream request");
    for (name, value) in expected.as_object().expect("an object") {
        if name != "input" {
            assert_eq!(&got[name], value, "{name}");
        }
    }
    let (items, wanted) =
        (got["input"].as_array().expect("items"), expected["input"].as_array().expect("items"));
    for (at, (item, wanted)) in items.iter().zip(wanted).enumerate() {
        if item != wanted {
            let shown = |value: &Value| value.to_string().chars().take(300).collect::<String>();
            panic!("item {at} is {} and not {}", shown(item), shown(wanted));
        }
    }
    assert_eq!(items.len(), wanted.len(), "the number of items");
}

/// Asks and gives the one request that went up.
async fn gone_up(stage: &Stage, body: &Value) -> std::sync::Arc<Recorded> {
    let got = stage.ask([Reply::new().text("Done.")], body).await;
    assert_eq!(got.content(), "Done.");
    stage.upstream.requests().pop().expect("a request")
}

/// Every role, the same one twice, in orders that no chat would have; empty texts, and parts.
fn odd() -> Vec<Value> {
    vec![
        message("assistant", "I speak first."),
        message("user", ""),
        message("user", "Two of\r\n\tus. \u{2028}🦀 \"quoted\" \\ <b>&amp;</b>"),
        message("system", "You are a system in the middle."),
        message("system", "And another."),
        json!({"role": "developer", "content": [
            {"type": "text", "text": "In"}, {"type": "text", "text": ""}, {"type": "text", "text": "parts"},
        ]}),
        message("assistant", ""),
        json!({"role": "assistant", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]}),
        json!({"role": "user", "content": [{"type": "text", "text": "same"}, {"type": "text", "text": "same"}]}),
        message("user", "<environment_context>mine</environment_context>"),
        message("user", "# AGENTS.md instructions\n<INSTRUCTIONS>x</INSTRUCTIONS>"),
        message("system", "The last word."),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_messages_go_up_for_models_of_every_harness() {
    let stage = Stage::new().await;
    // Code mode with agents v2; the same without an effort `ultra`; with agents v1; none of all that.
    for model in ["gpt-6.1-sol", "gpt-6-luna", "gpt-5.6-luna", "gpt-5.5"] {
        for messages in [vec![message("user", "Hello.")], odd()] {
            let sent = gone_up(&stage, &request(model, &messages, false)).await;
            assert_exact(&sent, &expected(model, None, &messages));
        }
        let mut body = request(model, &odd(), false);
        body["reasoning_effort"] = json!("high");
        let sent = gone_up(&stage, &body).await;
        assert_exact(&sent, &expected(model, Some("high"), &odd()));
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_outside_the_catalog_has_no_harness_either() {
    let stage = Stage::with(|url| {
        let builder = Builder::real(url).expect("a home");
        builder.both("CODEX_MODEL", OWN)
    })
    .await;
    for name in [OWN, "codex-5"] {
        let mut body = request(name, &odd(), false);
        let sent = gone_up(&stage, &body).await;
        assert_exact(&sent, &expected(OWN, None, &odd()));
        body["reasoning_effort"] = json!("low");
        let sent = gone_up(&stage, &body).await;
        assert_exact(&sent, &expected(OWN, Some("low"), &odd()));
    }
    let history = vec![message("user", &"Long. ".repeat(500_000))];
    let sent = gone_up(&stage, &request(OWN, &history, false)).await;
    assert_exact(&sent, &expected(OWN, None, &history));
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn long_histories_go_up_whole_in_one_request() {
    let stage = Stage::new().await;
    let roles = ["user", "assistant", "system"];
    let history = |count: usize, size: usize| -> Vec<Value> {
        let text = |n: usize| format!("{n} {}", "wörd ".repeat(size / 6));
        (0..count).map(|n| message(roles[n % roles.len()], &text(n))).collect()
    };
    let three_megabytes = history(300, 10_000);
    let ten_thousand = history(10_000, 12);
    // OpenAI takes 10 MiB in one text.
    let two_messages = history(2, 10_000_000);
    for (model, messages) in [
        ("gpt-5.5", three_megabytes.clone()),
        ("gpt-6.1-sol", three_megabytes),
        ("gpt-5.6-luna", ten_thousand),
        ("gpt-5.5", two_messages),
    ] {
        let sent = gone_up(&stage, &request(model, &messages, false)).await;
        assert_exact(&sent, &expected(model, None, &messages));
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_client_but_its_messages_leaks_up() {
    let stage = Stage::new().await;
    let mut body = asking(false);
    body["user"] = json!("secret-user");
    body["metadata"] = json!({"secret-key": "secret-value"});
    body["safety_identifier"] = json!("secret-identifier");
    body["prompt_cache_key"] = json!("secret-cache");
    let sent = gone_up(&stage, &body).await;
    assert_exact(&sent, &expected("gpt-5.5", None, &[message("user", "Go.")]));
    let headers: BTreeMap<&str, &str> = sent.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(headers.keys().copied().collect::<Vec<_>>(), HEADERS, "the headers that go up");
    let everything = format!("{headers:?} {}", sent.json());
    for leak in ["secret", KEY, "chatcmpl"] {
        assert!(!everything.contains(leak), "{leak} in {everything}");
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usage_is_the_upstreams() {
    let stage = Stage::new().await;
    for (input, cached, output, reasoning) in [(1234, 1000, 567, 89), (1, 0, 0, 0), (0, 0, 0, 0)] {
        let reply = || {
            let usage = Usage::new(input, cached, output, reasoning);
            Reply::new().text("Counted.").completed(usage)
        };
        let wanted = json!({
            "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoning, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        });
        let got = stage.ask([reply()], &asking(false)).await;
        assert_eq!(got.json()["usage"], wanted);
        let mut body = asking(true);
        body["stream_options"] = json!({"include_usage": true});
        let stream = stage.ask([reply()], &body).await.stream();
        assert_eq!(stream.complete("stop"), "Counted.");
        let chunks = stream.chunks();
        let (last, others) = chunks.split_last().expect("chunks");
        assert_eq!((&last["usage"], &last["choices"]), (&wanted, &json!([])));
        assert!(others.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
        let stream = stage.ask([reply()], &asking(true)).await.stream();
        assert_eq!(stream.complete("stop"), "Counted.");
        assert!(stream.chunks().iter().all(|chunk| chunk.get("usage").is_none()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_models_are_the_childs_visible_ones_and_the_aliases() {
    let stage = Stage::new().await;
    let get = async |path: &str| -> (u16, Value) {
        let request = stage.pair.client().get(stage.pair.url(path)).bearer_auth(KEY);
        let answer = request.send().await.expect("an answer");
        let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a text"));
        described::check(status, Some("application/json"), &text);
        (status, serde_json::from_str(&text).expect("JSON"))
    };
    let (status, list) = get("/v1/models").await;
    assert_eq!((status, &list["object"]), (200, &json!("list")));
    let cards = list["data"].as_array().expect("cards");
    let mut ids: Vec<&str> = cards.iter().filter_map(|card| card["id"].as_str()).collect();
    ids.sort_unstable();
    let mut wanted = visible();
    wanted.extend(["codex-5".to_owned(), "codev-5".to_owned()]);
    wanted.sort_unstable();
    assert_eq!(ids, wanted);
    for card in cards {
        let id = card["id"].as_str().expect("an id");
        assert_eq!(get(&format!("/v1/models/{id}")).await, (200, card.clone()));
    }
    let (status, error) = get("/v1/models/gpt-nobody").await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
}

/// The models that codex itself would offer, from its raw catalog.
fn visible() -> Vec<String> {
    let home = tempfile::tempdir().expect("a home");
    let output = std::process::Command::new(gateway_tests::pair::real_codex())
        .args(["debug", "models", "--bundled"])
        .env("CODEX_HOME", home.path())
        .output()
        .expect("codex runs");
    let catalog: Value = serde_json::from_slice(&output.stdout).expect("a catalog");
    let models = catalog["models"].as_array().expect("models").iter();
    let listed = models.filter(|model| model["visibility"] == "list");
    listed.filter_map(|model| model["slug"].as_str().map(str::to_owned)).collect()
}
