//! Calls as text: what is counted of them adds up, however their answers end.

use super::asking;
use crate::support::{Got, Stage};
use gateway_tests::{
    pair::{Builder, DEADLINE},
    upstream::{Outcome, Pieces, Reply},
};
use serde_json::{Value, json};

const CALL: &str = "<use_tool><name>look</name><at>a &amp; b</at></use_tool>";
const OPEN: &str = "<use_tool><name>look</name><at>a";

/// Begun, whole, and neither: as the operator reads them.
type Counts = [u64; 3];

async fn counts(stage: &Stage) -> Counts {
    let url = format!("http://{}/metrics", stage.pair.internal);
    let answer = stage.pair.client().get(url).send().await.expect("an answer");
    let text = answer.text().await.expect("a text");
    ["started", "flushed", "aborted"].map(|which| {
        let name = format!("codex_tool_buffer_{which}_total ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{name}: {text}"))
    })
}

/// A stage whose answers are in `mode`.
async fn stage(mode: &str) -> Stage {
    Stage::with(|url| {
        let builder = Builder::real(url).expect("a home");
        builder.front("PROXY_OUTPUT_MODE", mode).front("PROXY_TOOL_BUFFER_BYTES", "1024")
    })
    .await
}

fn looking(more: &Value) -> Value {
    let mut body = asking(more);
    let parameters = json!({"type": "object", "properties": {"at": {"type": "string"}}});
    body["tools"] = json!([{"type": "function", "function": {"name": "look", "parameters": parameters}}]);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_are_read_are_counted_as_calls_or_as_text() {
    let stage = stage("textual-tools").await;
    let mut seen = counts(&stage).await;
    assert_eq!(seen, [0; 3]);
    let long = format!("{OPEN}{}", "a".repeat(2000));
    let two = format!("{CALL} {CALL}");
    // The text, more of the request, the calls that come of it, and what it adds to the counts.
    let cases: [(&str, Value, usize, Counts); 8] = [
        ("no block, and 1 < 2", json!({}), 0, [0, 0, 0]),
        (CALL, json!({}), 1, [1, 1, 0]),
        (&two, json!({}), 2, [2, 2, 0]),
        ("<use_tool><name>other</name></use_tool>", json!({}), 0, [1, 0, 1]),
        (OPEN, json!({}), 0, [1, 0, 1]),
        (&long, json!({}), 0, [1, 0, 1]),
        ("<use_tool> is a tag", json!({}), 0, [1, 0, 1]),
        (CALL, json!({"n": 2}), 1, [2, 2, 0]),
    ];
    for (text, more, calls, added) in cases {
        for stream in [false, true] {
            for chars in [1, 7, 5000] {
                let mut more = more.clone();
                more["stream"] = json!(stream);
                let runs = more["n"].as_u64().unwrap_or(1);
                let reply = || Reply::new().text(Pieces::new(text).chars(chars));
                let got = stage.ask((0..runs).map(|_| reply()), &looking(&more)).await;
                if runs == 1 {
                    assert_eq!(crate::tools::calls(&got, stream).0.len(), calls, "{text}: {}", got.shown());
                }
                for (sum, more) in seen.iter_mut().zip(added) {
                    *sum += more;
                }
                assert_eq!(counts(&stage).await, seen, "started, flushed, aborted, behind {text}");
            }
        }
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_an_end_cuts_off_was_none() {
    let stage = stage("textual-tools").await;
    // A limit behind which the turn is interrupted.
    stage.will_say(
        Reply::new().text(Pieces::new("one <use_tool><name>look</name> and so on").chars(3).stall()),
    );
    let got = Got::read(stage.send(&looking(&json!({"max_tokens": 8}))).await).await;
    assert_eq!(got.json()["choices"][0]["finish_reason"], "length", "{}", got.shown());
    assert_eq!(counts(&stage).await, [1, 0, 1]);

    // An upstream that breaks off.
    stage.will_say(Reply::new().text(Pieces::new(OPEN).chars(3).cut()));
    let got = Got::read(stage.send(&looking(&json!({"stream": true}))).await).await;
    let (text, error) = got.stream().broken();
    assert_eq!((text.as_str(), &error["code"]), ("", &json!("upstream_error")), "{}", got.shown());
    assert_eq!(counts(&stage).await, [2, 0, 2]);

    // A client that hangs up.
    let before = stage.upstream.totals().requests;
    stage.will_say(Reply::new().text(Pieces::new(format!("So: {OPEN}")).stall()));
    let mut response = stage.send(&looking(&json!({"stream": true}))).await;
    let mut text = String::new();
    while !text.contains("So: ") {
        let chunk = tokio::time::timeout(DEADLINE, response.chunk()).await.expect("a chunk in time");
        text.push_str(std::str::from_utf8(&chunk.expect("a chunk").expect("more")).expect("UTF-8"));
    }
    drop(response);
    let outcome = stage.upstream.wait_outcome(before, DEADLINE).await.expect("the end of the request");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "{outcome:?}");
    let settled = || async { (counts(&stage).await == [3, 0, 3]).then_some(()) };
    stage.pair.eventually("the block counted", settled).await.expect("counts");
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_written_as_blocks_are_counted() {
    let stage = stage("obsidian-xml").await;
    for (stream, sum) in [(false, 2), (true, 4)] {
        let called = Reply::new()
            .text(CALL)
            .function_call_as("a", "look", r#"{"at":"x"}"#)
            .function_call_as("b", "look", "{}");
        let got = stage.ask([called], &looking(&json!({"stream": stream}))).await;
        assert!(crate::tools::calls(&got, stream).0.is_empty(), "{}", got.shown());
        assert_eq!(counts(&stage).await, [sum, sum, 0], "the model's own text is none");
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_text_where_nobody_asked_for_them() {
    let stage = stage("openai-json").await;
    for stream in [false, true] {
        let got = stage
            .ask([Reply::new().text(Pieces::new(CALL).chars(2))], &looking(&json!({"stream": stream})))
            .await;
        let text = if stream { got.stream().complete("stop") } else { got.content() };
        assert_eq!(text, CALL);
    }
    assert_eq!(counts(&stage).await, [0; 3]);
    stage.check_upstream();
}
