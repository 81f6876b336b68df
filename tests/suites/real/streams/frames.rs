//! The order and the form of what a stream consists of.

use crate::support::{Frame, Stage, Stream, asking};
use gateway_tests::{
    pair::{Builder, DEADLINE},
    upstream::{Gate, Pieces, Reasoning, Reply},
};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn every_chunk_has_the_same_head_and_only_the_first_a_role() {
    let stage = Stage::new().await;
    let reply = Reply::new().text(Pieces::new("Some more words.").chars(4));
    let stream = stage.ask([reply], &asking(true)).await.stream();
    assert_eq!(stream.complete("stop"), "Some more words.");
    let chunks = stream.chunks();
    let heads: BTreeSet<String> = chunks
        .iter()
        .map(|chunk| json!([chunk["id"], chunk["created"], chunk["model"], chunk["object"]]).to_string())
        .collect();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(chunks[0]["id"].as_str().is_some_and(|id| id.starts_with("chatcmpl-")));
    assert_eq!(
        (&chunks[0]["model"], &chunks[0]["object"]),
        (&json!("codex-5"), &json!("chat.completion.chunk"))
    );
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    for chunk in &chunks[1..] {
        assert!(chunk["choices"][0]["delta"].get("role").is_none(), "{chunk}");
        assert_eq!(chunk["choices"][0]["index"], 0, "{chunk}");
    }
    let last = chunks.last().expect("a chunk");
    assert_eq!(
        last["choices"],
        json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop"}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn several_messages_are_joined_by_an_empty_line() {
    let stage = Stage::new().await;
    let reply = || {
        let thought = Reasoning::new().summary("I think.").raw("Really.");
        let first = Reply::new().reasoning(thought).text(Pieces::new("One.").chars(2));
        first.text("").reasoning("More.").text("Two.").text("Two.")
    };
    let joined = "One.\n\nTwo.\n\nTwo.";
    assert_eq!(stage.ask([reply()], &asking(false)).await.content(), joined);
    let stream = stage.ask([reply()], &asking(true)).await.stream();
    assert_eq!(stream.complete("stop"), joined);
}

#[tokio::test(flavor = "multi_thread")]
async fn reasoning_is_no_content() {
    let stage = Stage::new().await;
    let reply = || Reply::new().reasoning("Only thinking.");
    assert_eq!(stage.ask([reply()], &asking(false)).await.content(), "");
    let stream = stage.ask([reply()], &asking(true)).await.stream();
    assert_eq!(stream.complete("stop"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_early_says_why() {
    let stage = Stage::new().await;
    for (reason, finish) in [("max_output_tokens", "length"), ("content_filter", "content_filter")] {
        // Once in the middle of a message, and once behind a complete one.
        let complete = || Reply::new().text("As far as it came").incomplete(reason);
        let partial = || half("As far as it came").incomplete(reason);
        for reply in [&complete as &dyn Fn() -> Reply, &partial] {
            let got = stage.ask([reply()], &asking(false)).await;
            assert_eq!(got.content(), "As far as it came");
            assert_eq!(got.json()["choices"][0]["finish_reason"], finish);
            let stream = stage.ask([reply()], &asking(true)).await.stream();
            assert_eq!(stream.complete(finish), "As far as it came");
        }
    }
}

/// A message that is begun and not finished.
fn half(text: &str) -> Reply {
    let item = json!({"type": "message", "id": "msg_half", "status": "in_progress", "role": "assistant", "content": []});
    let part = json!({"type": "output_text", "text": "", "annotations": []});
    let at = json!({"item_id": "msg_half", "output_index": 0, "content_index": 0});
    let event = |kind: &str, name: &str, value: &serde_json::Value| {
        let mut event = at.clone();
        event["type"] = json!(kind);
        event[name] = value.clone();
        event
    };
    Reply::new()
        .raw(json!({"type": "response.output_item.added", "output_index": 0, "item": item}))
        .raw(event("response.content_part.added", "part", &part))
        .raw(event("response.output_text.delta", "delta", &json!(text)))
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_keep_the_line_alive_before_the_first_token_and_between_tokens() {
    let stage = Stage::with(|url| {
        let builder = Builder::real(url).expect("a home");
        builder.front("PROXY_SSE_KEEPALIVE_MS", "100")
    })
    .await;
    let (first, second) = (Gate::new(), Gate::new());
    let pieces = Pieces::empty().wait(&first).delta("One").wait(&second).delta(" two");
    let mut response = stage.begin(Reply::new().text(pieces), &asking(true)).await;
    let mut body = String::new();
    read_until(&mut response, &mut body, "comments before the first token", |body| comments(body) >= 2).await;
    assert!(!body.contains("One"));
    first.open();
    read_until(&mut response, &mut body, "the first token", |body| body.contains("One")).await;
    let before = comments(&body);
    read_until(&mut response, &mut body, "comments between tokens", |body| comments(body) >= before + 2)
        .await;
    second.open();
    read_until(&mut response, &mut body, "the end", |body| body.ends_with("data: [DONE]\n\n")).await;
    let rest = tokio::time::timeout(DEADLINE, response.chunk()).await;
    assert_eq!(rest.expect("the end in time").expect("no break"), None, "nothing after [DONE]");
    let stream = Stream::read(&body);
    assert_eq!(stream.complete("stop"), "One two");
    let all_comments = stream.frames.iter().filter_map(|frame| match frame {
        Frame::Comment(comment) => Some(comment.as_str()),
        Frame::Data(_) | Frame::Done => None,
    });
    assert_eq!(all_comments.collect::<BTreeSet<_>>(), BTreeSet::from([": keep-alive"]));
}

fn comments(body: &str) -> usize {
    body.matches(": keep-alive\n").count()
}

async fn read_until(
    response: &mut reqwest::Response,
    body: &mut String,
    what: &str,
    wanted: impl Fn(&str) -> bool,
) {
    let read = async {
        while !wanted(body) {
            let chunk = response.chunk().await.expect("no break");
            let chunk = chunk.unwrap_or_else(|| panic!("the stream ended before {what}: {body}"));
            body.push_str(std::str::from_utf8(&chunk).expect("whole characters"));
        }
    };
    tokio::time::timeout(DEADLINE, read).await.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {what}"));
}
