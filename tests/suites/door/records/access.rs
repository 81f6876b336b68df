//! The access log: one line for each HTTP request on both listeners.

use gateway_tests::pair::KEY;
use serde_json::{Value, json};

use super::{Kept, line_of, pair, picked};
use crate::door::{asking, chat, once, request, stranger};
use crate::raw::Raw;

const CHAT: &str = "/v1/chat/completions";
const SECRET: &str = "hunter2";

fn members(line: &Value) -> [&Value; 7] {
    ["method", "route", "status", "outcome", "error_code", "key", "stream"].map(|name| &line[name])
}

#[tokio::test]
async fn every_kind_of_request_has_a_line() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let log = kept.path("access.log");
    let body = asking("hi").to_string();
    let mut streamed = asking("hi");
    streamed["stream"] = json!(true);
    let streamed = streamed.to_string();
    let wrong = format!("Authorization: Bearer {SECRET}");
    let (ok, error, key) = (json!("ok"), json!("error"), json!("PROXY_API_KEY"));
    let none = Value::Null;
    let cases: Vec<(Vec<u8>, [Value; 7])> = vec![
        (
            chat(body.as_bytes()),
            [json!("POST"), json!(CHAT), json!(200), ok.clone(), none.clone(), key.clone(), json!(false)],
        ),
        (
            chat(streamed.as_bytes()),
            [json!("POST"), json!(CHAT), json!(200), ok.clone(), none.clone(), key.clone(), json!(true)],
        ),
        (
            chat(b"{"),
            [
                json!("POST"),
                json!(CHAT),
                json!(400),
                error.clone(),
                json!("invalid_request_error"),
                key.clone(),
                json!(false),
            ],
        ),
        (
            stranger("POST", CHAT, &[&wrong], body.as_bytes()),
            [
                json!("POST"),
                json!(CHAT),
                json!(401),
                error.clone(),
                json!("invalid_api_key"),
                none.clone(),
                json!(false),
            ],
        ),
        (
            request("GET", &format!("/v1/{SECRET}?{SECRET}={SECRET}"), &[], b""),
            [
                json!("GET"),
                json!("none"),
                json!(404),
                error.clone(),
                json!("not_found"),
                none.clone(),
                json!(false),
            ],
        ),
        (
            request(SECRET, CHAT, &[], b""),
            [
                json!("OTHER"),
                json!("none"),
                json!(405),
                error.clone(),
                json!("method_not_allowed"),
                none.clone(),
                json!(false),
            ],
        ),
        (
            request("GET", &format!("/v1/models/{SECRET}"), &[], b""),
            [
                json!("GET"),
                json!("/v1/models/{id}"),
                json!(404),
                error.clone(),
                json!("model_not_found"),
                key.clone(),
                json!(false),
            ],
        ),
        (
            request("OPTIONS", CHAT, &[], b""),
            [
                json!("OPTIONS"),
                json!("none"),
                json!(204),
                ok.clone(),
                none.clone(),
                none.clone(),
                json!(false),
            ],
        ),
        (
            request("GET", "/readyz", &[], b""),
            [
                json!("GET"),
                json!("/readyz"),
                json!(200),
                ok.clone(),
                none.clone(),
                none.clone(),
                json!(false),
            ],
        ),
        (
            request("GET", "/health/", &[], b""),
            [json!("GET"), json!("/livez"), json!(200), ok.clone(), none.clone(), none.clone(), json!(false)],
        ),
    ];
    for (bytes, wanted) in cases {
        let answer = once(&pair, &bytes).await;
        let line = line_of(&pair, &log, answer.header("x-request-id").expect("a name")).await;
        assert_eq!(members(&line), wanted.each_ref(), "{line}");
        assert_eq!(
            [&line["listener"], &line["http_version"], &line["service_type"]],
            ["public", "1.1", "codex"],
            "{line}"
        );
        assert_eq!(line["bytes_out"], answer.body.len(), "{line}");
        assert!(line["client_addr"].as_str().is_some_and(|addr| addr.starts_with("127.0.0.1:")), "{line}");
    }
    let head = pair.client().head(pair.url(CHAT)).bearer_auth(KEY).send().await.expect("an answer");
    let id = head.headers()["x-request-id"].to_str().expect("a name");
    let line = line_of(&pair, &log, id).await;
    assert_eq!(
        [&line["method"], &line["outcome"], &line["bytes_out"]],
        [&json!("HEAD"), &ok, &json!(0)],
        "{line}"
    );
    let metrics = format!("http://{}/metrics", pair.internal);
    let metrics = pair.client().get(metrics).send().await.expect("an answer");
    let line = line_of(&pair, &log, metrics.headers()["x-request-id"].to_str().expect("a name")).await;
    assert_eq!([&line["listener"], &line["route"]], ["internal", "/metrics"], "{line}");
    let (url, body) = (format!("http://{}/internal/app-server", pair.internal), r#"{"enabled":true}"#);
    for (body, status) in [(body, 200), ("{}", 400)] {
        let answer = pair.client().put(&url).bearer_auth(KEY).body(body).send().await.expect("an answer");
        assert_eq!(answer.status(), status);
        let line = line_of(&pair, &log, answer.headers()["x-request-id"].to_str().expect("a name")).await;
        assert_eq!([&line["bytes_in"], &line["status"]], [&json!(body.len()), &json!(status)], "{line}");
    }
    let text = std::fs::read_to_string(&log).expect("the log");
    assert!(!text.contains(SECRET), "{text}");
}

/// Lines come when the body is over, whichever way that was.
#[tokio::test]
async fn a_client_that_leaves_is_told() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let log = kept.path("access.log");
    let mut body = asking("!hang\nhi");
    body["stream"] = json!(true);
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(chat(body.to_string().as_bytes())).await;
    raw.seen("data: ").await;
    drop(raw);
    let left = picked(&pair, &log, 1, |line| line["outcome"] == "client_disconnect").await;
    assert_eq!(
        [&left[0]["status"], &left[0]["stream"], &left[0]["bytes_in"]],
        [&json!(200), &json!(true), &json!(body.to_string().len())],
        "{left:?}"
    );
    // Several requests behind each other on one connection have a line each.
    let mut raw = Raw::connect(pair.addr).await;
    let bytes = request("GET", "/livez", &[], b"");
    raw.send(bytes.repeat(5)).await;
    for _ in 0..5 {
        let id = raw.answer().await.header("x-request-id").expect("a name").to_owned();
        line_of(&pair, &log, &id).await;
    }
}
