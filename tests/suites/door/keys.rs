//! Who may pass, and that the answer to others says why and never repeats what they sent.

use gateway_tests::pair::{KEY, Pair};
use serde_json::Value;

use crate::door::{asking, builder, failure, once, said, start, stranger};
use crate::raw::{Answer, Raw};

async fn chat_with(pair: &Pair, headers: &[&str]) -> Answer {
    let body = asking("hi").to_string();
    once(pair, &stranger("POST", "/v1/chat/completions", headers, body.as_bytes())).await
}

fn refused(answer: &Answer) -> String {
    let error = failure(answer, 401, Some("invalid_api_key"));
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["param"], Value::Null);
    error["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn only_the_key_as_bearer_passes() {
    let pair = start(builder()).await;
    for good in [
        format!("Authorization: Bearer {KEY}"),
        format!("authorization: bearer {KEY}"),
        format!("AUTHORIZATION: BEARER   {KEY}  "),
    ] {
        assert_eq!(said(&chat_with(&pair, &[&good]).await), "hi", "{good}");
    }
    let bearer = format!("Authorization: Bearer {KEY}");
    let long = format!("Authorization: Bearer {}", "k".repeat(16 * 1024));
    for wrong in [
        &[][..],
        &["Authorization:"],
        &["Authorization: Bearer"],
        &["Authorization: Bearer "],
        &["Authorization: Bearer sk-wrong"],
        &[&format!("Authorization: Bearer {KEY}x")],
        &[&format!("Authorization: Bearer {}", &KEY[..KEY.len() - 1])],
        &[&format!("Authorization: Bearer {}", KEY.to_uppercase())],
        &[&format!("Authorization: Bearer {KEY},{KEY}")],
        &[&format!("Authorization: Bearer {KEY} {KEY}")],
        &[&format!("Authorization: Bearer \"{KEY}\"")],
        &[&format!("Authorization: Bearer\t{KEY}")],
        &[&format!("Authorization: Basic {KEY}")],
        &[&format!("Authorization: {KEY}")],
        &[&format!("Proxy-Authorization: Bearer {KEY}")],
        &[&format!("x-api-key: {KEY}")],
        &["Authorization: Bearer schl\u{fc}ssel"],
        &[&long],
        &[&bearer, &bearer],
        &[&bearer, "Authorization: Bearer sk-wrong"],
        &["Authorization: Bearer sk-wrong", &bearer],
    ] {
        let answer = chat_with(&pair, wrong).await;
        let message = refused(&answer);
        assert!(!message.contains("sk-wrong") && !message.contains(KEY), "{message}");
    }
    let in_query = format!("/v1/chat/completions?api_key={KEY}");
    let body = asking("hi").to_string();
    refused(&once(&pair, &stranger("POST", &in_query, &[], body.as_bytes())).await);
}

#[tokio::test]
async fn the_key_is_asked_for_before_the_body_is_judged() {
    let pair = start(builder()).await;
    for body in ["", "{", "[]"] {
        let bytes = stranger("POST", "/v1/chat/completions", &[], body.as_bytes());
        refused(&once(&pair, &bytes).await);
    }
}

#[tokio::test]
async fn without_a_key_configured_every_route_is_closed_and_says_so() {
    let pair = start(builder().front("PROXY_API_KEY", "")).await;
    for (method, path) in
        [("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/v1/models/gpt-fake-1")]
    {
        for headers in [&[][..], &["Authorization: Bearer "], &["Authorization: Bearer x"]] {
            let message = refused(&once(&pair, &stranger(method, path, headers, b"")).await);
            for way in ["PROXY_API_KEY,", "PROXY_API_KEYS_FILE", "codexctl key add"] {
                assert!(message.contains(way), "{path}: {message}");
            }
        }
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(once(&pair, &stranger("GET", path, &[], b"")).await.status, 200);
    }
    let log = pair
        .front
        .logged("the reason", |line| line["event"] == "no_api_key")
        .await
        .expect("the log says why");
    assert_eq!(log["level"], "warn");
    for way in ["PROXY_API_KEY,", "PROXY_API_KEYS_FILE", "codexctl key add NAME"] {
        assert!(log["message"].as_str().is_some_and(|text| text.contains(way)), "{log}");
    }
}

#[tokio::test]
async fn models_are_open_unless_protected() {
    let open = start(builder()).await;
    let closed = start(builder().front("PROXY_PROTECT_MODELS", "yes")).await;
    for path in ["/v1/models", "/v1/models/gpt-fake-1"] {
        assert_eq!(once(&open, &stranger("GET", path, &[], b"")).await.status, 200);
        // A wrong key where none is needed is not looked at.
        let wrong = stranger("GET", path, &["Authorization: Bearer sk-wrong"], b"");
        assert_eq!(once(&open, &wrong).await.status, 200);
        refused(&once(&closed, &stranger("GET", path, &[], b"")).await);
        refused(&once(&closed, &wrong).await);
        let bearer = format!("Authorization: Bearer {KEY}");
        let known = stranger("GET", path, &[&bearer], b"");
        assert_eq!(once(&closed, &known).await.status, 200);
        let mut raw = Raw::connect(closed.addr).await;
        raw.send(stranger("HEAD", path, &[], b"")).await;
        assert_eq!(raw.answer_to_head().await.status, 401);
    }
    assert_eq!(once(&closed, &stranger("GET", "/readyz", &[], b"")).await.status, 200);
}
