//! `response_format: json_object`: the content parses, or the model is asked once more, or it is a failure.

use super::{asking_for, text};
use crate::{
    support::Stage,
    tools::{adder, calls, owned},
};
use gateway_tests::upstream::{Reply, Usage};
use serde_json::json;

fn object(stream: bool) -> serde_json::Value {
    asking_for(&json!({"type": "json_object"}), stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_comes_as_the_model_wrote_it() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let written = "{\"a\": 1e400,\n \"b\": \"\\u00e9\"}";
        assert_eq!(text(&stage.ask([Reply::new().text(written)], &object(stream)).await, stream), written);
        let fenced = format!("```json\n{written}\n```");
        assert_eq!(text(&stage.ask([Reply::new().text(fenced)], &object(stream)).await, stream), written);
    }
    assert!(stage.upstream.requests()[0].json()["text"].get("format").is_none(), "codex has no such form");
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_asked_once_more_and_usage_is_that_of_both() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let first = Reply::new().text("Sure! Here it is.").completed(Usage::new(10, 1, 5, 2));
        let second = Reply::new().text("{}").completed(Usage::new(20, 2, 6, 3));
        let mut body = object(stream);
        if stream {
            body["stream_options"] = json!({"include_usage": true});
        }
        let got = stage.ask([first, second], &body).await;
        assert_eq!(text(&got, stream), "{}");
        let usage = if stream {
            got.stream().chunks().last().expect("a chunk")["usage"].clone()
        } else {
            got.json()["usage"].clone()
        };
        assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(30), &json!(11)));
        let got = stage.ask([Reply::new().text("No."), Reply::new().text("[1]")], &object(stream)).await;
        assert_eq!(
            (got.status, &got.json()["error"]["code"]),
            (502, &json!("upstream_error")),
            "{}",
            got.shown()
        );
    }
    let requests = stage.upstream.requests();
    assert_eq!(requests[0].input().len(), requests[1].input().len(), "the same request twice");
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_short_is_handed_on_and_calls_are_calls() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let cut = Reply::new().text("{\"a\": [1, 2").incomplete("max_output_tokens");
        let got = stage.ask([cut], &object(stream)).await;
        let text = if stream {
            got.stream().complete("length")
        } else {
            assert_eq!(got.json()["choices"][0]["finish_reason"], "length");
            got.content()
        };
        assert_eq!(text, "{\"a\": [1, 2");
        let mut body = object(stream);
        body["tools"] = json!([adder("one")]);
        let got = stage.ask([Reply::new().function_call_as("a", "one", "{\"n\":1}")], &body).await;
        assert_eq!(calls(&got, stream), (owned(&[("a", "one", "{\"n\":1}")]), "tool_calls".to_owned()));
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_must_say_json() {
    let stage = Stage::new().await;
    let mut body = object(false);
    body["messages"][0]["content"] = "Go.".into();
    let got = stage.ask([], &body).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("messages")));
    body["messages"][0]["content"] = json!([{"type": "text", "text": "As JSON, please."}]);
    assert_eq!(stage.ask([Reply::new().text("{}")], &body).await.content(), "{}");
}
