//! What an operator switches: the kill switch and maintenance close the API, and health goes on.

use gateway_tests::pair::{KEY, Pair};
use serde_json::{Value, json};

use crate::door::{asking, builder, chat, failure, once, request, stranger};
use crate::raw::{Answer, Raw};

/// A pair with these settings of the front.
async fn pair(settings: &[(&str, &str)]) -> Pair {
    let builder = settings.iter().fold(builder(), |builder, (name, value)| builder.front(name, *value));
    builder.start().await.expect("a pair that is ready")
}

/// Every route of the API refuses with this; strangers learn nothing, and health is as ever.
pub(crate) async fn closed(pair: &Pair, code: &str) -> Answer {
    let body = asking("hi").to_string();
    for bytes in [
        chat(body.as_bytes()),
        chat(b"{"),
        request("GET", "/v1/models", &[], b""),
        request("GET", "/v1/models/gpt-fake-1", &[], b""),
        stranger("GET", "/v1/models", &[], b""),
    ] {
        failure(&once(pair, &bytes).await, 503, Some(code));
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request("HEAD", "/v1/chat/completions", &[], b"")).await;
    assert_eq!(raw.answer_to_head().await.status, 503);
    let unknown = stranger("POST", "/v1/chat/completions", &[], body.as_bytes());
    failure(&once(pair, &unknown).await, 401, Some("invalid_api_key"));
    failure(&once(pair, &request("GET", "/v1/none", &[], b"")).await, 404, Some("not_found"));
    failure(
        &once(pair, &request("GET", "/v1/chat/completions", &[], b"")).await,
        405,
        Some("method_not_allowed"),
    );
    assert_eq!(once(pair, &stranger("GET", "/livez", &[], b"")).await.status, 200);
    once(pair, &chat(body.as_bytes())).await
}

async fn health(pair: &Pair) -> Value {
    let answer = once(pair, &stranger("GET", "/readyz", &[], b"")).await;
    assert_eq!(answer.status, 200, "a load balancer would answer in our place");
    answer.json()
}

#[tokio::test]
async fn maintenance_closes_the_api_and_says_for_how_long() {
    let pair = pair(&[("PROXY_MAINTENANCE_MODE", "on")]).await;
    let answer = closed(&pair, "maintenance").await;
    assert_eq!((answer.header("retry-after"), answer.header("retry-after-ms")), (Some("30"), Some("30000")));
    assert_eq!(health(&pair).await["maintenance_mode"], true);
    assert_eq!(health(&pair).await["status"], "ok");
}

#[tokio::test]
async fn a_long_maintenance_does_not_stop_the_sdks_from_retrying() {
    let pair = pair(&[("PROXY_MAINTENANCE_MODE", "1"), ("PROXY_MAINTENANCE_RETRY_AFTER_S", "3600")]).await;
    assert_eq!(closed(&pair, "maintenance").await.header("retry-after"), Some("120"));
}

#[tokio::test]
async fn the_kill_switch_closes_the_api_under_either_name() {
    for name in ["PROXY_USE_APP_SERVER", "CODEX__ENABLED"] {
        // It is stronger than maintenance: waiting does not help.
        let pair = pair(&[(name, "false"), ("PROXY_MAINTENANCE_MODE", "true")]).await;
        let answer = closed(&pair, "app_server_disabled").await;
        assert_eq!(answer.json()["error"]["retryable"], json!(false), "{name}");
    }
}

/// The answer comes before the body was read, and reaches a client that sends everything first.
#[tokio::test]
async fn a_large_body_does_not_hide_the_answer() {
    let pair = pair(&[("PROXY_MAINTENANCE_MODE", "true")]).await;
    let body = vec![b'x'; 4 * 1024 * 1024];
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(chat(&body)).await;
    failure(&raw.answer().await, 503, Some("maintenance"));
    raw.ends().await;
    assert!(!pair.front.log().iter().any(|line| line.contains(KEY)));
}
