//! A child that doesn't come up, or not at once.

use crate::support::{around, ask, get, log, refused, serves};
use gateway_tests::{
    fake_child::{Entry, Script, Start},
    pair::{Answer, Pair},
};
use serde_json::{Value, json};

fn starts(pair: &Pair) -> usize {
    let entries = log(pair);
    entries.iter().filter(|entry| matches!(entry, Entry::Start { .. })).count()
}

async fn health(pair: &Pair, wanted: impl Fn(&Value) -> bool) -> (u16, Value) {
    pair.eventually("the health that was asked for", || async {
        let (status, body) = get(pair, "/healthz").await;
        wanted(&body).then_some((status, body))
    })
    .await
    .expect("such a health")
}

#[tokio::test]
async fn a_child_in_backoff_is_reported_and_refused_with_the_time_to_wait() {
    let script = Script {
        start: Start { crash_before_handshake: 1000, exit_code: 7, ..Start::default() },
        ..Script::default()
    };
    let builder =
        around(&script).daemon("WORKER_BACKOFF_INITIAL_MS", "50000").daemon("WORKER_BACKOFF_MAX_MS", "60000");
    let pair = builder.start_unready().await.expect("two processes");
    let (status, body) = health(&pair, |body| body["worker_state"] == "backoff").await;
    let documented = json!({
        "status": "down",
        "worker_state": "backoff",
        "last_exit_code": 7,
        "restart_streak": 1,
        "backoff_ms": 50000,
        "maintenance_mode": false,
    });
    assert_eq!((status, body), (503, documented.clone()));
    assert_eq!(get(&pair, "/readyz").await, (503, documented));
    assert_eq!(get(&pair, "/livez").await.0, 200, "the front itself runs");
    for stream in [false, true] {
        let mut answer = Answer::to(&pair, "hello", stream).await.expect("a head");
        assert_eq!(answer.header("retry-after"), Some("50"));
        assert_eq!(answer.end().await.expect("an end"), refused(503, "worker_unavailable"));
    }
    assert_eq!(starts(&pair), 1, "the delay was not kept");
}

#[tokio::test]
async fn a_child_that_crashes_six_times_comes_at_the_seventh() {
    let script =
        Script { start: Start { crash_before_handshake: 6, ..Start::default() }, ..Script::default() };
    let builder =
        around(&script).daemon("WORKER_BACKOFF_INITIAL_MS", "1").daemon("WORKER_BACKOFF_MAX_MS", "20");
    let pair = builder.start().await.expect("a ready pair");
    assert_eq!(starts(&pair), 7);
    let delays: Vec<u64> = pair
        .daemon
        .log()
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["event"] == "worker_backoff")
        .filter_map(|line| line["backoff_ms"].as_u64())
        .collect();
    assert_eq!(delays, [1, 2, 4, 8, 16, 20]);
    let degraded = pair.daemon.logged("degraded", |line| line["event"] == "worker_degraded").await;
    let degraded = degraded.expect("a line");
    assert_eq!((&degraded["level"], &degraded["restart_streak"]), (&json!("critical"), &json!(5)));
    let (status, body) = get(&pair, "/healthz").await;
    assert_eq!((status, &body["status"]), (200, &json!("ok")), "{body}");
    assert!(body.get("backoff_ms").is_none(), "{body}");
    serves(&pair).await;
}

#[tokio::test]
async fn a_worker_that_failed_five_times_is_degraded() {
    let script =
        Script { start: Start { crash_before_handshake: 1000, ..Start::default() }, ..Script::default() };
    let builder =
        around(&script).daemon("WORKER_BACKOFF_INITIAL_MS", "1").daemon("WORKER_BACKOFF_MAX_MS", "200");
    let pair = builder.start_unready().await.expect("two processes");
    let (status, body) = health(&pair, |body| body["status"] == "degraded").await;
    assert_eq!(status, 503);
    assert!(body["restart_streak"].as_u64() >= Some(5), "{body}");
}

#[tokio::test]
async fn a_child_that_hangs_in_its_handshake_is_replaced() {
    let script = Script { start: Start { hang_handshake: 1, ..Start::default() }, ..Script::default() };
    let builder =
        around(&script).daemon("WORKER_STARTUP_TIMEOUT_MS", "3000").daemon("WORKER_BACKOFF_INITIAL_MS", "1");
    let pair = builder.start_unready().await.expect("two processes");
    let failed = pair.daemon.logged("a failed handshake", |line| line["event"] == "handshake_failed").await;
    let said = failed.expect("a line").to_string();
    assert!(said.contains("WORKER_STARTUP_TIMEOUT_MS"), "{said}");
    pair.ready().await.expect("the second child");
    assert_eq!(starts(&pair), 2);
    serves(&pair).await;
}

/// Before the first child is ready the health says so; a request that comes then is refused, not held.
#[tokio::test]
async fn a_child_that_still_shakes_hands_is_starting() {
    let script = Script { start: Start { hang_handshake: 1000, ..Start::default() }, ..Script::default() };
    let pair = around(&script).start_unready().await.expect("two processes");
    let (status, body) = health(&pair, |body| body["worker_state"] == "initializing").await;
    assert_eq!((status, &body["status"]), (503, &json!("starting")), "{body}");
    assert_eq!(ask(&pair, "hello", false).await.0, refused(503, "worker_unavailable"));
}
