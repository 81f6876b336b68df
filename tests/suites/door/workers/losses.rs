//! A worker that goes costs what it had at most, and comes back to its share.

use super::{post, turns, turns_of, workers};
use crate::door::asking;
use gateway_tests::{
    fake_child::Script,
    pair::{Answer, Builder, End, Workers},
};
use nix::sys::signal::Signal;
use serde_json::json;

/// Waits until the front knows that this one can't serve.
async fn missed(workers: &Workers, name: &str) {
    let gone = || async { (workers.told("codex_worker_ready", name).await? == 0.0).then_some(()) };
    workers.pair.eventually("the loss to be known", gone).await.expect("the front knows of it");
}

/// A stream without an end at each of two workers, in their order: a turn goes where there is none.
async fn at_each(workers: &Workers) -> [Answer; 2] {
    let open = || async {
        let mut open =
            Answer::to(&workers.pair, "!chunks 2\n!hang\nfirst second", true).await.expect("a head");
        open.until("the first word", |text| text.contains("first")).await.expect("a word");
        open
    };
    let one = open().await;
    let at_first = workers.told("codex_worker_turns_in_flight", "worker").await == Some(1.0);
    let other = open().await;
    for name in workers.names() {
        assert_eq!(workers.told("codex_worker_turns_in_flight", name).await, Some(1.0), "{name}");
    }
    if at_first { [one, other] } else { [other, one] }
}

#[tokio::test]
async fn a_killed_one_costs_its_own_turns_alone_and_comes_back() {
    const CLIENTS: usize = 8;
    let mut workers = workers(3, 8).await;
    let kill = async {
        let busy =
            || async { (workers.told("codex_worker_turns_in_flight", "b").await? >= 1.0).then_some(()) };
        workers.pair.eventually("a turn at it", busy).await.expect("it has turns");
        workers.others[0].daemon.signal(Signal::SIGKILL).expect("a signal");
    };
    let ((), ends) = tokio::join!(kill, turns(&workers, CLIENTS, 300));
    let lost = |end: &&End| end.code() == Some("worker_restarted");
    let (done, lost) =
        (ends.iter().filter(|end| **end == End::Done).count(), ends.iter().filter(lost).count());
    assert_eq!(done + lost, 300, "{ends:?}");
    assert!(lost <= CLIENTS, "no more than it had: {lost}");
    // Those that come now don't notice.
    missed(&workers, "b").await;
    assert!(turns(&workers, CLIENTS, 50).await.iter().all(|end| *end == End::Done));
    workers.others[0].daemon.wait().await.expect("its end");
    workers.others[0].again().expect("a daemon");
    workers.all_ready().await.expect("it is found again");
    let before = workers.completed().await;
    assert!(turns_of(50, &workers, CLIENTS, 90).await.iter().all(|end| *end == End::Done));
    let now = workers.completed().await;
    let gained: Vec<u64> = now.iter().zip(before).map(|(now, before)| now - before).collect();
    // One that has just begun may be slower for a while.
    assert!(gained.iter().all(|turns| (20..=40).contains(turns)), "{gained:?}");
}

#[tokio::test]
async fn one_that_drains_turns_nobody_away() {
    let mut workers = workers(2, 8).await;
    let drain = async {
        let busy = || async { (workers.turns("b", "completed").await >= 5).then_some(()) };
        workers.pair.eventually("turns at it", busy).await.expect("it has turns");
        workers.others[0].daemon.signal(Signal::SIGTERM).expect("a signal");
    };
    let ((), ends) = tokio::join!(drain, turns(&workers, 8, 300));
    assert!(ends.len() == 300 && ends.iter().all(|end| *end == End::Done), "{ends:?}");
    assert_eq!(workers.others[0].daemon.wait().await.expect("an end"), Some(0));
}

#[tokio::test]
async fn what_waits_at_one_that_drains_goes_to_another() {
    let builder = |_| {
        let builder = Builder::fake(&Script::default()).expect("a home");
        builder.daemon("WORKER_MAX_CONCURRENCY", "1").daemon("WORKER_SHUTDOWN_GRACE_MS", "3000")
    };
    let mut workers = Workers::start(2, builder).await.expect("ready workers");
    let [kept, mut cut] = at_each(&workers).await;
    let (first, second) = (asking("first"), asking("second"));
    let asked = async { tokio::join!(post(&workers, &first), post(&workers, &second)) };
    let drain = async {
        let waits = || async { (workers.told("codex_worker_queue_depth", "b").await? == 1.0).then_some(()) };
        workers.pair.eventually("a turn in its line", waits).await.expect("one waits");
        workers.others[0].daemon.signal(Signal::SIGTERM).expect("a signal");
        let moved = workers.pair.front.logged("a move", |line| line["event"] == "turn_moved").await;
        assert_eq!(moved.expect("a line")["worker"], "worker");
        // Now there is a place.
        drop(kept);
    };
    let ((first, second), ()) = tokio::join!(asked, drain);
    assert_eq!((first.0, second.0), (200, 200), "{first:?} {second:?}");
    // What runs there goes on until the daemon's patience ends.
    assert_eq!(cut.end().await.expect("an end").code(), Some("draining"));
    assert_eq!(workers.others[0].daemon.wait().await.expect("an end"), Some(0));
}

#[tokio::test]
async fn a_turn_that_codex_may_have_begun_runs_nowhere_else() {
    let workers = workers(2, 4).await;
    let hanging = asking("!hang");
    let asked = async { tokio::join!(post(&workers, &hanging), post(&workers, &hanging)) };
    let kill = async {
        let runs = || async {
            let runs = workers.told("codex_worker_turns_active", "b").await?;
            (runs == 1.0 && workers.told("codex_worker_turns_active", "worker").await? == 1.0).then_some(())
        };
        workers.pair.eventually("a turn at each", runs).await.expect("one runs at each");
        workers.others[0].daemon.signal(Signal::SIGKILL).expect("a signal");
        missed(&workers, "b").await;
        let ended =
            || async { (workers.told("codex_worker_turns_in_flight", "b").await? == 0.0).then_some(()) };
        workers.pair.eventually("its turn to end", ended).await.expect("it has none");
        assert_eq!(workers.told("codex_worker_turns_in_flight", "worker").await, Some(1.0), "not moved");
        workers.pair.daemon.signal(Signal::SIGKILL).expect("a signal");
    };
    let ((first, second), ()) = tokio::join!(asked, kill);
    for (status, body) in [first, second] {
        assert_eq!((status, &body["error"]["code"]), (502, &json!("worker_restarted")), "{body}");
    }
}

#[tokio::test]
async fn what_a_hung_one_was_asked_goes_to_another() {
    let workers = workers(2, 4).await;
    let daemon = &workers.others[0].daemon;
    daemon.signal(Signal::SIGSTOP).expect("a signal");
    // One of them goes there: nobody knows yet.
    let long = asking("!chunks 2\n!pause 500\nfirst second");
    let (first, second) = tokio::join!(post(&workers, &long), post(&workers, &long));
    assert_eq!((first.0, second.0), (200, 200), "{first:?} {second:?}");
    let moved = workers.pair.front.logged("a move", |line| line["event"] == "turn_moved").await;
    assert_eq!(moved.expect("a line")["worker"], "worker");
    daemon.signal(Signal::SIGCONT).expect("a signal");
    workers.all_ready().await.expect("it is found again");
    // The thread that it was asked for is let go, and nothing ran in it: there were two, and the one at the other worker.
    let made = || async {
        (workers.told("codex_worker_latency_ms_count", "thread/start").await? == 3.0).then_some(())
    };
    workers.pair.eventually("its thread to be made", made).await.expect("it is made");
    let gone = || async { (workers.told("codex_worker_threads", "b").await? == 0.0).then_some(()) };
    workers.pair.eventually("its thread to be let go", gone).await.expect("it has none");
    assert_eq!(workers.completed().await, [2, 0]);
}

#[tokio::test]
async fn the_streams_of_the_others_go_on() {
    let mut workers = workers(2, 4).await;
    let [mut kept, mut lost] = at_each(&workers).await;
    workers.others[0].daemon.signal(Signal::SIGKILL).expect("a signal");
    let end = lost.end().await.expect("an end");
    assert_eq!(end, End::Broken { code: "worker_restarted".to_owned() });
    missed(&workers, "b").await;
    workers.others[0].daemon.wait().await.expect("its end");
    assert_eq!(workers.told("codex_worker_turns_in_flight", "worker").await, Some(1.0));
    assert_eq!(workers.told("codex_worker_turns_in_flight", "b").await, Some(0.0));
    workers.pair.daemon.signal(Signal::SIGKILL).expect("a signal");
    assert_eq!(kept.end().await.expect("an end"), End::Broken { code: "worker_restarted".to_owned() });
    missed(&workers, "worker").await;
    // Nobody is left.
    let (status, body) = post(&workers, &asking("hi")).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("worker_unavailable")), "{body}");
    workers.others[0].again().expect("a daemon");
    let ready = || async { (workers.told("codex_worker_ready", "b").await? == 1.0).then_some(()) };
    workers.pair.eventually("it to be back", ready).await.expect("it is found again");
    assert_eq!(post(&workers, &asking("hi")).await.0, 200);
}

#[tokio::test]
async fn a_turn_that_no_account_pays_for_is_tried_once_at_each() {
    let workers = workers(3, 4).await;
    let (status, body) = post(&workers, &asking("!fail usageLimitExceeded")).await;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("insufficient_quota")), "{body}");
    for name in workers.names() {
        let failed = || async { (workers.turns(name, "failed").await == 1).then_some(()) };
        workers.pair.eventually("one turn at each", failed).await.expect("it failed there");
    }
    // What the upstream refuses for itself is no other worker's.
    assert_ne!(post(&workers, &asking("!fail serverOverloaded")).await.0, 200);
    let mut failed = 0;
    for name in workers.names() {
        failed += workers.turns(name, "failed").await;
    }
    assert_eq!(failed, 4);
}
