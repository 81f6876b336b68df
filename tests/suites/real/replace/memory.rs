//! A child that takes more memory than it may.

use super::{FIRST, WHOLE, builder, status, upstream};
use crate::crowd::{Crowd, Dice, Finish};
use gateway_tests::{
    pair::{Answer, End, Pair, children},
    upstream::Gate,
};
use serde_json::Value;

/// Every codex is over this, the fresh one too.
const TOO_LITTLE: &str = "1MiB";
/// What the daemon itself wants is not done to a child that has been ready for less.
const STABLE_MS: u64 = 1500;

async fn until(pair: &Pair, what: &str, wanted: impl Fn(&Value) -> bool) {
    let look = || async { wanted(&status(pair).await?).then_some(()) };
    pair.eventually(what, look).await.expect(what);
}

/// A limit that no codex keeps costs a fresh child now and then, and nobody a request; and while an old one still has
/// turns, there are two and not ever more of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_over_its_memory_is_replaced_and_not_in_a_loop() {
    let gate = Gate::new();
    let upstream = upstream(&gate).await;
    let builder = builder(&upstream)
        .daemon("WORKER_MAX_RSS_BYTES", TOO_LITTLE)
        .daemon("WORKER_BACKOFF_RESET_MS", STABLE_MS.to_string())
        .daemon("WORKER_PROBE_INTERVAL_MS", "200");
    let pair = builder.start().await.expect("a ready pair");
    let mut held = Answer::to(&pair, "hold", true).await.expect("a head");
    assert!(held.until("its first half", |text| text == FIRST).await.expect("text"));
    let crowd = Crowd::start(&pair, 4, 1, &mut Dice::new(13)).await;
    // The second one, or on a busy machine one after that.
    until(&pair, "a fresh child beside that of the held turn", |status| {
        status["load"]["retiring"] == 1 && status["state"] == "ready"
    })
    .await;
    let starts = status(&pair).await.expect("a status")["starts"].clone();
    // By now the fresh one would have been replaced several times.
    until(&pair, "probes of it", |status| {
        status["load"]["rssBytes"].is_u64() && status["uptimeMs"].as_u64() > Some(2 * STABLE_MS)
    })
    .await;
    let now = status(&pair).await.expect("a status");
    assert_eq!((&now["starts"], &now["load"]["retiring"]), (&starts, &1.into()), "{now}");
    gate.open();
    assert_eq!((held.end().await.expect("an end"), held.text()), (End::Done, WHOLE.to_owned()));
    until(&pair, "the next child", |status| {
        status["starts"].as_u64() > starts.as_u64() && status["state"] == "ready"
    })
    .await;
    let sent = crowd.finish().await;
    let failed: Vec<_> = sent.iter().filter(|sent| sent.finish != Finish::Done).collect();
    assert!(failed.is_empty(), "of {}: {failed:#?}\n{}", sent.len(), pair.daemon.tail());
    let reasons = pair.daemon.log();
    let reasons = reasons.iter().filter(|line| line.contains("worker_replacing"));
    assert!(reasons.clone().count() >= 2);
    assert!(reasons.clone().all(|line| line.contains("\"memory\"")));
    let one = || async { (children(pair.daemon.pid()).len() == 1).then_some(()) };
    pair.eventually("the end of the old children", one).await.expect("one child");
    assert_eq!(pair.stop().await.expect("a clean stop"), (Some(0), Some(0)));
}
