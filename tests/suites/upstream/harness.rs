//! A client that reads a stream's events, and a good request to start from.

use std::time::Duration;

use gateway_tests::upstream::{Brain, Config, Upstream};
use serde_json::{Value, json};

/// Long enough for a busy machine; only a failing test waits for it.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// What came back for one request.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) chunks: usize,
    /// Whether the body came to its end.
    pub(crate) whole: bool,
}

impl Got {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The events, after checking each frame's form and number.
    pub(crate) fn events(&self) -> Vec<Value> {
        let frames = self.text().split_terminator("\n\n");
        let events: Vec<Value> = frames.map(event).collect();
        for (place, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], json!(place), "{event}");
        }
        events
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        let events = self.events();
        events.iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
    }

    /// All deltas of one kind.
    pub(crate) fn deltas(&self, kind: &str) -> Vec<String> {
        let events = self.events();
        let of_kind = events.iter().filter(|event| event["type"] == kind);
        of_kind.map(|event| event["delta"].as_str().expect("a delta").to_owned()).collect()
    }

    /// The finished items.
    pub(crate) fn items(&self) -> Vec<Value> {
        let events = self.events();
        let done = events.iter().filter(|event| event["type"] == "response.output_item.done");
        done.map(|event| event["item"].clone()).collect()
    }
}

fn event(frame: &str) -> Value {
    let (name, data) = frame.split_once('\n').expect("two lines");
    let event: Value = serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
    assert_eq!(name, format!("event: {}", event["type"].as_str().expect("a type")));
    event
}

pub(crate) async fn upstream(brain: impl Brain + 'static) -> Upstream {
    Upstream::start(brain).await.expect("a free port")
}

pub(crate) async fn upstream_with(brain: impl Brain + 'static, config: Config) -> Upstream {
    Upstream::start_with(brain, config).await.expect("a free port")
}

pub(crate) fn asking(text: &str) -> Value {
    json!({
        "model": "gpt-5.5",
        "stream": true,
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}],
        "prompt_cache_key": "thread-1",
    })
}

pub(crate) async fn send(upstream: &Upstream, body: &Value) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}/responses", upstream.base_url());
    let request = reqwest::Client::new().post(url).json(body).send();
    tokio::time::timeout(SOON, request).await.expect("an answer in time")
}

/// Reads one answer up to its end or its break.
pub(crate) async fn read(mut response: reqwest::Response) -> Got {
    let status = response.status().as_u16();
    let mut got = Got { status, body: Vec::new(), chunks: 0, whole: false };
    loop {
        match tokio::time::timeout(SOON, response.chunk()).await.expect("a chunk in time") {
            Ok(Some(chunk)) => {
                got.body.extend_from_slice(&chunk);
                got.chunks += 1;
            }
            Ok(None) => {
                got.whole = true;
                return got;
            }
            Err(_broken) => return got,
        }
    }
}

pub(crate) async fn ask(upstream: &Upstream, text: &str) -> Got {
    let response = send(upstream, &asking(text)).await.expect("an answer");
    read(response).await
}
