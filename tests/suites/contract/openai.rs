//! Real answers of a running pair against OpenAI's own description of its API (`tests/data`, version 2.3.0).

use std::sync::LazyLock;

use gateway_tests::{fake_child::Script, pair::Pair};
use serde_json::{Value, json};

use crate::generated::{faults, fits};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../data/openapi-subset.json");
    let mut description = serde_json::from_str(text).expect("the description is JSON");
    nullable(&mut description);
    description
});

/// The description calls itself OpenAPI 3.1, whose schemas are JSON Schema, but says `nullable: true` in places, as
/// 3.0 did. JSON Schema ignores that word, so a `finish_reason: null` or a `usage: null` would be refused. Here such a
/// schema allows what it says or `null`.
fn nullable(schema: &mut Value) {
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        let mut inner = schema.take();
        inner["nullable"] = Value::Bool(false);
        *schema = json!({ "anyOf": [inner, { "type": "null" }] });
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(nullable),
        Value::Array(elements) => elements.iter_mut().for_each(nullable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One component, with everything that it refers to.
fn component(name: &str) -> Value {
    let components = &DESCRIPTION["components"];
    assert!(components["schemas"][name].is_object(), "no component {name}");
    json!({ "$ref": format!("#/components/schemas/{name}"), "components": components })
}

fn chunk_fits(chunk: &Value) {
    fits("a chunk", &component("CreateChatCompletionStreamResponse"), chunk);
}

async fn pair() -> Pair {
    let pair = Pair::fake(&Script::default()).await.expect("the pair starts");
    let known = pair.eventually("the models to be known", || async {
        let models = pair.client().get(pair.url("/v1/models")).send().await.ok()?;
        models.status().is_success().then_some(())
    });
    known.await.expect("the pair serves");
    pair
}

async fn body(pair: &Pair, text: &str, more: Value) -> String {
    let mut request = json!({ "model": "codex-5", "messages": [{ "role": "user", "content": text }] });
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let answer = pair.chat(&request).await.expect("an answer");
    let text = tokio::time::timeout(gateway_tests::pair::DEADLINE, answer.text()).await;
    text.expect("the body ends in time").expect("a whole body")
}

fn chunks(stream: &str) -> Vec<Value> {
    let frames =
        stream.split("\n\n").filter_map(|frame| frame.lines().find_map(|l| l.strip_prefix("data: ")));
    let chunks = frames.filter(|data| *data != "[DONE]");
    chunks.map(|data| serde_json::from_str(data).expect("a chunk is JSON")).collect()
}

#[tokio::test]
async fn a_chat_completion_is_as_described() {
    let pair = pair().await;
    let schema = component("CreateChatCompletionResponse");
    for text in ["hi", "", "!messages 3", "!reasoning why\nhi", "!usage 0 0 0 0\nhi", "\u{1f980}\n\"q\""] {
        let object: Value = serde_json::from_str(&body(&pair, text, json!({})).await).expect("JSON");
        fits(text, &schema, &object);
        assert_eq!(object["object"], "chat.completion", "{object}");
    }
}

#[tokio::test]
async fn every_chunk_is_as_described() {
    let pair = pair().await;
    for text in ["hi", "!chunks 20\na longer text of more words", "!messages 2\nhi", "!retry_early\nhi"] {
        for usage in [false, true] {
            let options = json!({ "stream": true, "stream_options": { "include_usage": usage } });
            let stream = body(&pair, text, options).await;
            assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
            let chunks = chunks(&stream);
            chunks.iter().for_each(chunk_fits);
            let (last, others) = chunks.split_last().expect("chunks");
            assert!(others.len() >= 3, "{stream}");
            for chunk in others {
                assert_eq!(chunk.get("usage"), usage.then_some(&Value::Null), "{chunk}");
            }
            if usage {
                assert_eq!(last["choices"], json!([]), "{last}");
                fits("the usage", &component("CompletionUsage"), &last["usage"]);
            }
        }
    }
}

#[tokio::test]
async fn the_models_are_as_described() {
    let pair = pair().await;
    let get = async |path: &str| -> Value {
        let answer = pair.client().get(pair.url(path)).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    let list = get("/v1/models").await;
    fits("the list", &component("ListModelsResponse"), &list);
    let cards = list["data"].as_array().expect("cards");
    assert!(cards.len() >= 3, "{list}");
    for card in cards {
        let name = card["id"].as_str().expect("a name");
        let one = get(&format!("/v1/models/{name}")).await;
        fits(name, &component("Model"), &one);
        assert_eq!(&one, card);
    }
}

#[tokio::test]
async fn failures_are_as_described() {
    let pair = pair().await;
    let schema = component("ErrorResponse");
    for text in ["!fail usageLimitExceeded", "!fail badRequest", "!fail internalServerError"] {
        let failure: Value = serde_json::from_str(&body(&pair, text, json!({})).await).expect("JSON");
        fits(text, &schema, &failure);
    }
    // One that comes after the head is a frame of the same shape: the SDKs look for a member `error`.
    let stream = body(&pair, "hi\n!fail internalServerError", json!({ "stream": true })).await;
    let chunks = chunks(&stream);
    let (last, others) = chunks.split_last().expect("chunks");
    others.iter().for_each(chunk_fits);
    fits("the last frame", &schema, last);
}

#[test]
fn what_is_not_as_described_is_seen() {
    let card = json!({ "id": "m", "object": "model", "created": 1, "owned_by": "o" });
    fits("a good card", &component("Model"), &card);
    for (name, value) in [("created", json!("now")), ("object", json!("engine")), ("id", Value::Null)] {
        let mut card = card.clone();
        card[name] = value;
        assert!(!faults(&component("Model"), &card).is_empty(), "{card} passed");
    }
    let chunk = json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": null }],
    });
    chunk_fits(&chunk);
    let mut odd = chunk;
    odd["choices"][0]["finish_reason"] = json!("done");
    assert!(!faults(&component("CreateChatCompletionStreamResponse"), &odd).is_empty(), "{odd} passed");
}
