//! What a client is told when the upstream refuses or breaks, before the first byte and after it.

use super::judge::{self, Wait};
use crate::support::{Stage, asking};
use gateway_tests::upstream::Reply;
use http_front::error::Kind;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A failure, and what a client should get for it.
struct Case<R> {
    what: &'static str,
    reply: R,
    kind: Kind,
}

const fn case<R>(what: &'static str, kind: Kind, reply: R) -> Case<R> {
    Case { what, reply, kind }
}

/// A whole reply.
type Whole = fn() -> Reply;
/// How a reply goes on to its end.
type End = fn(Reply) -> Reply;

/// What comes in place of a stream.
const REFUSED: &[Case<Whole>] = &[
    case("400 without JSON", Kind::Upstream, || page(400)),
    case("400 that judges the content", Kind::UpstreamRefused(400), || coded(400, "invalid_prompt")),
    case("400 for a policy", Kind::ContentPolicy, || coded(400, "cyber_policy")),
    case("400 for the length", Kind::ContextLength, || coded(400, "context_length_exceeded")),
    case("401", Kind::UpstreamUnauthorized, || Reply::error(401, "no key")),
    case("402", Kind::InsufficientQuota, || coded(402, "deactivated_workspace")),
    // The child hands on the message of a body, not its code.
    case("403", Kind::UpstreamRefused(403), || Reply::error(403, "not here")),
    case("403 with a page", Kind::UpstreamRefused(403), || page(403)),
    case("403 without a word", Kind::UpstreamRefused(403), || Reply::body(403, "text/plain", "")),
    case("404 for the model", Kind::ModelNotFound, || Reply::error(404, "no such")),
    case("404 without JSON", Kind::UpstreamRefused(404), || Reply::body(404, "text/plain", "nope")),
    case("408", Kind::Upstream, || Reply::body(408, "text/plain", "late")),
    case("409", Kind::Upstream, || coded(409, "conflict")),
    case("413", Kind::ContextLength, || Reply::body(413, "text/plain", "large")),
    case("422", Kind::UpstreamRefused(422), || coded(422, "odd")),
    case("429", Kind::RateLimited, || Reply::error(429, "slow down")),
    case("429 with a time", Kind::RateLimited, || Reply::error(429, "slow down").header("retry-after", "7")),
    case("429 for the quota", Kind::InsufficientQuota, || coded(429, "insufficient_quota")),
    case("429 for the usage", Kind::InsufficientQuota, || Reply::usage_limit(Duration::from_secs(60))),
    case("500", Kind::Upstream, || Reply::error(500, "oops")),
    case("502", Kind::Upstream, || page(502)),
    case("503", Kind::Overloaded, || Reply::error(503, "full")),
    case("503 for the load", Kind::Overloaded, || coded(503, "server_is_overloaded")),
    case("503 for the rate", Kind::RateLimited, || coded(503, "slow_down")),
    case("504", Kind::Upstream, || page(504)),
    case("200 and no stream", Kind::Upstream, || Reply::body(200, "application/json", "{}")),
    case("closed without an answer", Kind::Upstream, Reply::hangup),
];

/// What ends a stream: alone, or behind some text.
const FAILED: &[Case<End>] = &[
    case("rate limit", Kind::RateLimited, |r| r.failed("rate_limit_exceeded", "Rate limit reached.")),
    case("slow down", Kind::RateLimited, |r| r.failed("slow_down", "Slower.")),
    case("context length", Kind::ContextLength, |r| r.failed("context_length_exceeded", "Too long.")),
    case("quota", Kind::InsufficientQuota, |r| r.failed("insufficient_quota", "No more.")),
    case("plan", Kind::InsufficientQuota, |r| r.failed("usage_not_included", "Not in this plan.")),
    case("capacity", Kind::Overloaded, |r| r.failed("server_is_overloaded", "Full.")),
    case("flex", Kind::Overloaded, |r| r.failed("flex_unavailable", "Full.")),
    case("policy capacity", Kind::Overloaded, |r| r.failed("policy_capacity_unavailable", "Full.")),
    case("model", Kind::ModelNotFound, |r| r.failed("model_not_found", "No such model.")),
    case("cyber policy", Kind::ContentPolicy, |r| r.failed("cyber_policy", "No.")),
    case("misalignment", Kind::ContentPolicy, |r| r.failed("misalignment_policy_violation", "No.")),
    case("hook", Kind::ContentPolicy, |r| r.failed("inference_hook_denied", "No.")),
    case("prompt", Kind::UpstreamRefused(400), |r| r.failed("invalid_prompt", "Flagged, see https://h/p")),
    case("content", Kind::UpstreamRefused(400), |r| r.failed("content_policy_violation", "Rejected.")),
    case("unknown code", Kind::Upstream, |r| r.failed("never_heard_of", "Hm.")),
    case("server error", Kind::Upstream, |r| r.failed("server_error", "Something went wrong.")),
    case("cut", Kind::Upstream, Reply::cut),
    case("no end", Kind::Upstream, Reply::end_of_stream),
];

fn coded(status: u16, code: &str) -> Reply {
    let error = json!({"message": "The message.", "type": "some_error", "param": null, "code": code});
    Reply::status(status, &json!({ "error": error }))
}

fn page(status: u16) -> Reply {
    Reply::body(status, "text/html", "<html><h1>no</h1></html>")
}

fn begun() -> Reply {
    Reply::new().text("Begun.")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_before_the_first_byte_has_its_own_status() {
    let stage = Stage::new().await;
    let refused = REFUSED.iter().map(|case| (case.what, case.kind, (case.reply)()));
    let failed = FAILED.iter().map(|case| (case.what, case.kind, (case.reply)(Reply::new())));
    let mut wrong = Vec::new();
    for (what, kind, reply) in refused.chain(failed) {
        for stream in [false, true] {
            let got = stage.ask([reply.clone()], &asking(stream)).await;
            let fault = judge::answer(kind, judge::code(kind).as_deref(), Wait::Usual, &got);
            wrong.extend(fault.map(|fault| format!("{what}, stream {stream}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_the_first_byte_is_one_last_frame() {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for Case { what, reply, kind } in FAILED {
        let stream = stage.ask([reply(begun())], &asking(true)).await.stream();
        let text = if *kind == Kind::ContentPolicy {
            // What was sent stands, and why it ends has a word of its own.
            stream.complete("content_filter")
        } else {
            let (text, error) = stream.broken();
            let fault = judge::object(*kind, judge::code(*kind).as_deref(), &error);
            wrong.extend(fault.map(|fault| format!("{what}: {fault}")));
            text
        };
        assert_eq!(text, "Begun.", "{what}");
        // An answer in JSON has its status still.
        let got = stage.ask([reply(begun())], &asking(false)).await;
        let fault = judge::answer(*kind, judge::code(*kind).as_deref(), Wait::Usual, &got);
        wrong.extend(fault.map(|fault| format!("{what}, JSON: {fault}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_refuses_is_told_in_its_words_but_for_private_ones() {
    let stage = Stage::new().await;
    let message = "Bad 'x', see https://internal/docs (req_12345)";
    let error =
        json!({"message": message, "type": "invalid_request_error", "param": "x", "code": "bad_thing"});
    let told = |message: &str, param: Value, code: Value| json!({"message": message, "type": "invalid_request_error", "param": param, "code": code, "retryable": false});
    for (reply, wanted) in [
        (
            Reply::status(400, &json!({ "error": error })),
            told("Bad 'x', see [removed] [removed]", json!("x"), json!("bad_thing")),
        ),
        (
            Reply::new().failed("invalid_prompt", "Your prompt was flagged, see https://h/p"),
            told("Your prompt was flagged, see [removed]", Value::Null, Value::Null),
        ),
        (page(403), told("The upstream refused this request.", Value::Null, Value::Null)),
    ] {
        let got = stage.ask([reply], &asking(false)).await;
        assert_eq!(got.json()["error"], wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstreams_time_to_wait_is_told_to_the_millisecond() {
    let stage = Stage::new().await;
    for (message, millis) in [
        ("Rate limit reached. Please try again in 5.2s.", 5_200),
        ("Please try again in 300ms.", 300),
        ("Please try again in 600s.", 120_000),
    ] {
        for stream in [false, true] {
            let reply = Reply::new().failed("rate_limit_exceeded", message);
            let got = stage.ask([reply], &asking(stream)).await;
            let fault =
                judge::answer(Kind::RateLimited, Some("rate_limit_exceeded"), Wait::Millis(millis), &got);
            assert_eq!(fault, None);
        }
    }
}

/// A usage limit, and how much of the account's windows the upstream says is used: percent, seconds to the reset.
fn limit(primary: Option<(&str, u64)>, secondary: Option<(&str, u64)>) -> Reply {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut reply = Reply::usage_limit(Duration::from_secs(60));
    for (window, minutes, told) in [("primary", "300", primary), ("secondary", "10080", secondary)] {
        if let Some((percent, wait)) = told {
            reply = reply
                .header(format!("x-codex-{window}-used-percent"), percent)
                .header(format!("x-codex-{window}-window-minutes"), minutes)
                .header(format!("x-codex-{window}-reset-at"), (now + wait).to_string());
        }
    }
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_limit_says_when_it_is_back() {
    let stage = Stage::new().await;
    let (hours, days) = (3_600, 400_000);
    for (reply, wait) in [
        // Nobody has said anything yet.
        (limit(None, None), Wait::Usual),
        (limit(Some(("100", hours)), Some(("40", days))), Wait::Long(hours)),
        // What was heard last holds while the upstream says nothing new.
        (limit(None, None), Wait::Long(hours)),
        (limit(Some(("100", hours)), Some(("100", days))), Wait::Long(days)),
        // Something else is used up than these windows: nothing is promised.
        (limit(Some(("12", hours)), Some(("40", days))), Wait::Usual),
    ] {
        for stream in [false, true] {
            let got = stage.ask([reply.clone()], &asking(stream)).await;
            let kind = Kind::InsufficientQuota;
            assert_eq!(judge::answer(kind, Some("insufficient_quota"), wait, &got), None);
        }
    }
}
