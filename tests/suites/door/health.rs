//! Health on both listeners: the documented body, with the worker up, failing and gone.

use std::collections::BTreeMap;

use gateway_tests::pair::Pair;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::door::{asking, builder, chat, failure, named, never_up, once, start, stranger};
use crate::raw::{Answer, Raw};

const READY: [&str; 2] = ["/healthz", "/readyz"];
const LIVE: [&str; 2] = ["/livez", "/health"];

/// What each path answers, on both listeners alike.
async fn health(pair: &Pair, path: &str) -> Answer {
    let mut answers = Vec::new();
    for addr in [pair.addr, pair.internal] {
        let mut raw = Raw::connect(addr).await;
        raw.send(stranger("GET", path, &[], b"")).await;
        let answer = raw.answer().await;
        named(&answer);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        answers.push(answer);
    }
    let answer = answers.remove(0);
    assert_eq!(answer.status, answers[0].status, "{path}: both listeners say the same");
    answer
}

async fn alive(pair: &Pair) {
    for path in LIVE {
        let answer = health(pair, path).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "status": "ok" })), "{path}");
    }
}

#[tokio::test]
async fn a_serving_pair_says_so() {
    let pair = start(builder()).await;
    alive(&pair).await;
    for path in READY {
        let answer = health(&pair, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            answer.json(),
            json!({ "status": "ok", "worker_state": "ready", "restart_streak": 0, "maintenance_mode": false }),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_child_that_never_comes_up_is_told_in_full() {
    let pair = never_up().start_unready().await.expect("the pair starts");
    let addr = pair.addr;
    let backoff = pair.eventually("the backoff to be told", || async move {
        let mut raw = Raw::connect(addr).await;
        raw.send(stranger("GET", "/readyz", &[], b"")).await;
        let body = raw.answer().await.json();
        (body["worker_state"] == "backoff").then_some(body)
    });
    let body = backoff.await.expect("the backoff is told");
    assert_eq!(body["status"], "down", "{body}");
    assert_eq!(body["last_exit_code"], 3, "{body}");
    assert!(body["restart_streak"].as_u64().is_some_and(|n| n >= 1), "{body}");
    assert!(body["backoff_ms"].as_u64().is_some_and(|ms| ms > 0), "{body}");
    assert_eq!(body["maintenance_mode"], false, "{body}");
    let members: BTreeMap<String, Value> = serde_json::from_value(body).expect("an object");
    assert_eq!(
        members.keys().map(String::as_str).collect::<Vec<_>>(),
        ["backoff_ms", "last_exit_code", "maintenance_mode", "restart_streak", "status", "worker_state"]
    );
    for path in READY {
        assert_eq!(health(&pair, path).await.status, 503, "{path}");
    }
    alive(&pair).await;
    let answer = once(&pair, &chat(asking("hi").to_string().as_bytes())).await;
    failure(&answer, 503, Some("worker_unavailable"));
    let after: u64 = answer.header("retry-after").and_then(|after| after.parse().ok()).expect("seconds");
    assert!((1..=120).contains(&after), "the SDKs give up beyond 120 s, and it said {after}");
    failure(&once(&pair, &stranger("GET", "/v1/models", &[], b"")).await, 503, Some("worker_unavailable"));
    // A bad request is the client's fault whatever the worker does.
    failure(&once(&pair, &chat(b"{")).await, 400, None);
    failure(
        &once(&pair, &stranger("POST", "/v1/chat/completions", &[], b"{")).await,
        401,
        Some("invalid_api_key"),
    );
}

#[tokio::test]
async fn a_daemon_that_is_gone_is_unreachable_and_the_models_stay_known() {
    let mut pair = start(builder()).await;
    pair.daemon.signal(Signal::SIGKILL).expect("the daemon runs");
    pair.daemon.wait().await.expect("the daemon ends");
    let addr = pair.addr;
    let gone = pair.eventually("the loss to be told", || async move {
        let mut raw = Raw::connect(addr).await;
        raw.send(stranger("GET", "/readyz", &[], b"")).await;
        let answer = raw.answer().await;
        (answer.status == 503).then(|| answer.json())
    });
    assert_eq!(
        gone.await.expect("the loss is told"),
        json!({ "status": "down", "worker_state": "unreachable", "maintenance_mode": false })
    );
    alive(&pair).await;
    let answer = once(&pair, &chat(asking("hi").to_string().as_bytes())).await;
    failure(&answer, 503, Some("worker_unavailable"));
    assert_eq!(once(&pair, &stranger("GET", "/v1/models", &[], b"")).await.status, 200);
}
