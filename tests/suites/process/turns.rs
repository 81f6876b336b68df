//! Turns that flood, ask, lose their end or crash.

use crate::support::{around, ask, broken, get, let_go, ready, refused, serves};
use gateway_tests::{
    fake_child::Script,
    pair::{Answer, End},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_flood_arrives_whole_while_others_are_served() {
    const DELTAS: usize = 20_000;
    let pair = ready(&Script::default()).await;
    let whole: String = (0..DELTAS).map(|n| format!("{n} ")).collect();
    let flood = format!("!flood {DELTAS}");
    let (object, stream, ()) =
        tokio::join!(ask(&pair, &flood, false), ask(&pair, &flood, true), serves(&pair));
    for (end, text) in [object, stream] {
        assert_eq!(end, End::Done);
        assert!(text == whole, "{} of {} bytes came", text.len(), whole.len());
    }
    let_go(&pair).await;
}

/// The turn's end never comes: the front gives up after its own time, and lets the thread go.
#[tokio::test]
async fn a_lost_end_is_a_504_and_the_thread_is_let_go() {
    let builder = around(&Script::default()).front("PROXY_IDLE_TIMEOUT_MS", "2500");
    let builder = builder.front("PROXY_STREAM_IDLE_TIMEOUT_MS", "2500");
    let pair = builder.start().await.expect("a ready pair");
    let object = ask(&pair, "!lose_completed\nhello", false).await;
    assert_eq!(object.0, refused(504, "timeout"));
    let stream = ask(&pair, "!lose_completed\nhello", true).await;
    assert_eq!(stream, (broken("timeout"), "hello".to_owned()));
    let_go(&pair).await;
    serves(&pair).await;
}

#[tokio::test]
async fn a_silent_turn_is_a_504_and_is_interrupted() {
    let builder = around(&Script::default()).front("PROXY_IDLE_TIMEOUT_MS", "2500");
    let pair = builder.front("PROXY_STREAM_IDLE_TIMEOUT_MS", "2500").start().await.expect("a ready pair");
    for stream in [false, true] {
        assert_eq!(ask(&pair, "!hang", stream).await.0, refused(504, "timeout"));
    }
    let_go(&pair).await;
    serves(&pair).await;
}

/// The answers that the child got become the text: nobody is there to approve, so everything is declined.
#[tokio::test]
async fn what_the_child_asks_is_declined() {
    let pair = ready(&Script::default()).await;
    let decline = json!({ "decision": "decline" });
    for (method, wanted) in [
        ("item/commandExecution/requestApproval", decline.clone()),
        ("item/fileChange/requestApproval", decline),
        (
            "execCommandApproval",
            json!({ "decision": { "denied": { "rejection": "Nobody is there to approve this." } } }),
        ),
        ("mcpServer/elicitation/request", json!({ "action": "decline", "content": null })),
    ] {
        let (end, text) = ask(&pair, &format!("!ask {method}"), false).await;
        assert_eq!(end, End::Done, "{method}");
        let got: Value = serde_json::from_str(&text).expect("the answer as JSON");
        assert_eq!(got, wanted, "{method}");
    }
    let (end, text) = ask(&pair, "!ask some/newMethod", false).await;
    assert_eq!(end, End::Done);
    assert!(text.contains("-32601"), "{text}");
    let_go(&pair).await;
}

#[tokio::test]
async fn a_crash_ends_its_requests_and_the_service_comes_back() {
    let builder = around(&Script::default()).daemon("WORKER_BACKOFF_INITIAL_MS", "1");
    let pair = builder.start().await.expect("a ready pair");
    let first = pair.child_pid().expect("a child");
    // Before anything was said each way of asking has a real status.
    for stream in [false, true] {
        let (end, _) = ask(&pair, "!crash", stream).await;
        assert_eq!(end, refused(502, "worker_restarted"), "stream: {stream}");
        pair.ready().await.expect("another child");
    }
    assert_eq!(ask(&pair, "!crash\n!echo half of this", false).await.0, refused(502, "worker_restarted"));
    pair.ready().await.expect("another child");
    // After that a stream has its terminal frame.
    let (end, text) = ask(&pair, "!crash\n!chunks 2\n!echo half of this", true).await;
    assert_eq!((end, text.as_str()), (broken("worker_restarted"), "half o"));
    pair.ready().await.expect("another child");
    assert_ne!(pair.child_pid(), Some(first));
    let (_, health) = get(&pair, "/healthz").await;
    assert_eq!(health["last_exit_code"], 101, "{health}");
    serves(&pair).await;
}

/// Whoever reads of the lost answer in the log reads what codex is doing.
#[tokio::test]
async fn the_line_of_a_lost_answer_says_that_codex_is_gone() {
    let builder = around(&Script::default())
        .daemon("WORKER_BACKOFF_INITIAL_MS", "50000")
        .daemon("WORKER_BACKOFF_MAX_MS", "60000");
    let pair = builder.start().await.expect("a ready pair");
    let (end, _) = ask(&pair, "!crash\n!chunks 2\n!echo half of this", true).await;
    assert_eq!(end, broken("worker_restarted"));
    let line = pair.front.logged("the end", |line| line["error_code"] == "worker_restarted").await;
    let line = line.expect("a line");
    assert!(["starting", "backoff"].map(Value::from).contains(&line["worker_state"]), "{line}");
}

/// What a request waits for in the daemon's line is a place, and not the provider. That it is taken back from there is
/// what its client wanted, and no error of the daemon's.
#[tokio::test]
async fn a_request_that_never_left_the_waiting_line_is_a_504_of_the_workers() {
    let builder = around(&Script::default()).front("PROXY_IDLE_TIMEOUT_MS", "2500");
    let pair = builder.daemon("WORKER_MAX_CONCURRENCY", "1").start().await.expect("a ready pair");
    let source = async |what: &str| {
        let mut answer = Answer::to(&pair, "!hang", false).await.expect("a head");
        let id = answer.header("x-request-id").expect("a name").to_owned();
        assert_eq!(answer.end().await.expect("an end"), refused(504, "timeout"), "{what}");
        let same = |line: &Value| line["event"] == "request_end" && line["request_id"] == *id;
        pair.front.logged(what, same).await.expect("a line")["source"].clone()
    };
    assert_eq!(source("one that codex has").await, "provider");
    let_go(&pair).await;
    // Streams may be silent for longer.
    let mut first = Answer::to(&pair, "!hang\n!chunks 2\n!echo waiting", true).await.expect("a head");
    assert!(first.until("half a text", |text| text == "wait").await.expect("text"));
    assert_eq!(source("one that waits").await, "worker");
    let url = format!("http://{}/metrics", pair.internal);
    // A daemon that is busy for a second isn't in the page.
    let told = || async {
        let page = pair.client().get(&url).send().await.ok()?.text().await.ok()?;
        page.contains("codex_worker_rpc_errors_total{").then_some(page)
    };
    let page = pair.eventually("what the daemon counts", told).await.expect("a page");
    let mut errors = page.lines().filter(|line| line.starts_with("codex_worker_rpc_errors_total{"));
    assert!(errors.clone().count() > 5 && errors.all(|line| line.ends_with(" 0")), "{page}");
    drop(first);
    let_go(&pair).await;
    serves(&pair).await;
}

/// Another client's request is hit by the crash too, and ends as rightly.
#[tokio::test]
async fn a_crash_ends_everybody_elses_requests() {
    let builder = around(&Script::default()).daemon("WORKER_BACKOFF_INITIAL_MS", "1");
    let pair = builder.start().await.expect("a ready pair");
    let mut other = Answer::to(&pair, "!hang\n!chunks 2\n!echo waiting", true).await.expect("a head");
    assert!(other.until("half a text", |text| text == "wait").await.expect("text"));
    let (end, _) = ask(&pair, "!crash", false).await;
    assert_eq!(end, refused(502, "worker_restarted"));
    assert_eq!(other.end().await.expect("an end"), broken("worker_restarted"));
    pair.ready().await.expect("another child");
    serves(&pair).await;
}
