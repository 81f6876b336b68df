//! `codex_metadata`, by setting or header.

use super::asking;
use crate::support::{Got, Stage};
use gateway_tests::{
    pair::Builder,
    upstream::{Reply, Usage},
};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// The metadata of an answer, and how often it is there.
fn told(got: &Got, stream: bool) -> Vec<Value> {
    if stream {
        let stream = got.stream();
        stream.chunks().iter().filter_map(|chunk| chunk.get("codex_metadata").cloned()).collect()
    } else {
        got.json().get("codex_metadata").cloned().into_iter().collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_there_where_it_is_asked_for() {
    let stage = Stage::new().await;
    let used = || Reply::new().text("a").completed(Usage::new(1, 0, 1, 0));
    for (more, trigger) in [
        (json!({}), "task_complete"),
        (json!({"stream": true}), "provider"),
        (json!({"stream": true, "stream_options": {"include_usage": true}}), "task_complete"),
    ] {
        let stream = more["stream"] == true;
        stage.will_say(used());
        let got = stage.post(CHAT, &[("x-codex-metadata", "true")], &asking(&more)).await;
        let told_once = told(&got, stream);
        assert_eq!(told_once.len(), 1, "{}", got.shown());
        assert_eq!(told_once[0]["emission_trigger"], trigger, "{more}");
        assert_eq!(told_once[0]["request_id"].as_str(), got.header("x-request-id"));
        assert_eq!(
            (told_once[0]["profile"].as_str(), told_once[0]["thread_ids"].as_array().map(Vec::len)),
            (Some("completion"), Some(1))
        );
        if stream {
            let stream = got.stream();
            let last = stream.chunks().last().copied().cloned().expect("a chunk");
            assert!(last.get("codex_metadata").is_some(), "on the last chunk: {last}");
        }
        stage.will_say(used());
        let got = stage.post(CHAT, &[], &asking(&more)).await;
        assert_eq!(told(&got, stream), Vec::<Value>::new());
    }
    for (value, status) in [("yes", 400), ("false", 200), ("", 200)] {
        if status == 200 {
            stage.will_say(used());
        }
        let got = stage.post(CHAT, &[("x-codex-metadata", value)], &asking(&json!({}))).await;
        assert_eq!(got.status, status, "{value}");
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_asks_for_it_and_an_interrupted_turn_says_so() {
    let stage =
        Stage::with(|url| Builder::real(url).expect("a home").front("PROXY_CODEX_METADATA", "true")).await;
    stage.will_say(Reply::new().text("one two three").stall());
    let got = stage.post(CHAT, &[], &asking(&json!({"stop": "two", "n": 1}))).await;
    assert_eq!(told(&got, false)[0]["emission_trigger"], "token_count");
    stage.will_say(Reply::new().text("a"));
    stage.will_say(Reply::new().text("b"));
    let got = stage.post(CHAT, &[], &asking(&json!({"n": 2}))).await;
    assert_eq!(told(&got, false)[0]["thread_ids"].as_array().map(Vec::len), Some(2));
    stage.check_upstream();
}
