//! Turns and children that are not well: the daemon sees it and does something about it.

use crate::support::{around, ask, broken, get, let_go, log, refused, serves};
use gateway_tests::{
    fake_child::{Entry, First, Script},
    pair::{Answer, End, Pair, SocketClient},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::time::{Duration, Instant};

fn of(method: &str, count: u32) -> First {
    First::Of([(method.to_owned(), count)].into())
}

async fn logged(pair: &Pair, event: &str) -> Value {
    pair.daemon.logged(event, |line| line["event"] == event).await.expect("a line")
}

/// The status that the daemon tells.
async fn status(pair: &Pair) -> Value {
    let mut socket = SocketClient::connect(&pair.socket).await.expect("a client");
    socket.call("daemon/status", &serde_json::json!({})).await.expect("a status")
}

/// The child that was ready first; on a busy machine it may be gone already.
async fn first_child(pair: &Pair) -> u32 {
    let pid = logged(pair, "worker_ready").await["pid"].as_u64().expect("a pid");
    u32::try_from(pid).expect("a pid")
}

/// A fresh child serves, and the old one is gone.
async fn replaced(pair: &Pair, old: u32) {
    pair.eventually("one other child", || async {
        let now = gateway_tests::pair::children(pair.daemon.pid());
        (now.len() == 1 && now[0] != old).then_some(())
    })
    .await
    .expect("one other child");
}

#[tokio::test]
async fn a_turn_whose_end_is_lost_is_whole() {
    let builder = around(&Script::default()).daemon("WORKER_PROBE_INTERVAL_MS", "200");
    let pair = builder.start().await.expect("a ready pair");
    let (object, stream, thinking) = tokio::join!(
        ask(&pair, "!lose_completed\nhello", false),
        ask(&pair, "!lose_completed\nhello", true),
        // Slow thinking beside them is left alone.
        ask(&pair, "!chunks 2\n!pause 3000\nslow", false),
    );
    assert_eq!(object, (End::Done, "hello".to_owned()));
    assert_eq!(stream, (End::Done, "hello".to_owned()));
    assert_eq!(thinking, (End::Done, "slow".to_owned()));
    assert_eq!(logged(&pair, "turn_ended").await["reason"], "worker_turn_lost");
    let_go(&pair).await;
    assert_eq!(status(&pair).await["load"]["turns"], 0);
}

#[tokio::test]
async fn a_silent_turn_is_ended_by_the_daemon() {
    let builder = around(&Script::default()).daemon("WORKER_TURN_IDLE_TIMEOUT_MS", "2500");
    let pair = builder.start().await.expect("a ready pair");
    assert_eq!(ask(&pair, "!hang", false).await.0, refused(504, "timeout"));
    assert_eq!(ask(&pair, "!hang\n!chunks 2\n!echo half", true).await, (broken("timeout"), "ha".to_owned()));
    let ended = logged(&pair, "turn_ended").await;
    assert_eq!(ended["reason"], "worker_turn_idle");
    // The front's lines about the same request have the same name.
    let same = |line: &Value| line["event"] == "request_end" && line["request_id"] == ended["request_id"];
    assert_eq!(pair.front.logged("its end", same).await.expect("a line")["error_code"], "timeout");
    let_go(&pair).await;
    assert_eq!(status(&pair).await["load"]["turns"], 0);
    serves(&pair).await;
}

#[tokio::test]
async fn a_turn_has_its_time_and_no_more() {
    let builder = around(&Script::default()).daemon("WORKER_TURN_TIMEOUT_MS", "2500");
    let pair = builder.start().await.expect("a ready pair");
    let (end, text) = ask(&pair, "!chunks 100\n!pause 50\n!big 1000\n!chunks 100", true).await;
    assert_eq!(end, broken("timeout"));
    assert!(!text.is_empty() && text.len() < 1000, "{} bytes", text.len());
    let_go(&pair).await;
    serves(&pair).await;
}

#[tokio::test]
async fn a_child_that_says_nothing_is_killed_and_started_again() {
    // It reads the handshake and the first list of models, and nothing after that.
    let script = Script { stop_reading_after: Some(6), first_start_only: true, ..Script::default() };
    let builder = around(&script).daemon("WORKER_PROBE_INTERVAL_MS", "200");
    let builder = builder.daemon("WORKER_PROBE_TIMEOUT_MS", "1000").daemon("WORKER_BACKOFF_INITIAL_MS", "1");
    let pair = builder.start().await.expect("a ready pair");
    logged(&pair, "worker_unresponsive").await;
    assert_eq!(logged(&pair, "worker_exited").await["signal"], 9);
    pair.ready().await.expect("another child");
    serves(&pair).await;
}

#[tokio::test]
async fn a_child_that_is_deaf_is_replaced_and_its_turns_finish() {
    let builder = around(&Script::default()).daemon("WORKER_PROBE_INTERVAL_MS", "200");
    let builder = builder.daemon("WORKER_PROBE_TIMEOUT_MS", "2500").daemon("WORKER_BACKOFF_RESET_MS", "100");
    let pair = builder.start().await.expect("a ready pair");
    let old = first_child(&pair).await;
    // Deaf from here on: a deaf child without a turn says nothing at all, and is killed for that.
    let text = "0123456789012345678901234567890123456789";
    let prompt = format!("!lose server/diagnostics\n!chunks 40\n!pause 300\n!echo {text}");
    let mut stream = Answer::to(&pair, &prompt, true).await.expect("a head");
    assert_eq!(logged(&pair, "worker_replacing").await["reason"], "deaf");
    logged(&pair, "worker_replaced").await;
    assert_eq!(stream.end().await.expect("an end"), End::Done);
    assert_eq!(stream.text(), text);
    replaced(&pair, old).await;
    serves(&pair).await;
}

#[tokio::test]
async fn a_child_over_its_memory_is_replaced_without_a_failed_request() {
    let script = Script { resident_bytes: 2 << 30, first_start_only: true, ..Script::default() };
    let builder = around(&script).daemon("WORKER_PROBE_INTERVAL_MS", "200");
    let builder = builder.daemon("WORKER_MAX_RSS_BYTES", "1GiB").daemon("WORKER_BACKOFF_RESET_MS", "100");
    let pair = builder.start().await.expect("a ready pair");
    let old = first_child(&pair).await;
    let replacing = logged(&pair, "worker_replacing").await;
    assert_eq!((&replacing["reason"], &replacing["bytes"]), (&"memory".into(), &(2_u64 << 30).into()));
    serves(&pair).await;
    replaced(&pair, old).await;
    serves(&pair).await;
    assert_eq!(status(&pair).await["lastExit"], Value::Null, "a replacement is no failure");
}

#[tokio::test]
async fn a_stopped_child_goes_on() {
    let pair = around(&Script::default()).start().await.expect("a ready pair");
    let child = pair.child_pid().expect("a child");
    kill(Pid::from_raw(i32::try_from(child).expect("a pid")), Signal::SIGSTOP).expect("a signal");
    serves(&pair).await;
    assert_eq!(logged(&pair, "worker_continued").await["pid"], child);
    assert_eq!(pair.child_pid(), Some(child));
}

/// What the child was too busy for is asked again, unseen by clients.
#[tokio::test]
async fn an_overloaded_child_is_asked_again() {
    for method in ["thread/start", "thread/inject_items", "turn/start", "thread/unsubscribe"] {
        let script = Script {
            overload_first: of(method, if method == "thread/inject_items" { 1 } else { 2 }),
            ..Script::default()
        };
        let pair = around(&script).start().await.expect("a ready pair");
        let answered = ask(&pair, "hello", method == "turn/start").await;
        if method == "thread/inject_items" {
            // Its turn is on its way already, so the request fails as a whole.
            assert_eq!(answered.0, refused(503, "overloaded"));
        } else {
            assert_eq!(answered, (End::Done, "hello".to_owned()), "{method}");
            logged(&pair, "sent_again").await;
        }
        let_go(&pair).await;
        serves(&pair).await;
    }
}

#[tokio::test]
async fn a_stable_child_ends_the_streak() {
    let script = Script { first_start_only: true, ..Script::default() };
    let builder =
        around(&script).daemon("WORKER_BACKOFF_INITIAL_MS", "1").daemon("WORKER_BACKOFF_RESET_MS", "500");
    let pair = builder.start().await.expect("a ready pair");
    assert_eq!(ask(&pair, "!exit 9", false).await.0, refused(502, "worker_restarted"));
    pair.ready().await.expect("another child");
    pair.eventually("the end of the streak", || async {
        let (_, health) = get(&pair, "/healthz").await;
        (health["restart_streak"] == 0).then_some(())
    })
    .await
    .expect("no streak");
    assert_eq!(get(&pair, "/healthz").await.1["last_exit_code"], 9);
    let starts = log(&pair).iter().filter(|entry| matches!(entry, Entry::Start { .. })).count();
    assert_eq!(starts, 2);
}

/// What the child said while the daemon was stopped is read before anything is said to be late.
#[tokio::test]
async fn a_daemon_that_was_stopped_blames_nobody() {
    // A probe is nearly always unanswered: the child takes its time to read.
    let script = Script { slow_read_ms: 300, ..Script::default() };
    let builder = around(&script).daemon("WORKER_PROBE_INTERVAL_MS", "100");
    let pair = builder.daemon("WORKER_PROBE_TIMEOUT_MS", "3000").start().await.expect("a ready pair");
    let child = pair.child_pid().expect("a child");
    for _ in 0..2 {
        pair.daemon.signal(Signal::SIGSTOP).expect("a signal");
        let mut asking = std::pin::pin!(ask(&pair, "!echo after all", false));
        let early = tokio::time::timeout(Duration::from_millis(4500), &mut asking).await;
        assert!(early.is_err(), "a stopped daemon answered: {early:?}");
        pair.daemon.signal(Signal::SIGCONT).expect("a signal");
        assert_eq!(asking.await, (End::Done, "after all".to_owned()));
    }
    logged(&pair, "paused").await;
    assert_eq!(pair.child_pid(), Some(child), "the child was killed");
}

/// The front doesn't call a daemon ready that hangs.
#[tokio::test]
async fn a_daemon_that_hangs_is_not_ready() {
    let pair = around(&Script::default()).start().await.expect("a ready pair");
    pair.daemon.signal(Signal::SIGSTOP).expect("a signal");
    let health = pair
        .eventually("a front that sees it", || async {
            let (status, health) = get(&pair, "/readyz").await;
            (status == 503).then_some(health)
        })
        .await
        .expect("an answer");
    assert_eq!((&health["status"], &health["worker_state"]), (&"down".into(), &"unreachable".into()));
    pair.daemon.signal(Signal::SIGCONT).expect("a signal");
    pair.ready().await.expect("a front that hears it again");
    serves(&pair).await;
}

/// Codex's own end is what counts, whoever still holds its pipes. The deadlines of the ladder, which were waited for once, are
/// 4 s together; a busy machine needs as long for something else, but hardly three times.
#[tokio::test]
async fn a_child_whose_pipes_are_held_is_replaced_all_the_same() {
    let ladder = Duration::from_secs(4);
    let mut took = Vec::new();
    while took.iter().all(|took| *took >= ladder) {
        assert!(took.len() < 3, "{took:?}");
        took.push(replaced_while_held().await);
    }
}

/// How long it takes until another child is there.
async fn replaced_while_held() -> Duration {
    let script = Script { pipe_holder: true, first_start_only: true, ..Script::default() };
    let builder = around(&script).daemon("WORKER_BACKOFF_INITIAL_MS", "1");
    let mut pair = builder.start().await.expect("a ready pair");
    let child = pair.child_pid().expect("a child");
    let mut socket = SocketClient::connect(&pair.socket).await.expect("a client");
    kill(Pid::from_raw(i32::try_from(child).expect("a pid")), Signal::SIGKILL).expect("a signal");
    let began = Instant::now();
    pair.eventually("another child", || async {
        let status = status(&pair).await;
        (status["state"] == "ready" && status["starts"] == 2).then_some(())
    })
    .await
    .expect("another child");
    let took = began.elapsed();
    socket.call("model/list", &serde_json::json!({})).await.expect("an answer");
    let holders: Vec<u32> = log(&pair)
        .iter()
        .filter_map(|entry| match entry {
            Entry::Grandchild { pid } => Some(*pid),
            Entry::Start { .. } | Entry::Call { .. } | Entry::Line { .. } | Entry::End { .. } => None,
        })
        .collect();
    assert_eq!(pair.daemon.terminate().await.expect("an end"), Some(0));
    for holder in holders {
        kill(Pid::from_raw(i32::try_from(holder).expect("a pid")), Signal::SIGKILL).ok();
    }
    took
}
