//! The child begins anew after a cut, as often as it does by default, and the client never reads anything twice.

use crate::support::{Got, Stage, asking};
use gateway_tests::{
    pair::Builder,
    upstream::{Gate, Pieces, Reply},
};
use serde_json::json;

/// With the retries that the child has by itself.
async fn retrying() -> Stage {
    Stage::with(|url| Builder::real_with(url, "").expect("a home")).await
}

fn whole() -> Reply {
    Reply::new().text(Pieces::new("The whole answer.").chars(5))
}

/// A reply that breaks after the first two deltas of the same text.
fn half() -> Reply {
    Reply::new().text(Pieces::new("The whole answer.").chars(5).cut_after(2))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_before_any_text_is_not_seen() {
    let stage = retrying().await;
    for stream in [false, true] {
        for cut in [Reply::new().cut(), Reply::new().reasoning("Hm.").cut()] {
            let got = stage.ask([cut, whole()], &asking(stream)).await;
            let text = if stream { got.stream().complete("stop") } else { got.content() };
            assert_eq!(text, "The whole answer.", "stream: {stream}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_in_mid_text_ends_a_stream_once_and_is_not_seen_in_an_object() {
    let stage = retrying().await;
    let got = stage.ask([half(), whole()], &asking(false)).await;
    assert_eq!(got.content(), "The whole answer.");
    let got = stage.ask([half(), half(), whole()], &asking(false)).await;
    assert_eq!(got.content(), "The whole answer.");
    // The turn is interrupted before the child asks again: its one reply is the only one.
    let (text, error) = stage.ask([half()], &asking(true)).await.stream().broken();
    assert_eq!((text.as_str(), &error["code"]), ("The whole ", &json!("upstream_error")));
    assert_eq!(error["retryable"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_behind_a_complete_message_doubles_nothing() {
    let stage = retrying().await;
    let broken = || Reply::new().text("First.").text(Pieces::new("Second.").chars(3).cut_after(1));
    let (text, error) = stage.ask([broken()], &asking(true)).await.stream().broken();
    assert_eq!((text.as_str(), &error["code"]), ("First.\n\nSec", &json!("upstream_error")));
    // The child keeps what was complete and asks the model to go on after it.
    let got = stage.ask([broken(), Reply::new().text("Second.")], &asking(false)).await;
    assert_eq!(got.content(), "First.\n\nSecond.");
    let again = stage.upstream.requests().pop().expect("a request");
    let last = again.input().last().expect("an item");
    assert_eq!((&last["role"], &last["content"][0]["text"]), (&json!("assistant"), &json!("First.")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_the_child_retries_is_waited_for() {
    let stage = retrying().await;
    for stream in [false, true] {
        for refused in [Reply::error(500, "oops"), Reply::hangup()] {
            let got = stage.ask([refused, whole()], &asking(stream)).await;
            let text = if stream { got.stream().complete("stop") } else { got.content() };
            assert_eq!(text, "The whole answer.", "stream: {stream}");
        }
    }
}

/// The head is out and comments have been sent: that is nothing that could come twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_after_comments_alone_is_not_seen() {
    let stage = Stage::with(|url| {
        let builder = Builder::real_with(url, "").expect("a home");
        builder.front("PROXY_SSE_KEEPALIVE_MS", "50")
    })
    .await;
    let gate = Gate::new();
    stage.will_say(Reply::new().wait(&gate).cut());
    let response = stage.begin(whole(), &asking(true)).await;
    gate.open();
    assert_eq!(Got::read(response).await.stream().complete("stop"), "The whole answer.");
    assert_eq!(stage.upstream.totals().requests, 2);
}
