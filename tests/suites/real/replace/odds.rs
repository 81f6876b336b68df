//! Replacements that meet something else.

use super::{FIRST, WHOLE, active, alone, builder, hang_up, status, upstream};
use gateway_tests::{
    pair::{Answer, End, Pair, SocketClient},
    upstream::Gate,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use tokio::task::JoinSet;

/// Clients that ask for a fresh child at once.
const ASKING: usize = 5;

async fn held(pair: &Pair) -> Answer {
    let mut stream = Answer::to(pair, "hold", true).await.expect("a head");
    assert!(stream.until("its first half", |text| text == FIRST).await.expect("text"));
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_at_once_gets_the_same_fresh_child() {
    let upstream = upstream(&Gate::new()).await;
    let pair = builder(&upstream).start().await.expect("a ready pair");
    let old = active(&pair).await;
    let mut asking = JoinSet::new();
    for _ in 0..ASKING {
        let mut socket = SocketClient::connect(&pair.socket).await.expect("a connection");
        asking.spawn(async move { socket.call("daemon/restart", &json!({})).await.expect("a fresh child") });
    }
    for _ in 0..ASKING {
        pair.daemon.signal(Signal::SIGHUP).expect("a daemon");
    }
    let told = asking.join_all().await;
    assert!(told.iter().all(|status| status["pid"] != old && status["state"] == "ready"), "{told:#?}");
    let one = || async { (status(&pair).await?["load"]["retiring"] == 0).then_some(()) };
    pair.eventually("the end of the old children", one).await.expect("one child");
    let starts = status(&pair).await.expect("a status")["starts"].as_u64().expect("a number");
    // Whoever asked when the fresh one had just taken over gets another one.
    assert!((2..=ASKING as u64).contains(&starts), "{starts} starts for {ASKING} and as many signals");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_waits_for_what_runs_on_the_child_that_was_replaced() {
    let gate = Gate::new();
    let upstream = upstream(&gate).await;
    let mut pair = builder(&upstream).start().await.expect("a ready pair");
    let mut stream = held(&pair).await;
    hang_up(&pair).await;
    pair.daemon.signal(Signal::SIGTERM).expect("a daemon");
    let drain = pair.daemon.logged("the drain", |line| line["event"] == "worker_drain").await;
    assert_eq!(drain.expect("a line")["turns"], 1);
    gate.open();
    assert_eq!((stream.end().await.expect("an end"), stream.text()), (End::Done, WHOLE.to_owned()));
    assert_eq!(pair.daemon.wait().await.expect("the daemon's end"), Some(0));
    let stopped = pair.daemon.logged("its end", |line| line["event"] == "daemon_stopped").await;
    let stopped = stopped.expect("a line");
    assert_eq!((&stopped["drained"], &stopped["clean"]), (&true.into(), &true.into()));
    assert_eq!(pair.front.terminate().await.expect("the front's end"), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_a_child_that_was_replaced_is_no_failure_of_the_fresh_one() {
    let upstream = upstream(&Gate::new()).await;
    let pair = builder(&upstream).start().await.expect("a ready pair");
    let old = active(&pair).await;
    let mut stream = held(&pair).await;
    let fresh = hang_up(&pair).await;
    kill(Pid::from_raw(i32::try_from(old).expect("a pid")), Signal::SIGKILL).expect("a child to kill");
    let code = "worker_restarted".to_owned();
    assert_eq!(
        (stream.end().await.expect("an end"), stream.text()),
        (End::Broken { code }, FIRST.to_owned())
    );
    alone(&pair, fresh).await;
    let now = status(&pair).await.expect("a status");
    let told = (&now["state"], &now["starts"], &now["restartStreak"], &now["pid"]);
    assert_eq!(told, (&"ready".into(), &2.into(), &0.into(), &fresh.into()), "{now}");
    let mut answer = Answer::to(&pair, "!echo new", false).await.expect("a head");
    assert_eq!((answer.end().await.expect("an end"), answer.text()), (End::Done, "new".to_owned()));
    assert_eq!(pair.stop().await.expect("a clean stop"), (Some(0), Some(0)));
}
