//! `/verify`, as Traefik's ForwardAuth asks it: keys and preflights pass, and nothing else does.

use gateway_tests::pair::{KEY, Pair};
use serde_json::Value;

use crate::door::{asking, builder, failure, named, once, request, start, stranger};
use crate::raw::{Answer, Raw};

/// The headers of a preflight, as Traefik hands them on.
const PREFLIGHT: [&str; 3] =
    ["X-Forwarded-Method: OPTIONS", "Origin: https://a.example", "Access-Control-Request-Method: POST"];

async fn ask(pair: &Pair, bytes: impl AsRef<[u8]>) -> Answer {
    let mut raw = Raw::connect(pair.internal).await;
    raw.send(bytes).await;
    raw.answer().await
}

fn passed(answer: &Answer, name: Option<&str>) {
    assert_eq!(answer.status, 200, "{}{}", answer.head, answer.text());
    assert_eq!(answer.header("x-auth-key-name"), name, "{}", answer.head);
    assert_eq!(answer.header("www-authenticate"), None, "{}", answer.head);
    assert_eq!(answer.header("access-control-allow-origin"), None, "{}", answer.head);
    assert_eq!(answer.text(), "");
    named(answer);
}

fn refused(answer: &Answer) -> Value {
    assert_eq!(answer.header("x-auth-key-name"), None, "{}", answer.head);
    failure(answer, 401, Some("invalid_api_key"))
}

#[tokio::test]
async fn a_key_passes_by_its_name_whatever_the_method() {
    let pair = start(builder()).await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        for path in ["/verify", "/verify/", "/verify?next=1"] {
            passed(&ask(&pair, request(method, path, &[], b"")).await, Some("PROXY_API_KEY"));
            refused(&ask(&pair, stranger(method, path, &[], b"")).await);
        }
    }
    let mut raw = Raw::connect(pair.internal).await;
    raw.send(request("HEAD", "/verify", &[], b"")).await;
    let answer = raw.answer_to_head().await;
    assert_eq!((answer.status, answer.header("x-auth-key-name")), (200, Some("PROXY_API_KEY")));
    raw.send(stranger("HEAD", "/verify", &[], b"")).await;
    let answer = raw.answer_to_head().await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    for path in ["/verify/x", "/Verify", "//verify"] {
        failure(&ask(&pair, request("GET", path, &[], b"")).await, 404, Some("not_found"));
    }
    failure(&once(&pair, &request("GET", "/verify", &[], b"")).await, 404, Some("not_found"));
}

#[tokio::test]
async fn a_preflight_passes_without_a_name_and_what_is_nearly_one_does_not() {
    let pair = start(builder()).await;
    for method in ["GET", "OPTIONS"] {
        passed(&ask(&pair, stranger(method, "/verify", &PREFLIGHT, b"")).await, None);
    }
    let with_key = format!("Authorization: Bearer {KEY}");
    let [method, origin, asked] = PREFLIGHT;
    passed(
        &ask(&pair, stranger("GET", "/verify", &[&with_key, method, origin, asked], b"")).await,
        Some("PROXY_API_KEY"),
    );
    for spoofed in [
        &[origin, asked][..],
        &[method, asked],
        &[method, origin],
        &[method, method, origin, asked],
        &[method, "X-Forwarded-Method: POST", origin, asked],
        &["X-Forwarded-Method: GET", method, origin, asked],
        &[method, origin, origin, asked],
        &[method, origin, asked, asked],
        &["X-Forwarded-Method: options", origin, asked],
        &["X-Forwarded-Method: GET, OPTIONS", origin, asked],
        &["X-Forwarded-Method: OPTIONS, GET", origin, asked],
        &["X-Forwarded-Method: \"OPTIONS\"", origin, asked],
        &["X_Forwarded_Method: OPTIONS", origin, asked],
        &["X-Forwarded_Method: OPTIONS", origin, asked],
        &["X-Forwarded-Method: POST", "X_Forwarded_Method: OPTIONS", origin, asked],
        &["X-HTTP-Method-Override: OPTIONS", origin, asked],
        &["X-Auth-Key-Name: PROXY_API_KEY"],
        &["X_Auth_Key_Name: PROXY_API_KEY"],
        &["X-Forwarded-User: admin", "X-Forwarded-For: 127.0.0.1"],
    ] {
        for asked_with in ["GET", "OPTIONS"] {
            refused(&ask(&pair, stranger(asked_with, "/verify", spoofed, b"")).await);
        }
    }
}

/// The public listener asks for the key whatever a proxy has found, and believes no name.
#[tokio::test]
async fn a_name_opens_nothing() {
    let pair = start(builder().front("PROXY_PROTECT_MODELS", "true")).await;
    let body = asking("hi").to_string();
    for name in ["X-Auth-Key-Name", "X_Auth_Key_Name", "x-auth_key-name"] {
        let header = format!("{name}: PROXY_API_KEY");
        let headers = [header.as_str(), "X-Forwarded-Method: OPTIONS", "Origin: https://a.example"];
        let chat = stranger("POST", "/v1/chat/completions", &headers, body.as_bytes());
        failure(&once(&pair, &chat).await, 401, Some("invalid_api_key"));
        let models = stranger("GET", "/v1/models", &headers, b"");
        failure(&once(&pair, &models).await, 401, Some("invalid_api_key"));
    }
}

#[tokio::test]
async fn no_body_is_waited_for() {
    let pair = start(builder()).await;
    for (bytes, status) in [(request as fn(_, _, &_, &_) -> _, 200), (stranger, 401)] {
        for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
            let mut raw = Raw::connect(pair.internal).await;
            raw.send(bytes("POST", "/verify", &[framing], b"")).await;
            let answer = raw.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{framing}");
        }
    }
}

#[tokio::test]
async fn what_an_operator_switches_changes_nothing() {
    for (name, value) in [("PROXY_MAINTENANCE_MODE", "true"), ("CODEX__ENABLED", "false")] {
        let pair = builder().front(name, value).start().await.expect("the pair starts");
        passed(&ask(&pair, request("GET", "/verify", &[], b"")).await, Some("PROXY_API_KEY"));
        passed(&ask(&pair, stranger("GET", "/verify", &PREFLIGHT, b"")).await, None);
        refused(&ask(&pair, stranger("GET", "/verify", &[], b"")).await);
    }
}

#[tokio::test]
async fn without_any_key_nobody_passes() {
    let pair = start(builder().front("PROXY_API_KEY", "")).await;
    let error = refused(&ask(&pair, request("GET", "/verify", &[], b"")).await);
    assert!(error["message"].as_str().is_some_and(|m| m.contains("PROXY_API_KEY")), "{error}");
}

/// Whoever passes has a line of the API's own.
#[tokio::test]
async fn a_refusal_is_logged_and_a_pass_is_not() {
    let pair = start(builder()).await;
    let quiet = ask(&pair, request("GET", "/verify", &[], b"")).await;
    let preflight = ask(&pair, stranger("GET", "/verify", &PREFLIGHT, b"")).await;
    let loud = ask(&pair, stranger("GET", "/verify", &["Authorization: Bearer sk-wrong"], b"")).await;
    let id = |answer: &Answer| answer.header("x-request-id").unwrap_or_default().to_owned();
    let (refused, id_of) = (id(&loud), |line: &Value| line["request_id"].as_str().map(str::to_owned));
    let line = pair.front.logged("the refusal", |line| id_of(line).as_ref() == Some(&refused)).await;
    let line = line.expect("a line");
    assert_eq!((&line["event"], &line["route"]), (&"request_end".into(), &"/verify".into()), "{line}");
    assert_eq!((&line["status"], &line["error_code"]), (&401.into(), &"invalid_api_key".into()), "{line}");
    let log = pair.front.log().join("\n");
    assert!(!log.contains(&id(&quiet)) && !log.contains(&id(&preflight)), "{log}");
    assert!(!log.contains(KEY) && !log.contains("sk-wrong"), "{log}");
}

/// The client gets this answer from the proxy, and a page must be able to read why.
#[tokio::test]
async fn a_refusal_can_be_read_by_pages() {
    let pair = start(builder().front("PROXY_CORS_ALLOWED_ORIGINS", "https://a.example")).await;
    let answer = ask(&pair, stranger("GET", "/verify", &["Origin: https://a.example"], b"")).await;
    refused(&answer);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
    let answer = ask(&pair, stranger("GET", "/verify", &["Origin: https://b.example"], b"")).await;
    refused(&answer);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    passed(
        &ask(&pair, request("GET", "/verify", &["Origin: https://a.example"], b"")).await,
        Some("PROXY_API_KEY"),
    );
}
