//! The end of a handover's grace: what still runs at the older process ends with an error, and the older process ends.

use super::{Taken, builder, daemons::hung, hand_over};
use crate::support::{ask, broken, runs};
use gateway_tests::pair::{Answer, Builder, DEADLINE, End, Pair, Process};

/// A handover and a drain that both end soon, whoever is replaced.
fn brief() -> Builder {
    let builder = builder().front("PROXY_HANDOVER_GRACE_MS", "500").front("PROXY_SHUTDOWN_GRACE_MS", "100");
    builder.daemon("WORKER_HANDOVER_GRACE_MS", "500").daemon("WORKER_SHUTDOWN_GRACE_MS", "100")
}

/// The stream ends, though not by itself: comments would keep it open for ever.
async fn cut(mut open: Answer) {
    let end = tokio::time::timeout(DEADLINE, open.end()).await.expect("an end in time");
    assert_eq!(end.expect("an end"), broken("draining"));
    assert_eq!(open.text(), "first ");
}

/// The older process has ended in order, though not with all that it had.
async fn ended(older: &mut Process, stopped: &str) {
    assert_eq!(older.wait().await.expect("an end"), Some(0));
    let line = older.logged("its end", |line| line["event"] == stopped).await.expect("a line");
    assert_eq!((&line["drained"], &line["clean"]), (&false.into(), &true.into()), "{line}");
}

async fn serves(pair: &Pair, younger: &Taken) {
    assert!(runs(younger.0));
    for stream in [false, true] {
        assert_eq!(ask(pair, "!echo younger", stream).await, (End::Done, "younger".to_owned()));
    }
}

#[tokio::test]
async fn a_front_that_was_replaced_ends_with_its_grace() {
    let mut pair = brief().start().await.expect("a ready pair");
    let open = hung(&pair).await;
    let younger = hand_over(&pair.front, pair.front.pid(), 0).await;
    cut(open).await;
    ended(&mut pair.front, "front_stopped").await;
    serves(&pair, &younger).await;
}

#[tokio::test]
async fn a_daemon_that_was_replaced_ends_with_its_grace() {
    let mut pair = brief().start().await.expect("a ready pair");
    let open = hung(&pair).await;
    let younger = hand_over(&pair.daemon, pair.daemon.pid(), 0).await;
    cut(open).await;
    ended(&mut pair.daemon, "daemon_stopped").await;
    serves(&pair, &younger).await;
}
