//! What the daemon counts of the real codex.

use crate::support::{Got, Stage, asking};
use gateway_tests::{
    pair::Pair,
    upstream::{Gate, Reply},
};

/// The sum of the series whose line begins so.
async fn told(pair: &Pair, begin: &str) -> f64 {
    let answer =
        pair.client().get(format!("http://{}/metrics", pair.internal)).send().await.expect("an answer");
    let text = answer.text().await.expect("a page");
    let lines = text.lines().filter(|line| {
        line.strip_prefix(begin).is_some_and(|rest| begin.ends_with('}') || rest.starts_with([' ', '{']))
    });
    lines.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("a number")).sum()
}

/// It is told so. A daemon that is busy for a second isn't in the page.
async fn becomes(pair: &Pair, begin: &str, wanted: f64) {
    let look = || async { (told(pair, begin).await == wanted).then_some(()) };
    pair.eventually(begin, look).await.expect(begin);
}

const FIRST: &str = "codex_worker_first_event_ms_count";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_real_codex_does_is_counted() {
    let stage = Stage::new().await;
    assert_eq!(stage.ask([Reply::new().text("One.")], &asking(false)).await.content(), "One.");
    for (begin, count) in [
        ("codex_worker_turns_total{worker=\"worker\",outcome=\"completed\"}", 1.0),
        ("codex_worker_latency_ms_count{worker=\"worker\",method=\"turn/start\"}", 1.0),
        ("codex_worker_latency_ms_count{worker=\"worker\",method=\"thread/inject_items\"}", 1.0),
        ("codex_worker_queue_wait_ms_count", 1.0),
        ("codex_worker_turn_duration_ms_count", 1.0),
        (FIRST, 1.0),
    ] {
        stage
            .pair
            .eventually(begin, || async { (told(&stage.pair, begin).await == count).then_some(()) })
            .await
            .expect("it is counted");
    }

    // What the client sent comes back as items, which are not the model's: until that speaks there is no first one.
    let gate = Gate::new();
    let before = stage.upstream.totals().requests;
    let (pair, upstream) = (&stage.pair, &stage.upstream);
    let quiet = async {
        pair.eventually("the model to be asked", || async {
            (upstream.totals().requests > before).then_some(())
        })
        .await
        .expect("it is asked");
        becomes(pair, "codex_worker_turns_active", 1.0).await;
        becomes(pair, FIRST, 1.0).await;
        gate.open();
    };
    let body = asking(true);
    let (answer, ()) = tokio::join!(stage.begin(Reply::new().text("Two.").held(&gate), &body), quiet);
    assert_eq!(Got::read(answer).await.stream().complete("stop"), "Two.");
    becomes(pair, FIRST, 2.0).await;

    // The upstream's failure is the turn's and the provider's; the death of codex is a restart.
    let failed = stage.ask([Reply::error(500, "broken")], &asking(false)).await;
    assert_eq!(failed.status, 502);
    pair.eventually("the failed turn", || async {
        (told(pair, "codex_worker_turns_total{worker=\"worker\",outcome=\"failed\"}").await == 1.0)
            .then_some(())
    })
    .await
    .expect("it is counted");
    let error =
        "codex_http_errors_total{code=\"upstream_error\",route=\"/v1/chat/completions\",source=\"provider\"}";
    assert_eq!(told(pair, error).await, 1.0);
    let pid = pair.child_pid().and_then(|pid| i32::try_from(pid).ok()).expect("a codex");
    let kill = nix::sys::signal::Signal::SIGKILL;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), kill).expect("it runs");
    pair.eventually("the restart", || async {
        (told(pair, "codex_worker_restarts_total").await == 1.0).then_some(())
    })
    .await
    .expect("it is counted");
    stage.check_upstream();
}
