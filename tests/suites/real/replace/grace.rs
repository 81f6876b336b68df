//! What runs on a child that was replaced.

use super::{FIRST, WHOLE, active, alone, builder, hang_up, status, upstream};
use gateway_tests::{
    pair::{Answer, DEADLINE, End, Pair, children},
    upstream::{Gate, Upstream},
};
use tokio::task::JoinSet;

/// A stream that has begun, and an answer in JSON that has.
async fn held(pair: &Pair, upstream: &Upstream) -> (Answer, impl Future<Output = (End, String)>) {
    let mut stream = Answer::to(pair, "hold", true).await.expect("a head");
    assert!(stream.until("its first half", |text| text == FIRST).await.expect("text"));
    let (client, url) = (pair.client().clone(), pair.url("/v1/chat/completions"));
    let mut object = JoinSet::new();
    object.spawn(async move {
        let mut answer = Answer::of(&client, &url, "hold", false).await.expect("a head");
        (answer.end().await.expect("an end"), answer.text())
    });
    upstream.wait_totals("both requests", DEADLINE, |t| t.running() == 2).await.expect("both requests");
    (stream, async { object.join_all().await.remove(0) })
}

async fn serves(pair: &Pair) {
    let mut answer = Answer::to(pair, "!echo new", false).await.expect("a head");
    assert_eq!((answer.end().await.expect("an end"), answer.text()), (End::Done, "new".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_finishes_on_the_child_that_was_replaced() {
    let gate = Gate::new();
    let upstream = upstream(&gate).await;
    let pair = builder(&upstream).start().await.expect("a ready pair");
    let old = active(&pair).await;
    let (mut stream, object) = held(&pair, &upstream).await;
    let fresh = hang_up(&pair).await;
    serves(&pair).await;
    let mut both: Vec<u64> = children(pair.daemon.pid()).into_iter().map(u64::from).collect();
    both.sort_unstable();
    assert_eq!(both, [old.min(fresh), old.max(fresh)]);
    let load = status(&pair).await.expect("a status")["load"].clone();
    assert_eq!((&load["retiring"], &load["turns"]), (&1.into(), &2.into()), "{load}");
    gate.open();
    assert_eq!((stream.end().await.expect("an end"), stream.text()), (End::Done, WHOLE.to_owned()));
    assert_eq!(object.await, (End::Done, WHOLE.to_owned()));
    alone(&pair, fresh).await;
    assert_eq!(pair.stop().await.expect("a clean stop"), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_its_grace_a_replaced_child_is_ended_and_its_requests_are_told() {
    let upstream = upstream(&Gate::new()).await;
    let builder = builder(&upstream).daemon("WORKER_HANDOVER_GRACE_MS", "500");
    let pair = builder.start().await.expect("a ready pair");
    let (mut stream, object) = held(&pair, &upstream).await;
    let fresh = hang_up(&pair).await;
    let code = "worker_restarted".to_owned();
    let ended = (stream.end().await.expect("an end"), stream.text());
    assert_eq!(ended, (End::Broken { code: code.clone() }, FIRST.to_owned()));
    assert_eq!(object.await, (End::Refused { status: 502, code }, String::new()));
    alone(&pair, fresh).await;
    serves(&pair).await;
    pair.daemon
        .logged("the end of the grace", |line| line["event"] == "worker_grace_over")
        .await
        .expect("a line");
    assert_eq!(pair.stop().await.expect("a clean stop"), (Some(0), Some(0)));
}
