//! Connections of slow, old and odd clients.

use std::time::{Duration, Instant};

use gateway_tests::pair::KEY;
use serde_json::json;

use crate::door::{asking, builder, chat, failure, request, said, start, stranger};
use crate::raw::Raw;

/// The deadlines of these tests.
const SHORT: Duration = Duration::from_millis(300);
/// The longest that may pass before a deadline of [`SHORT`] is seen: machines are busy.
const LATE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn half_a_head_is_cut_off() {
    let pair = start(builder().front("PROXY_HEADER_TIMEOUT_MS", "300")).await;
    for half in ["", "POST /v1/chat", "POST /v1/chat/completions HTTP/1.1\r\nHost: fr"] {
        let since = Instant::now();
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(half).await;
        raw.ends().await;
        let after = since.elapsed();
        assert!(after >= SHORT - Duration::from_millis(20), "{half:?}: after {after:?}");
        assert!(after < LATE, "{half:?}: after {after:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_serves_again_and_is_closed_when_idle() {
    let pair = start(builder().front("PROXY_HEADER_TIMEOUT_MS", "5000")).await;
    let mut raw = Raw::connect(pair.addr).await;
    for text in ["one", "two", "three"] {
        raw.send(chat(asking(text).to_string().as_bytes())).await;
        assert_eq!(said(&raw.answer().await), text);
    }
    let since = Instant::now();
    raw.ends().await;
    assert!(since.elapsed() < LATE, "closed after {:?}", since.elapsed());
}

#[tokio::test]
async fn a_body_that_stops_is_408() {
    let pair = start(builder().front("PROXY_BODY_TIMEOUT_MS", "300")).await;
    let whole = chat(asking("hi").to_string().as_bytes());
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(&whole[..whole.len() - 1]).await;
    let error = failure(&raw.answer().await, 408, Some("request_timeout"));
    assert_eq!(error["retryable"], false);
    raw.ends().await;

    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request("POST", "/v1/chat/completions", &["Transfer-Encoding: chunked"], b"")).await;
    raw.send("5\r\n{\"mod\r\n").await;
    failure(&raw.answer().await, 408, Some("request_timeout"));
}

#[tokio::test]
async fn a_client_that_leaves_halfway_disturbs_nobody() {
    let pair = start(builder()).await;
    let whole = chat(asking("hi").to_string().as_bytes());
    for end in [10, whole.len() / 2, whole.len() - 1] {
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(&whole[..end]).await;
    }
    let mut hanging = asking("hi\n!hang");
    hanging["stream"] = json!(true);
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(chat(hanging.to_string().as_bytes())).await;
    raw.seen("\"role\":\"assistant\"").await;
    drop(raw);
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(&whole).await;
    assert_eq!(said(&raw.answer().await), "hi");
}

#[tokio::test]
async fn requests_in_one_write_are_answered_in_order() {
    let pair = start(builder()).await;
    let mut bytes = Vec::new();
    for text in ["first", "second"] {
        bytes.extend(chat(asking(text).to_string().as_bytes()));
    }
    bytes.extend(request("GET", "/nowhere", &[], b""));
    let mut streamed = asking("third");
    streamed["stream"] = json!(true);
    bytes.extend(chat(streamed.to_string().as_bytes()));
    bytes.extend(request("GET", "/livez", &["Connection: close"], b""));
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(bytes).await;
    assert_eq!(said(&raw.answer().await), "first");
    assert_eq!(said(&raw.answer().await), "second");
    failure(&raw.answer().await, 404, Some("not_found"));
    let stream = raw.answer().await;
    assert!(stream.text().ends_with("data: [DONE]\n\n"), "{}", stream.text());
    assert_eq!(raw.answer().await.json()["status"], "ok");
    raw.ends().await;
}

#[tokio::test]
async fn expect_continue_is_answered_where_the_body_is_wanted() {
    let pair = start(builder()).await;
    let body = asking("hi").to_string();
    let head = |key: &str, length: usize| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: front\r\nAuthorization: Bearer {key}\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(head(KEY, body.len())).await;
    assert_eq!(raw.answer().await.status, 100);
    raw.send(&body).await;
    assert_eq!(said(&raw.answer().await), "hi");
    // Where it is not wanted the final answer comes at once, and nothing was sent in vain.
    for (key, length, status, code) in
        [("sk-wrong", body.len(), 401, "invalid_api_key"), (KEY, 33 << 20, 413, "request_too_large")]
    {
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(head(key, length)).await;
        failure(&raw.answer().await, status, Some(code));
    }
}

#[tokio::test]
async fn http_1_0_is_served_without_chunks() {
    let pair = start(builder()).await;
    for stream in [false, true] {
        let mut body = asking("hi");
        body["stream"] = json!(stream);
        let bytes = chat(body.to_string().as_bytes());
        let bytes = String::from_utf8(bytes).expect("ASCII").replace("HTTP/1.1", "HTTP/1.0");
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(bytes).await;
        let answer = raw.answer().await;
        assert_eq!(answer.header("transfer-encoding"), None, "{}", answer.head);
        match stream {
            false => assert_eq!(said(&answer), "hi"),
            true => assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text()),
        }
        raw.ends().await;
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send("GET /livez HTTP/1.0\r\n\r\n").await;
    assert_eq!(raw.answer().await.json()["status"], "ok");
    raw.ends().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_closed() {
    let pair = start(builder()).await;
    // There is no request yet, so hyper answers these without our envelope.
    for bytes in [
        "hello\r\n\r\n",
        "GET /livez HTTP/1.1\r\nbad header\r\n\r\n",
        "POST /livez HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(bytes).await;
        assert_eq!(raw.answer().await.status, 400, "{bytes:?}");
        raw.ends().await;
    }
    // A head without end is cut off before it fills the memory; whether its 431 survives the reset is luck.
    let mut raw = Raw::connect_small(pair.addr, 16 * 1024).await;
    raw.send("GET /livez HTTP/1.1\r\nx: ").await;
    let piece = "y".repeat(16 * 1024);
    let mut pieces = 0;
    while raw.try_send(&piece).await.is_ok() {
        pieces += 1;
        assert!(pieces < 1024, "16 MiB of a head were taken");
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(stranger("GET", "/livez", &[], b"")).await;
    assert_eq!(raw.answer().await.status, 200, "the front lives on");
}
