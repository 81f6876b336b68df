//! Paths and methods: what is served, what is not, and the headers that say so.

use crate::door::{asking, builder, failure, named, once, request, said, start, stranger};
use crate::raw::Raw;

const CHAT: &str = "POST, HEAD, OPTIONS";
const READ: &str = "GET, HEAD, OPTIONS";

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let pair = start(builder()).await;
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", CHAT),
        ("PUT", "/v1/chat/completions", CHAT),
        ("DELETE", "/v1/chat/completions/", CHAT),
        ("PATCH", "/v1/chat/completions", CHAT),
        ("BREW", "/v1/chat/completions", CHAT),
        ("POST", "/v1/models", READ),
        ("DELETE", "/v1/models/gpt-fake-1", READ),
        ("POST", "/readyz", READ),
        ("POST", "/livez", READ),
    ] {
        let answer = once(&pair, &request(method, path, &[], b"")).await;
        failure(&answer, 405, Some("method_not_allowed"));
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn an_unknown_route_is_404() {
    let pair = start(builder()).await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/chat",
        "/v1/chat/completions/x",
        "/v1//chat/completions",
        "/v1/chat/completions//",
        "/V1/models",
        "/v1/modelsx",
        "/metrics",
        "/verify",
        "/v1/../v1/models",
        "/%76%31/models",
    ] {
        let answer = once(&pair, &request("GET", path, &[], b"")).await;
        let error = failure(&answer, 404, Some("not_found"));
        assert_eq!(answer.header("allow"), None, "{path}: {error}");
    }
    // The listener for operators serves no API.
    let mut raw = Raw::connect(pair.internal).await;
    raw.send(request("GET", "/v1/models", &[], b"")).await;
    failure(&raw.answer().await, 404, Some("not_found"));
}

#[tokio::test]
async fn a_trailing_slash_and_a_query_change_nothing() {
    let pair = start(builder()).await;
    let body = asking("hi").to_string();
    for path in ["/v1/chat/completions/", "/v1/chat/completions?api-version=1", "/v1/chat/completions/?"] {
        let answer = once(&pair, &request("POST", path, &[], body.as_bytes())).await;
        assert_eq!(said(&answer), "hi", "{path}");
    }
    for path in ["/v1/models/", "/v1/models?limit=1", "/v1/models/gpt-fake-1/", "/readyz/", "/livez/"] {
        let answer = once(&pair, &stranger("GET", path, &[], b"")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let pair = start(builder()).await;
    for path in [
        "/v1/chat/completions",
        "/v1/models",
        "/v1/models/gpt-fake-1",
        "/readyz",
        "/healthz",
        "/livez",
        "/health",
    ] {
        let mut raw = Raw::connect(pair.addr).await;
        raw.send(request("HEAD", path, &[], b"")).await;
        let answer = raw.answer_to_head().await;
        assert_eq!(answer.status, 200, "{path}");
        named(&answer);
        // A body would stand before the next answer.
        raw.send(request("GET", "/livez", &["Connection: close"], b"")).await;
        assert_eq!(raw.answer().await.json()["status"], "ok", "{path}");
        raw.ends().await;
    }
    let mut raw = Raw::connect(pair.addr).await;
    raw.send(stranger("HEAD", "/v1/chat/completions", &[], b"")).await;
    assert_eq!(raw.answer_to_head().await.status, 401);
}

#[tokio::test]
async fn options_tells_the_methods() {
    let pair = start(builder()).await;
    for (path, allow) in
        [("/v1/chat/completions", CHAT), ("/v1/models", READ), ("/v1/models/any", READ), ("/readyz", READ)]
    {
        // Without a key: a browser asks before it may send one.
        let answer = once(&pair, &stranger("OPTIONS", path, &[], b"")).await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allow)), "{path}");
        named(&answer);
    }
    failure(&once(&pair, &stranger("OPTIONS", "/nowhere", &[], b"")).await, 404, Some("not_found"));
}

#[tokio::test]
async fn a_model_is_found_by_its_name_alone() {
    let pair = start(builder().front("PROXY_MODEL_ALIASES", "team/fast:1=gpt-fake-0:low")).await;
    for (path, id) in [
        ("/v1/models/gpt-fake-1", "gpt-fake-1"),
        ("/v1/models/team/fast:1", "team/fast:1"),
        ("/v1/models/team%2Ffast%3a1", "team/fast:1"),
    ] {
        let answer = once(&pair, &stranger("GET", path, &[], b"")).await;
        named(&answer);
        assert_eq!((answer.status, &answer.json()["id"]), (200, &id.into()), "{path}");
    }
    for path in ["/v1/models/gpt-none", "/v1/models/%", "/v1/models/%ff%00", "/v1/models/fake-auto-review"] {
        let answer = once(&pair, &stranger("GET", path, &[], b"")).await;
        let error = failure(&answer, 404, Some("model_not_found"));
        assert_eq!(error["param"], "model", "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_a_name_of_its_own() {
    let pair = start(builder()).await;
    let mut names = std::collections::BTreeSet::new();
    let body = asking("hi").to_string();
    for bytes in [
        request("POST", "/v1/chat/completions", &[], body.as_bytes()),
        request("POST", "/v1/chat/completions", &[], b"{"),
        stranger("POST", "/v1/chat/completions", &[], b"{"),
        stranger("GET", "/v1/models", &[], b""),
        stranger("GET", "/livez", &[], b""),
        stranger("GET", "/readyz", &[], b""),
        stranger("GET", "/nowhere", &[], b""),
    ] {
        let answer = once(&pair, &bytes).await;
        named(&answer);
        assert_eq!(answer.header("x-should-retry").is_some(), answer.status >= 400, "{}", answer.head);
        names.insert(answer.header("x-request-id").map(str::to_owned));
    }
    assert_eq!(names.len(), 7, "{names:?}");
}

/// A client's own name for its request is logged where it can be, and goes nowhere else.
#[tokio::test]
async fn a_clients_name_for_its_request_is_logged() {
    let pair = start(builder()).await;
    let (body, long) = (asking("hi").to_string(), "x".repeat(513));
    for (name, logged) in [("my-id-1", true), ("my-id-2", true), ("two words", false), (&long, false)] {
        let header = format!("X-Client-Request-Id: {name}");
        let bytes = if name == "my-id-2" {
            request("POST", "/v1/chat/completions", &[&header], b"{")
        } else {
            request("POST", "/v1/chat/completions", &[&header], body.as_bytes())
        };
        let answer = once(&pair, &bytes).await;
        named(&answer);
        assert!(!answer.head.contains(name), "{}", answer.head);
        let id = answer.header("x-request-id").unwrap_or_default().to_owned();
        let line =
            pair.front.logged("its end", |line| line["event"] == "request_end" && line["request_id"] == *id);
        let line = line.await.expect("a line");
        assert_eq!(line.get("client_request_id").and_then(|v| v.as_str()), logged.then_some(name), "{line}");
    }
}

/// There is nothing in such a target to look for a route with.
#[tokio::test]
async fn a_target_without_a_path_is_an_unknown_route() {
    let pair = start(builder()).await;
    for addr in [pair.addr, pair.internal] {
        for line in ["CONNECT a:1 HTTP/1.1", "GET a:1 HTTP/1.1", "OPTIONS a HTTP/1.1", "CONNECT a:1 HTTP/1.0"]
        {
            let mut raw = Raw::connect(addr).await;
            raw.send(format!("{line}\r\nHost: a\r\n\r\n")).await;
            failure(&raw.answer().await, 404, Some("not_found"));
        }
    }
    let log = pair.front.log();
    assert!(log.iter().all(|line| !line.contains("\"panic\"")), "{log:?}");
}
