//! What a client is told when the upstream refuses or breaks, before the first byte and after it.

use crate::support::{Stage, asking};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};
use std::time::Duration;

/// A failure, and what a client should get for it.
struct Case {
    what: &'static str,
    reply: fn() -> Reply,
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    retry_after: Option<&'static str>,
}

const BAD: &str = "invalid_request_error";
const SERVER: &str = "server_error";

const fn case(
    what: &'static str,
    reply: fn() -> Reply,
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    retry_after: Option<&'static str>,
) -> Case {
    Case { what, reply, status, kind, code, retry_after }
}

const SOON: Option<&str> = Some("1");
const REFUSED: &[Case] = &[
    case("400", refused, 400, BAD, Some("bad_thing"), None),
    case(
        "400 without JSON",
        || Reply::body(400, "text/html", "<h1>no</h1>"),
        502,
        SERVER,
        Some("upstream_error"),
        SOON,
    ),
    case("401", || Reply::error(401, "no key"), 503, SERVER, Some("upstream_unauthorized"), SOON),
    case(
        "403",
        || Reply::error(403, "not here"),
        403,
        BAD,
        // The child hands on the message of a body, not its code.
        None,
        None,
    ),
    case("404", || Reply::error(404, "no such"), 404, BAD, Some("model_not_found"), None),
    case(
        "429",
        || Reply::error(429, "slow down"),
        429,
        "rate_limit_error",
        Some("rate_limit_exceeded"),
        SOON,
    ),
    case(
        "usage limit",
        || Reply::usage_limit(Duration::from_secs(60)),
        429,
        "insufficient_quota",
        Some("insufficient_quota"),
        None,
    ),
    case("500", || Reply::error(500, "oops"), 502, SERVER, Some("upstream_error"), SOON),
    case("503", || Reply::error(503, "full"), 503, SERVER, Some("overloaded"), SOON),
    case("closed without an answer", Reply::hangup, 502, SERVER, Some("upstream_error"), SOON),
];

/// Failures that end a stream: alone, or behind some text.
const FAILED: &[Case] = &[
    case(
        "rate limit",
        || rate_limited(Reply::new()),
        429,
        "rate_limit_error",
        Some("rate_limit_exceeded"),
        Some("5"),
    ),
    case("context length", || too_long(Reply::new()), 400, BAD, Some("context_length_exceeded"), None),
    case("cut", || Reply::new().cut(), 502, SERVER, Some("upstream_error"), SOON),
    case("no end", || Reply::new().end_of_stream(), 502, SERVER, Some("upstream_error"), SOON),
    case("server error", || failed(Reply::new()), 502, SERVER, Some("upstream_error"), SOON),
];

const FAILED_LATE: &[Case] = &[
    case(
        "rate limit",
        || rate_limited(begun()),
        429,
        "rate_limit_error",
        Some("rate_limit_exceeded"),
        Some("5"),
    ),
    case("context length", || too_long(begun()), 400, BAD, Some("context_length_exceeded"), None),
    case("cut", || begun().cut(), 502, SERVER, Some("upstream_error"), SOON),
    case("no end", || begun().end_of_stream(), 502, SERVER, Some("upstream_error"), SOON),
    case("server error", || failed(begun()), 502, SERVER, Some("upstream_error"), SOON),
];

fn refused() -> Reply {
    let error = json!({"message": "Bad 'x', see https://internal/docs (req_12345)", "type": BAD, "param": "x", "code": "bad_thing"});
    Reply::status(400, &json!({"error": error}))
}

fn begun() -> Reply {
    Reply::new().text("Begun.")
}

fn rate_limited(reply: Reply) -> Reply {
    reply.failed("rate_limit_exceeded", "Rate limit reached. Please try again in 5s.")
}

fn too_long(reply: Reply) -> Reply {
    reply.failed("context_length_exceeded", "Your input exceeds the context window.")
}

fn failed(reply: Reply) -> Reply {
    reply.failed("server_error", "Something went wrong.")
}

/// Compares an error with what the case says, and gives what differs.
fn check(case: &Case, error: &Value) -> Option<String> {
    let got = json!([error["type"], error["code"]]);
    let wanted = json!([case.kind, case.code]);
    let mut names: Vec<&str> = error.as_object()?.keys().map(String::as_str).collect();
    names.sort_unstable();
    let whole = names == ["code", "message", "param", "retryable", "type"];
    let private = ["https://", "req_", "127.0.0.1"].iter().any(|word| error.to_string().contains(word));
    (got != wanted || !whole || private).then(|| format!("{}: {error}", case.what))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_before_the_first_byte_has_its_own_status() {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for case in REFUSED.iter().chain(FAILED) {
        for stream in [false, true] {
            let got = stage.ask([(case.reply)()], &asking(stream)).await;
            let seen = (got.status, got.header("retry-after"), got.header("content-type"));
            if seen != (case.status, case.retry_after, Some("application/json")) {
                wrong.push(format!("{}, stream {stream}: {seen:?} {}", case.what, got.shown()));
            } else {
                wrong.extend(check(case, &got.json()["error"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_the_first_byte_is_one_last_frame() {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for case in FAILED_LATE {
        let (text, error) = stage.ask([(case.reply)()], &asking(true)).await.stream().broken();
        assert_eq!(text, "Begun.", "{}", case.what);
        wrong.extend(check(case, &error));
        let got = stage.ask([(case.reply)()], &asking(false)).await;
        assert_eq!(got.status, case.status, "{}: {}", case.what, got.shown());
        wrong.extend(check(case, &got.json()["error"]));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_refuses_is_told_in_its_words_but_for_private_ones() {
    let stage = Stage::new().await;
    let got = stage.ask([refused()], &asking(false)).await;
    assert_eq!(
        got.json()["error"],
        json!({"message": "Bad 'x', see [removed] [removed]", "type": BAD, "param": "x", "code": "bad_thing", "retryable": false})
    );
}
