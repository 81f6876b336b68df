//! Transcripts around the real codex with a scripted upstream, a file for each feature.
//!
//! Where the place of a line is not fixed, the transcript shows it behind the others and says so.

mod failures;
mod forms;
mod history;
mod plain;
mod prompt;
mod text_tools;
mod tools;

use gateway_tests::{
    pair::Builder,
    upstream::{Queue, Reply, Upstream},
};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::stage::Stage;

/// A request with one user message, and what else `more` says.
fn asking(content: impl Into<Value>, more: &Value) -> Value {
    let mut body = json!({ "model": "gpt-5.5", "messages": [{ "role": "user", "content": content.into() }] });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// A pair whose codex reads the system's CA store for every request, about 15 ms: the interrupt of a turn that must not
/// go on is there before codex could ask the model once more. With a bundle of one certificate it is 1.5 ms.
fn unhurried(builder: Builder) -> Builder {
    builder.daemon("WORKER_CA_BUNDLE", "")
}

/// The transcript of one chat completion, to which the model says `replies` and the front answers with `status`.
///
/// Codex may ask the model up to `more` times more, to which it says nothing: then only an interrupt can end the turn.
async fn played(replies: Vec<Reply>, more: usize, body: Value, status: u16) -> String {
    played_with(replies, more, body, status, |builder| builder).await
}

/// The same with a pair that is set up otherwise.
async fn played_with(
    replies: Vec<Reply>,
    more: usize,
    body: Value,
    status: u16,
    set_up: impl FnOnce(Builder) -> Builder,
) -> String {
    let queue = Arc::new(Queue::default());
    let upstream = Upstream::start(Arc::clone(&queue)).await.expect("a free port");
    let wanted = replies.len();
    replies.into_iter().for_each(|reply| queue.push(reply));
    std::iter::repeat_n(Reply::silence(), more).for_each(|reply| queue.push(reply));
    let builder = unhurried(Builder::real(&upstream.base_url()).expect("a home for the pair"));
    let mut stage = Stage::real(set_up(builder)).await;
    let answer = stage.chat(&body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(queue.left() <= more, "{} of {wanted} replies left", queue.left());
    let asked = upstream.requests().len();
    assert!((wanted..=wanted + more).contains(&asked), "the model was asked {asked} times");
    assert_eq!((upstream.problems(), upstream.strays()), (vec![], vec![]));
    stage.transcript()
}

/// A test that plays one chat completion and compares its transcript.
macro_rules! golden {
    ($name:ident, $status:literal, $body:expr, [$($reply:expr),*]) => {
        golden!($name, $status, $body, [$($reply),*], 0);
    };
    ($name:ident, $status:literal, $body:expr, [$($reply:expr),*], $more:literal) => {
        #[tokio::test]
        async fn $name() {
            let transcript = $crate::real::played(vec![$($reply),*], $more, $body, $status).await;
            // Beside those of the scripted child, not in a folder beside each file.
            insta::with_settings!({ snapshot_path => "../snapshots" }, {
                insta::assert_snapshot!(stringify!($name), transcript);
            });
        }
    };
}
use golden;
