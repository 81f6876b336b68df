//! Real answers of a running pair against OpenAI's own description of its API (`gateway_tests::described`).

mod forms;
mod tools;

use gateway_tests::{
    described::{self, Shape},
    fake_child::Script,
    pair::{DEADLINE, Pair},
};
use serde_json::{Value, json};

async fn pair() -> Pair {
    let pair = Pair::fake(&Script::default()).await.expect("the pair starts");
    let known = pair.eventually("the models to be known", || async {
        let models = pair.client().get(pair.url("/v1/models")).send().await.ok()?;
        models.status().is_success().then_some(())
    });
    known.await.expect("the pair serves");
    pair
}

/// The body of the answer to a text, found as described; an object, or the frames with data of a stream.
async fn answered(pair: &Pair, text: &str, more: &Value) -> Vec<Value> {
    let mut request = json!({ "model": "codex-5", "messages": [{ "role": "user", "content": text }] });
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let answer = pair.chat(&request).await.expect("an answer");
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let status = answer.status().as_u16();
    let body = tokio::time::timeout(DEADLINE, answer.text()).await;
    let body = body.expect("the body ends in time").expect("a whole body");
    described::check(status, kind.as_deref(), &body);
    let parsed = |json: &str| serde_json::from_str(json).expect("JSON");
    if more["stream"] != true || status != 200 {
        return vec![parsed(&body)];
    }
    let data = body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(parsed).collect()
}

/// The one choice of an object, or those of all chunks.
fn choices(answered: &[Value]) -> Vec<&Value> {
    answered.iter().filter_map(|object| object["choices"].get(0)).collect()
}

/// Why an answer ended.
fn reason(answered: &[Value]) -> &str {
    let reasons = choices(answered).into_iter().filter_map(|choice| choice["finish_reason"].as_str());
    let reasons: Vec<&str> = reasons.collect();
    assert_eq!(reasons.len(), 1, "one reason: {answered:?}");
    reasons[0]
}

#[tokio::test]
async fn a_chat_completion_is_as_described() {
    let pair = pair().await;
    for text in ["hi", "", "!messages 3", "!reasoning why\nhi", "!usage 0 0 0 0\nhi", "\u{1f980}\n\"q\""] {
        let answered = answered(&pair, text, &json!({})).await;
        assert_eq!(Shape::of(&answered[0]), Some(Shape::Completion), "{answered:?}");
        assert_eq!(reason(&answered), "stop");
    }
}

#[tokio::test]
async fn every_chunk_is_as_described() {
    let pair = pair().await;
    for text in ["hi", "!chunks 20\na longer text of more words", "!messages 2\nhi", "!retry_early\nhi"] {
        for usage in [false, true] {
            let options = json!({ "stream": true, "stream_options": { "include_usage": usage } });
            let chunks = answered(&pair, text, &options).await;
            let (last, others) = chunks.split_last().expect("chunks");
            assert!(others.len() >= 3, "{chunks:?}");
            for chunk in others {
                assert_eq!(chunk.get("usage"), usage.then_some(&Value::Null), "{chunk}");
            }
            if usage {
                assert_eq!(last["choices"], json!([]), "{last}");
                assert!(last["usage"].is_object(), "{last}");
            }
        }
    }
}

#[tokio::test]
async fn the_models_are_as_described() {
    let pair = pair().await;
    let get = async |path: &str| -> Value {
        let answer = pair.client().get(pair.url(path)).send().await.expect("an answer");
        let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a body"));
        described::check(status, None, &text);
        serde_json::from_str(&text).expect("JSON")
    };
    let list = get("/v1/models").await;
    assert_eq!(Shape::of(&list), Some(Shape::Models), "{list}");
    let cards = list["data"].as_array().expect("cards");
    assert!(cards.len() >= 3, "{list}");
    for card in cards {
        let name = card["id"].as_str().expect("a name");
        let one = get(&format!("/v1/models/{name}")).await;
        assert_eq!(Shape::of(&one), Some(Shape::Model), "{one}");
        assert_eq!(&one, card);
    }
}

#[tokio::test]
async fn failures_are_as_described() {
    let pair = pair().await;
    for text in ["!fail usageLimitExceeded", "!fail badRequest", "!fail internalServerError"] {
        for stream in [false, true] {
            let failure = answered(&pair, text, &json!({ "stream": stream })).await;
            assert_eq!(Shape::of(&failure[0]), Some(Shape::Failure), "{failure:?}");
        }
    }
    // One that comes after the head is a frame of the same shape: the SDKs look for a member `error`.
    let frames = answered(&pair, "hi\n!fail internalServerError", &json!({ "stream": true })).await;
    let shapes: Vec<Option<Shape>> = frames.iter().map(Shape::of).collect();
    let (last, others) = shapes.split_last().expect("frames");
    assert_eq!(*last, Some(Shape::Failure), "{frames:?}");
    assert!(others.iter().all(|shape| *shape == Some(Shape::Chunk)), "{frames:?}");
}
