//! A stream that consists of a call alone has its first token, wherever one looks for it.

use super::stage::Stage;
use gateway_tests::{
    otlp::{Protocol, Span},
    pair::{DEADLINE, Pair},
};
use serde_json::{Value, json};

const TRACE: &str = "8af7651916cd43dd8448eb211c80319c";

/// The sum of the series of this name with these labels.
async fn told(pair: &Pair, name: &str, label: &str) -> f64 {
    let page =
        pair.client().get(format!("http://{}/metrics", pair.internal)).send().await.expect("an answer");
    let text = page.text().await.expect("a page");
    let lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    lines.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("a number")).sum()
}

/// The texts and calls of a stream, as they came.
async fn read(mut answer: reqwest::Response) -> String {
    let mut text = Vec::new();
    while let Some(chunk) =
        tokio::time::timeout(DEADLINE, answer.chunk()).await.expect("more in time").expect("a stream")
    {
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).expect("UTF-8")
}

#[tokio::test]
async fn metric_log_and_span_agree_on_the_first_token_of_a_call_alone() {
    let stage = Stage::new(Protocol::Grpc).await;
    let function = json!({"type": "function", "function": {"name": "one", "parameters": {"type": "object"}}});
    let body = json!({
        "model": "gpt-5.5", "stream": true, "tools": [function],
        "messages": [{ "role": "user", "content": "call" }],
    });
    let header = format!("00-{TRACE}-b7ad6b7169203331-01");
    let answer = stage.send(&body, &[("traceparent", &header)]).await;
    let request = answer.headers()["x-request-id"].to_str().expect("a name").to_owned();
    let text = read(answer).await;
    assert!(text.contains(r#""name":"one""#) && text.contains(r#""finish_reason":"tool_calls""#), "{text}");

    let pair = &stage.pair;
    let same = |line: &Value| line["event"] == "stream_end" && line["request_id"] == *request;
    let line = pair.front.logged("the end of the stream", same).await.expect("a line");
    assert!(line["ttfb_ms"].is_u64(), "{line}");
    let latency = line["latency_ms"].as_u64();
    assert!(line["ttfb_ms"].as_u64() <= latency, "{line}");

    let mine = "route=\"/v1/chat/completions\"";
    assert_eq!(told(pair, "codex_stream_ttfb_ms_count", mine).await, 1.0);
    let sum = told(pair, "codex_stream_ttfb_ms_sum", mine).await;
    assert!(latency.is_some_and(|latency| sum <= latency as f64 + 1.0), "{sum} of {line}");

    let chat = |span: &Span| {
        span.trace == TRACE && span.resource["service.name"] == "http-front" && span.name.starts_with("chat")
    };
    let span = stage.receiver.span("the model's span", chat).await.expect("a span");
    let first = span.event_names().iter().filter(|name| **name == "codex.first_token").count();
    assert_eq!(first, 1, "{span:?}");

    // It is the normal end of a call: the turn is interrupted by two, and neither is refused.
    pair.eventually("the end of the turn", || async {
        (told(pair, "codex_worker_turns_total", "interrupted").await == 1.0).then_some(())
    })
    .await
    .expect("it is counted");
    assert_eq!(told(pair, "codex_worker_rpc_errors_total", "code=").await, 0.0);
}
