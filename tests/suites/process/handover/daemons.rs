//! A front and the daemons that take over from each other: it goes over to the younger one, and loses nothing.

use super::{Taken, builder, hand_over, load, status};
use crate::support::{ask, runs};
use gateway_tests::{
    fake_child::Script,
    pair::{Answer, Builder, End, KEY, Pair, Workers},
    wait,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;

/// The lines in which the front has told this.
fn told(pair: &Pair, event: &str) -> Vec<Value> {
    let lines = pair.front.log();
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).collect()
}

/// Waits until the front has told it so many times.
async fn until_told(pair: &Pair, event: &str, times: usize) {
    let enough = || async { (told(pair, event).len() >= times).then_some(()) };
    pair.eventually(&format!("{times} times {event}"), enough).await.expect("the front has told it");
}

/// Asks whether the front is ready, until it is told to stop: how often it was, which must be always.
async fn readiness(pair: &Pair, stop: watch::Receiver<bool>) -> usize {
    let mut ready = 0;
    while !*stop.borrow() {
        let answer = pair.client().get(pair.url("/readyz")).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "after {ready} times: {}", answer.text().await.unwrap_or_default());
        ready += 1;
    }
    ready
}

/// A stream that has begun and ends after a while.
async fn open(pair: &Pair) -> Answer {
    begun(pair, "!chunks 2\n!pause 3000\nfirst second").await
}

/// One that has no end.
pub(super) async fn hung(pair: &Pair) -> Answer {
    begun(pair, "!chunks 2\n!hang\nfirst second").await
}

async fn begun(pair: &Pair, prompt: &str) -> Answer {
    let mut open = Answer::to(pair, prompt, true).await.expect("a head");
    open.until("the first word", |text| text.contains("first")).await.expect("a word");
    open
}

#[tokio::test]
async fn daemons_take_over_one_after_the_other_under_load() {
    const TIMES: usize = 3;
    let mut pair = builder().start().await.expect("a ready pair");
    let (stop, stopped) = watch::channel(false);
    let switch = async {
        let mut daemons: Vec<u32> = vec![pair.daemon.pid()];
        let mut taken: Vec<Taken> = Vec::new();
        let mut streams = Vec::new();
        for times in 0..TIMES {
            streams.push(open(&pair).await);
            let next = hand_over(&pair.daemon, daemons[times], times).await;
            daemons.push(next.0);
            taken.push(next);
            until_told(&pair, "daemon_replaced", times + 1).await;
            // What comes now comes to the younger one, while the older one has its stream.
            for n in 0..10 {
                assert_eq!(ask(&pair, &format!("!echo {n}"), n % 2 == 0).await, (End::Done, n.to_string()));
            }
        }
        for stream in &mut streams {
            assert_eq!(stream.end().await.expect("an end"), End::Done);
            assert_eq!(stream.text(), "first second");
        }
        // Each is left as soon as it has nothing to do, and ends then.
        until_told(&pair, "daemon_left", TIMES).await;
        for older in &taken[..TIMES - 1] {
            older.gone().await;
        }
        stop.send(true).expect("clients");
        taken
    };
    let url = pair.url("/v1/chat/completions");
    let (taken, answers, ready) =
        tokio::join!(switch, load(&url, 8, stopped.clone()), readiness(&pair, stopped));
    assert!(answers.iter().all(|answers| *answers > 0) && ready > 0, "{answers:?}, {ready}");
    assert!(told(&pair, "daemon_left").iter().all(|left| left["turns"] == 0));
    assert!(told(&pair, "daemon_lost").is_empty());
    assert_eq!(pair.daemon.wait().await.expect("an end"), Some(0));
    assert_eq!(ask(&pair, "!echo alone", true).await, (End::Done, "alone".to_owned()));
    drop(taken);
}

#[tokio::test]
async fn a_turn_at_a_daemon_that_was_replaced_is_given_up_there() {
    let mut pair = builder().start().await.expect("a ready pair");
    let hung = hung(&pair).await;
    let taken = hand_over(&pair.daemon, pair.daemon.pid(), 0).await;
    until_told(&pair, "daemon_replaced", 1).await;
    assert!(runs(pair.daemon.pid()), "a stream is open");
    // Its client hangs up: nothing else would end it before long.
    drop(hung);
    until_told(&pair, "daemon_left", 1).await;
    assert_eq!(pair.daemon.wait().await.expect("an end"), Some(0));
    drop(taken);
}

#[tokio::test]
async fn the_end_of_a_daemon_that_was_replaced_is_the_end_of_its_turns_alone() {
    let mut pair = builder().start().await.expect("a ready pair");
    let mut lost = hung(&pair).await;
    let taken = hand_over(&pair.daemon, pair.daemon.pid(), 0).await;
    until_told(&pair, "daemon_replaced", 1).await;
    let mut kept = open(&pair).await;
    pair.daemon.signal(nix::sys::signal::Signal::SIGKILL).expect("a signal");
    let end = lost.end().await.expect("an end");
    assert!(matches!(end, End::Broken { .. }), "{end:?}");
    until_told(&pair, "daemon_left", 1).await;
    assert_eq!(told(&pair, "daemon_left")[0]["turns"], 1);
    assert_eq!(kept.end().await.expect("an end"), End::Done);
    pair.daemon.wait().await.expect("an end");
    drop(taken);
}

#[tokio::test]
async fn what_an_operator_switches_meanwhile_is_kept_by_the_younger_daemon() {
    let pair = builder().start().await.expect("a ready pair");
    let url = format!("http://{}/internal/maintenance", pair.internal);
    let (stop, stopped) = watch::channel(false);
    let switching = async {
        let mut last = 0u32;
        while !*stopped.borrow() {
            last += 1;
            let body = json!({ "enabled": false, "message": format!("{last}") });
            let answer = pair.client().post(&url).bearer_auth(KEY).json(&body).send().await;
            let answer: Value = answer.expect("an answer").json().await.expect("JSON");
            assert_eq!((&answer["message"], &answer["kept"]), (&body["message"], &json!(true)), "{answer}");
        }
        last.to_string()
    };
    let switch = async {
        let first = hand_over(&pair.daemon, pair.daemon.pid(), 0).await;
        until_told(&pair, "daemon_replaced", 1).await;
        let second = hand_over(&pair.daemon, first.0, 1).await;
        until_told(&pair, "daemon_replaced", 2).await;
        stop.send(true).expect("an operator");
        [first, second]
    };
    let (last, taken) = tokio::join!(switching, switch);
    let kept = wait::until(Duration::from_millis(10), || async {
        let status = status(&pair).await;
        (status["toggles"]["maintenance"]["set"]["message"] == last).then_some(())
    });
    assert!(kept.await.is_some(), "{last}: {}", status(&pair).await);
    drop(taken);
}

#[tokio::test]
async fn one_of_several_daemons_is_replaced_under_load() {
    let builder = |_| Builder::fake(&Script::default()).expect("a home");
    let mut workers = Workers::start(2, builder).await.expect("ready workers");
    let (stop, stopped) = watch::channel(false);
    let pair = &workers.pair;
    let switch = async {
        let busy = || async { (workers.turns("b", "completed").await >= 3).then_some(()) };
        pair.eventually("turns at it", busy).await.expect("it has turns");
        let older = &workers.others[0].daemon;
        let taken = hand_over(older, older.pid(), 0).await;
        until_told(pair, "daemon_left", 1).await;
        // It counts anew.
        let busy = || async { (workers.turns("b", "completed").await >= 3).then_some(()) };
        pair.eventually("turns at the younger one", busy).await.expect("it has turns");
        stop.send(true).expect("clients");
        taken
    };
    let url = pair.url("/v1/chat/completions");
    let (taken, answers, ready) =
        tokio::join!(switch, load(&url, 8, stopped.clone()), readiness(pair, stopped));
    assert!(answers.iter().all(|answers| *answers > 0) && ready > 0, "{answers:?}, {ready}");
    assert_eq!(told(pair, "daemon_replaced")[0]["worker"], "b");
    assert!(told(pair, "daemon_lost").is_empty());
    assert_eq!(workers.others[0].daemon.wait().await.expect("an end"), Some(0));
    drop(taken);
}
