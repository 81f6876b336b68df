//! Under load.

use super::{active, alone, builder, hang_up, restart, upstream};
use crate::crowd::{Crowd, Dice, Finish};
use gateway_tests::{
    pair::DEADLINE,
    upstream::{Gate, Upstream},
};

const HTTP: usize = 6;
const SOCKET: usize = 2;
const ROUNDS: usize = 3;
/// Requests between two replacements.
const BETWEEN: u64 = 12;

async fn some_requests(upstream: &Upstream) {
    let wanted = upstream.totals().requests + BETWEEN;
    upstream
        .wait_totals("requests in between", DEADLINE, |t| t.requests >= wanted)
        .await
        .expect("requests in between");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_replacements_under_load_fail_no_request() {
    let upstream = upstream(&Gate::new()).await;
    let pair = builder(&upstream).start().await.expect("a ready pair");
    let mut seen = vec![active(&pair).await];
    let crowd = Crowd::start(&pair, HTTP, SOCKET, &mut Dice::new(11)).await;
    for _ in 0..ROUNDS {
        some_requests(&upstream).await;
        seen.push(hang_up(&pair).await);
        some_requests(&upstream).await;
        let status = restart(&pair).await.expect("a fresh child");
        assert_eq!(status["state"], "ready");
        seen.push(status["pid"].as_u64().expect("a child"));
    }
    some_requests(&upstream).await;
    let last = active(&pair).await;
    let sent = crowd.finish().await;
    let failed: Vec<_> = sent.iter().filter(|sent| sent.finish != Finish::Done).collect();
    assert!(failed.is_empty(), "of {}: {failed:#?}\n{}", sent.len(), pair.daemon.tail());
    assert_eq!(seen.last(), Some(&last), "a replacement that nobody asked for");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 1 + 2 * ROUNDS, "a child for each replacement");
    alone(&pair, last).await;
    assert_eq!(pair.stop().await.expect("a clean stop"), (Some(0), Some(0)));
}
