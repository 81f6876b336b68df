//! A pair around the fake child, requests to it as bytes, and what every failure must look like.

use gateway_tests::{
    described::Shape,
    fake_child::{Script, Start},
    pair::{Builder, KEY, Pair},
};
use serde_json::{Value, json};

use crate::raw::{Answer, Raw};

/// A well-behaved child.
pub(crate) fn builder() -> Builder {
    Builder::fake(&Script::default()).expect("a home for the pair")
}

/// A child that ends at once whenever it is started; it is tried again a minute later.
pub(crate) fn never_up() -> Builder {
    let start = Start { crash_before_handshake: u32::MAX, exit_code: 3, ..Start::default() };
    Builder::fake(&Script { start, ..Script::default() })
        .expect("a home for the pair")
        .daemon("WORKER_BACKOFF_INITIAL_MS", "60000")
        .daemon("WORKER_BACKOFF_MAX_MS", "60000")
}

/// A pair that serves, models too.
pub(crate) async fn start(builder: Builder) -> Pair {
    let pair = builder.start().await.expect("the pair starts");
    let known = pair.eventually("the models to be known", || async {
        let models = pair.client().get(pair.url("/v1/models")).bearer_auth(KEY).send();
        // 401: the pair has no key, and what the front knows doesn't matter.
        matches!(models.await.ok()?.status().as_u16(), 200 | 401).then_some(())
    });
    known.await.expect("the pair serves");
    pair
}

/// A request for one text, as JSON.
pub(crate) fn asking(text: &str) -> Value {
    json!({ "model": "codex-5", "messages": [{ "role": "user", "content": text }] })
}

/// The bytes of a request with the key.
pub(crate) fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let bearer = format!("Authorization: Bearer {KEY}");
    let mut all = vec![bearer.as_str()];
    all.extend(headers);
    stranger(method, path, &all, body)
}

/// The bytes of a request without the key.
pub(crate) fn stranger(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: front\r\n").into_bytes();
    for header in headers {
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if !body.is_empty() {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// The bytes of a chat completion with the key.
pub(crate) fn chat(body: &[u8]) -> Vec<u8> {
    request("POST", "/v1/chat/completions", &[], body)
}

/// One request on a connection of its own.
pub(crate) async fn once(pair: &Pair, bytes: &[u8]) -> Answer {
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(bytes).await;
    raw.answer().await
}

/// The failure that an answer is: status, headers and envelope agree, and the envelope is of the one schema.
pub(crate) fn failure(answer: &Answer, status: u16, code: Option<&str>) -> Value {
    let body = answer.json();
    let shown = format!("{}{body}", answer.head);
    assert_eq!(answer.status, status, "{shown}");
    assert_eq!(Shape::Failure.faults(&body), Vec::<String>::new(), "{shown}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{shown}");
    let error = &body["error"];
    assert_eq!(error["code"], json!(code), "{shown}");
    let retryable = error["retryable"] == true;
    assert_eq!(answer.header("x-should-retry"), Some(if retryable { "true" } else { "false" }));
    // A failure that may pass says when; one that won't must not make the SDKs wait.
    assert_eq!(answer.header("retry-after").is_some(), retryable, "{shown}");
    let number = |name| answer.header(name).and_then(|value| value.parse::<u64>().ok());
    let exact: Option<u64> = number("retry-after-ms");
    assert_eq!(number("retry-after"), exact.map(|ms| ms.div_ceil(1000)), "{shown}");
    let bearer = (status == 401).then_some("Bearer");
    assert_eq!(answer.header("www-authenticate"), bearer, "{shown}");
    named(answer);
    error.clone()
}

/// What every answer has.
pub(crate) fn named(answer: &Answer) {
    let id = answer.header("x-request-id").unwrap_or_default();
    assert!(id.starts_with("req_") && id.len() == 36, "x-request-id: {}", answer.head);
    let spent: Option<u64> = answer.header("openai-processing-ms").and_then(|ms| ms.parse().ok());
    assert!(spent.is_some(), "openai-processing-ms: {}", answer.head);
    assert_eq!(answer.header("openai-version"), Some("2020-10-01"), "{}", answer.head);
}

/// The text of a chat completion.
pub(crate) fn said(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    named(answer);
    let text = answer.json()["choices"][0]["message"]["content"].clone();
    text.as_str().expect("a text").to_owned()
}
