//! What browsers are told: on every answer of the public listener, in answers to preflights, and nowhere else.

use std::collections::BTreeSet;

use gateway_tests::pair::Pair;
use http_front::routes::cors::EXPOSED;
use serde_json::json;

use crate::door::{asking, builder, once, request, start, stranger};
use crate::raw::{Answer, Raw};

const ORIGIN: &str = "Origin: https://app.example.com";
const PREFLIGHT: [&str; 3] = [
    ORIGIN,
    "Access-Control-Request-Method: POST",
    "Access-Control-Request-Headers: authorization,content-type,x-stainless-retry-count",
];
/// What a page may read anyway, and what a browser keeps for itself.
const COMMON: [&str; 10] = [
    "cache-control",
    "content-length",
    "content-type",
    "connection",
    "date",
    "transfer-encoding",
    "vary",
    // For proxies.
    "x-accel-buffering",
    // Of a refusal: the status says it, too.
    "allow",
    "www-authenticate",
];

/// Requests that get every sort of answer, with the status that a serving pair gives.
fn requests(headers: &[&str]) -> Vec<(Vec<u8>, u16)> {
    let body = |text: &str, stream: bool| {
        let mut body = asking(text);
        body["stream"] = json!(stream);
        // It has no effect, and the answer says so.
        body["seed"] = json!(1);
        body.to_string().into_bytes()
    };
    let chat = |body: &[u8]| request("POST", "/v1/chat/completions", headers, body);
    let overloaded = r#"!fail {"httpConnectionFailed":{"httpStatusCode":429}}"#;
    let lengthy = [headers, &["Content-Length: 99999999"]].concat();
    vec![
        (chat(&body("hi", false)), 200),
        (chat(&body("hi", true)), 200),
        (chat(b"{"), 400),
        (chat(&body(overloaded, false)), 429),
        (chat(&body(overloaded, true)), 429),
        (chat(&body("!fail serverOverloaded", false)), 503),
        (stranger("POST", "/v1/chat/completions", headers, b"{}"), 401),
        (request("POST", "/v1/completions", headers, br#"{"model":"codex-5","prompt":"hi"}"#), 200),
        (request("POST", "/v1/chat/completions", &lengthy, b""), 413),
        (request("PUT", "/v1/chat/completions", headers, b""), 405),
        (request("GET", "/v1/none", headers, b""), 404),
        (stranger("GET", "/v1/models", headers, b""), 200),
        (stranger("GET", "/v1/models/gpt-fake-1", headers, b""), 200),
        (stranger("GET", "/v1/models/gpt-none", headers, b""), 404),
        (stranger("GET", "/livez", headers, b""), 200),
        (stranger("GET", "/readyz", headers, b""), 200),
    ]
}

async fn answers(pair: &Pair, headers: &[&str]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (bytes, status) in requests(headers) {
        let answer = once(pair, &bytes).await;
        assert_eq!(answer.status, status, "{}\n{}", String::from_utf8_lossy(&bytes), answer.text());
        answers.push(answer);
    }
    answers
}

/// The lines of CORS in a head, sorted.
fn told(answer: &Answer) -> Vec<String> {
    let lines = answer.head.lines().map(str::to_ascii_lowercase);
    let mut told: Vec<String> =
        lines.filter(|line| line.starts_with("access-control-") || line.starts_with("vary")).collect();
    told.sort_unstable();
    told
}

fn exposed() -> String {
    format!("access-control-expose-headers: {EXPOSED}")
}

#[tokio::test]
async fn every_answer_to_a_page_may_be_read() {
    let pair = start(builder()).await;
    let mut headers = BTreeSet::new();
    for answer in answers(&pair, &[ORIGIN, "Cookie: a=b"]).await {
        assert_eq!(
            told(&answer),
            ["access-control-allow-origin: *".to_owned(), exposed()],
            "{}",
            answer.head
        );
        let names = answer.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.extend(names.map(|(name, _)| name.to_ascii_lowercase()));
    }
    // Every header that one of these answers has is among those that may be read.
    headers.retain(|name| !COMMON.contains(&name.as_str()) && !name.starts_with("access-control-"));
    let readable: BTreeSet<String> = EXPOSED.split(", ").map(str::to_owned).collect();
    assert!(headers.is_subset(&readable), "{headers:?} but {readable:?}");
    for name in ["x-request-id", "retry-after", "x-codex-ignored-params", "x-codex-profile"] {
        assert!(headers.contains(name), "{name} in {headers:?}");
    }
    for answer in answers(&pair, &[]).await {
        assert!(told(&answer).is_empty(), "{}", answer.head);
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(request("HEAD", "/v1/chat/completions", &["Origin: null"], b"")).await;
    assert_eq!(told(&raw.answer_to_head().await), ["access-control-allow-origin: *".to_owned(), exposed()]);
}

#[tokio::test]
async fn listed_origins_are_told_by_name_and_others_nothing() {
    let listed = "https://App.example.com:443,http://localhost:5173";
    let pair = start(builder().front("PROXY_CORS_ALLOWED_ORIGINS", listed)).await;
    for answer in answers(&pair, &[ORIGIN]).await {
        let wanted = [
            "access-control-allow-credentials: true".to_owned(),
            "access-control-allow-origin: https://app.example.com".to_owned(),
            exposed(),
            "vary: origin".to_owned(),
        ];
        assert_eq!(told(&answer), wanted, "{}", answer.head);
    }
    for headers in [&[][..], &["Origin: null"], &["Origin: https://app.example.com.evil.example"]] {
        for answer in answers(&pair, headers).await {
            assert_eq!(told(&answer), ["vary: origin"], "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn a_maintenance_may_be_read() {
    let pair = builder().front("PROXY_MAINTENANCE_MODE", "on").start().await.expect("the pair starts");
    let answer = once(&pair, &request("POST", "/v1/chat/completions", &[ORIGIN], b"{}")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(told(&answer), ["access-control-allow-origin: *".to_owned(), exposed()]);
    assert_eq!(once(&pair, &stranger("OPTIONS", "/v1/chat/completions", &PREFLIGHT, b"")).await.status, 204);
}

#[tokio::test]
async fn a_preflight_needs_no_key_and_is_told_what_the_route_takes() {
    let vary = "vary: origin, access-control-request-method, access-control-request-headers";
    for listed in [None, Some("https://app.example.com")] {
        let pair = start(match listed {
            Some(origin) => builder().front("PROXY_CORS_ALLOWED_ORIGINS", origin),
            None => builder(),
        })
        .await;
        for (path, methods) in [
            ("/v1/chat/completions", "POST, HEAD, OPTIONS"),
            ("/v1/completions/", "POST, HEAD, OPTIONS"),
            ("/v1/models?limit=1", "GET, HEAD, OPTIONS"),
            ("/v1/models/any", "GET, HEAD, OPTIONS"),
            ("/readyz", "GET, HEAD, OPTIONS"),
        ] {
            let answer = once(&pair, &stranger("OPTIONS", path, &PREFLIGHT, b"")).await;
            assert_eq!((answer.status, answer.header("allow")), (204, Some(methods)), "{path}");
            let mut wanted = vec![
                "access-control-allow-headers: authorization, content-type, x-stainless-retry-count"
                    .to_owned(),
                format!("access-control-allow-methods: {}", methods.to_ascii_lowercase()),
                format!("access-control-allow-origin: {}", listed.unwrap_or("*")),
                exposed(),
                "access-control-max-age: 7200".to_owned(),
                vary.to_owned(),
            ];
            wanted.extend(listed.map(|_| "access-control-allow-credentials: true".to_owned()));
            wanted.sort_unstable();
            assert_eq!(told(&answer), wanted, "{path}");
        }
        let odd = [ORIGIN, PREFLIGHT[1], "Access-Control-Request-Headers: x-one,<b>,authorization"];
        let answer = once(&pair, &stranger("OPTIONS", "/v1/models", &odd, b"")).await;
        assert_eq!((answer.status, answer.header("access-control-allow-headers")), (204, None));
        // No route: the browser gives up, and the page's developer can see why.
        let answer = once(&pair, &stranger("OPTIONS", "/v1/none", &PREFLIGHT, b"")).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("access-control-allow-origin"), Some(listed.unwrap_or("*")));
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}

#[tokio::test]
async fn a_preflight_of_another_origin_is_told_no_permission() {
    let pair = start(builder().front("PROXY_CORS_ALLOWED_ORIGINS", "http://localhost:5173")).await;
    let answer = once(&pair, &stranger("OPTIONS", "/v1/chat/completions", &PREFLIGHT, b"")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        told(&answer),
        ["vary: origin, access-control-request-method, access-control-request-headers"],
        "{}",
        answer.head
    );
}

#[tokio::test]
async fn what_is_no_preflight_is_a_plain_question() {
    let pair = start(builder()).await;
    for headers in [&PREFLIGHT[..1], &PREFLIGHT[1..], &[]] {
        let answer = once(&pair, &stranger("OPTIONS", "/v1/models", headers, b"")).await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
        assert_eq!(answer.header("access-control-allow-methods"), None, "{}", answer.head);
    }
}

#[tokio::test]
async fn switched_off_browsers_are_told_nothing() {
    let pair = start(builder().front("PROXY_ENABLE_CORS", "false")).await;
    for answer in answers(&pair, &[ORIGIN]).await {
        assert!(told(&answer).is_empty(), "{}", answer.head);
    }
    let answer = once(&pair, &stranger("OPTIONS", "/v1/chat/completions", &PREFLIGHT, b"")).await;
    assert_eq!((answer.status, told(&answer)), (204, vec![]), "{}", answer.head);
}

/// Pages have no business at the operators' listener.
#[tokio::test]
async fn the_internal_listener_tells_browsers_nothing() {
    let pair = start(builder()).await;
    for (method, path) in
        [("GET", "/metrics"), ("GET", "/readyz"), ("GET", "/nowhere"), ("OPTIONS", "/metrics")]
    {
        let mut raw = Raw::connect(pair.internal).await;
        raw.send(stranger(method, path, &PREFLIGHT, b"")).await;
        let answer = raw.answer().await;
        assert!(told(&answer).is_empty(), "{path}: {}", answer.head);
    }
}
