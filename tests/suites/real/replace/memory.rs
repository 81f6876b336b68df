//! A child that takes more memory than it may.

use super::{active, alone, builder, status, upstream};
use crate::crowd::{Crowd, Dice, Finish};
use gateway_tests::upstream::Gate;

/// Every codex is over this, the fresh one too.
const TOO_LITTLE: &str = "1MiB";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_over_its_memory_is_replaced_and_not_in_a_loop() {
    let upstream = upstream(&Gate::new()).await;
    let builder = builder(&upstream)
        .daemon("WORKER_MAX_RSS_BYTES", TOO_LITTLE)
        .daemon("WORKER_PROBE_INTERVAL_MS", "300");
    let pair = builder.start().await.expect("a ready pair");
    let first = active(&pair).await;
    let crowd = Crowd::start(&pair, 4, 1, &mut Dice::new(13)).await;
    let another = || async { (status(&pair).await?["pid"] != first).then_some(()) };
    pair.eventually("another child", another).await.expect("another child");
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let sent = crowd.finish().await;
    let failed: Vec<_> = sent.iter().filter(|sent| sent.finish != Finish::Done).collect();
    assert!(failed.is_empty(), "of {}: {failed:#?}\n{}", sent.len(), pair.daemon.tail());
    println!("{}", status(&pair).await.expect("a status"));
    let last = active(&pair).await;
    alone(&pair, last).await;
    assert_eq!(pair.stop().await.expect("a clean stop"), (Some(0), Some(0)));
}
