//! Spans end, however their request does.

use super::stage::{CODEX, Stage};
use gateway_tests::{
    otlp::{Protocol, Span},
    pair::DEADLINE,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

const TRACE: &str = "6af7651916cd43dd8448eb211c80319c";

/// A stream that has begun and won't end by itself.
async fn begun(stage: &Stage) -> reqwest::Response {
    let body =
        json!({ "model": "gpt-5.5", "stream": true, "messages": [{ "role": "user", "content": "stall" }] });
    let header = format!("00-{TRACE}-b7ad6b7169203331-01");
    let mut answer = stage.send(&body, &[("traceparent", &header)]).await;
    let chunk = tokio::time::timeout(DEADLINE, answer.chunk()).await.expect("a beginning in time");
    assert!(chunk.expect("a stream").is_some());
    answer
}

/// The daemon's span of the turn.
async fn turn(stage: &Stage) -> Span {
    let turn = |span: &Span| {
        span.trace == TRACE && span.name == "turn/start" && span.resource["service.name"] == "worker-daemon"
    };
    stage.receiver.span("the end of the turn's span", turn).await.expect("a span that ends")
}

#[tokio::test]
async fn a_hang_up_ends_the_spans_of_all() {
    let stage = Stage::new(Protocol::Grpc).await;
    drop(begun(&stage).await);
    let span = turn(&stage).await;
    assert_eq!((span.of("codex.outcome"), span.status), (&json!("interrupted"), 0), "{span:?}");
    assert!(span.event_names().contains(&"codex.first_item"), "{span:?}");
    stage.whole(TRACE, 1).await;
}

#[tokio::test]
async fn a_codex_that_is_killed_loses_the_turn() {
    let stage = Stage::new(Protocol::Http).await;
    let _answer = begun(&stage).await;
    let codex = stage.pair.child_pid().and_then(|pid| i32::try_from(pid).ok()).expect("codex runs");
    kill(Pid::from_raw(codex), Signal::SIGKILL).expect("a signal");
    let span = turn(&stage).await;
    assert_eq!(
        (span.of("codex.outcome"), span.of("error.type"), span.status),
        (&json!("lost"), &json!("lost"), 2)
    );
    let front = stage
        .receiver
        .span("the front's span", |span| span.trace == TRACE && span.parent == "b7ad6b7169203331");
    front.await.expect("the front's span ends");
    // The next one exports, too.
    stage.pair.ready().await.expect("a codex again");
    let later = "7af7651916cd43dd8448eb211c80319c";
    stage.ask("after", &[("traceparent", &format!("00-{later}-b7ad6b7169203331-01"))]).await;
    let whole = stage.whole(later, 1).await;
    assert!(whole.all.iter().any(|span| span.resource["service.name"] == CODEX));
}
