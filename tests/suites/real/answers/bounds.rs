//! `stop` and `max_tokens`: the text ends where they say, and the turn with it.

use super::{asking, choices};
use crate::support::{Got, Stage};
use gateway_tests::upstream::{Outcome, Pieces, Reply, Usage};
use serde_json::{Value, json};

/// The answer of a model that would go on for ever, cut into pieces of `chars`.
async fn cut(stage: &Stage, text: &str, chars: usize, more: Value) -> Got {
    stage.will_say(Reply::new().text(Pieces::new(text).chars(chars).stall()));
    let before = stage.upstream.totals().requests;
    let got = Got::read(stage.send(&asking(&more)).await).await;
    let outcome = stage.upstream.wait_outcome(before, gateway_tests::pair::DEADLINE).await;
    let outcome = outcome.expect("the end of the request");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "the turn was interrupted: {outcome:?}");
    got
}

fn one(text: &str, reason: &str) -> Vec<(String, String)> {
    vec![(text.to_owned(), reason.to_owned())]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_ends_at_a_stop_text_wherever_it_is_cut() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        for chars in [1, 2, 5, 100] {
            let more = json!({"stop": ["\nUser:", "END"], "stream": stream});
            let got = cut(&stage, "EN\nUse, then\nUser: never", chars, more).await;
            assert_eq!(choices(&got, stream, 1), one("EN\nUse, then", "stop"), "{}", got.shown());
        }
        let more = json!({"stop": "never", "stream": stream});
        let got = stage.ask([Reply::new().text(Pieces::new("as it neve is").chars(2))], &asking(&more)).await;
        assert_eq!(choices(&got, stream, 1), one("as it neve is", "stop"));
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_ends_behind_so_many_tokens() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        for name in ["max_tokens", "max_completion_tokens"] {
            let mut more = json!({"stream": stream});
            more[name] = json!(3);
            let got = cut(&stage, "one two three four five", 2, more).await;
            assert_eq!(choices(&got, stream, 1), one("one two three", "length"), "{}", got.shown());
        }
        let more = json!({"max_tokens": 5, "stream": stream});
        let whole = Reply::new().text("one two three four five").completed(Usage::new(9, 0, 5, 0));
        let got = stage.ask([whole], &asking(&more)).await;
        assert_eq!(choices(&got, stream, 1), one("one two three four five", "stop"), "as many are no more");
    }
    stage.check_upstream();
}

/// What the model called with its usage not told yet: nothing is estimated.
#[tokio::test(flavor = "multi_thread")]
async fn usage_is_absent_where_the_turn_was_interrupted() {
    let stage = Stage::new().await;
    let got = cut(&stage, "one two three four", 3, json!({"max_tokens": 2})).await;
    assert!(got.json().get("usage").is_none(), "{}", got.shown());
    let more = json!({"max_tokens": 2, "stream": true, "stream_options": {"include_usage": true}});
    let got = cut(&stage, "one two three four", 3, more).await;
    let stream = got.stream();
    assert_eq!(stream.complete("length"), "one two");
    assert!(stream.chunks().iter().all(|chunk| chunk["usage"].is_null()));
    stage.check_upstream();
}

/// codex tells it right behind the message, and the front waits a moment for that; on a busy machine it may be late.
#[tokio::test(flavor = "multi_thread")]
async fn usage_is_told_where_the_model_was_done_already() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let reply = || Reply::new().text("hello END").completed(Usage::new(9, 0, 3, 0));
        let mut more = json!({"stop": "END", "stream": stream});
        if stream {
            more["stream_options"] = json!({"include_usage": true});
        }
        let mut told = 0;
        for _ in 0..5 {
            let got = stage.ask([reply()], &asking(&more)).await;
            assert_eq!(choices(&got, stream, 1), one("hello ", "stop"), "{}", got.shown());
            let last = if stream {
                got.stream().chunks().last().copied().cloned().expect("a chunk")
            } else {
                got.json()
            };
            if last["usage"].is_object() {
                assert_eq!(last["usage"]["total_tokens"], 12, "{last}");
                told += 1;
            }
        }
        assert!(told >= 3, "{told} of 5");
    }
    stage.check_upstream();
}

/// Calls are not cut, and a limit behind a text of a schema leaves what there is of it.
#[tokio::test(flavor = "multi_thread")]
async fn limits_beside_calls_and_forms() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let more = json!({"max_tokens": 2, "stream": stream,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]});
        let called = Reply::new().text("one").function_call_as("a", "f", "{}");
        let got = stage.ask([called], &asking(&more)).await;
        let (calls, reason) = crate::tools::calls(&got, stream);
        assert_eq!((calls.len(), reason.as_str()), (1, "tool_calls"));
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
        let more = json!({"max_tokens": 4, "stream": stream, "response_format":
            {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}}});
        let got = cut(&stage, "{\"a\":\"one two three four five six seven", 4, more).await;
        let (text, reason) = choices(&got, stream, 1).remove(0);
        assert_eq!(reason, "length");
        assert!(text.starts_with("{\"a\":\"") && text.len() < 20, "{text}");
    }
    stage.check_upstream();
}
