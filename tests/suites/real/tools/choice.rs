//! `tool_choice`: guarantees, although codex always asks with `auto`.

use super::{adder, calls, offering, once, owned, unhurried};
use crate::support::{Got, Stage};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

/// What went up with the request before the last one, which [`once`] asks itself.
fn sent(stage: &Stage) -> Value {
    let requests = stage.upstream.requests();
    requests[requests.len() - 2].json().clone()
}

fn names(sent: &Value) -> Vec<&str> {
    sent["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str()).collect()
}

/// The calls without their ids, which are made here.
fn made(got: &Got, stream: bool) -> Vec<(String, String)> {
    let (calls, reason) = calls(got, stream);
    assert_eq!(reason, "tool_calls");
    let mut ids: Vec<&String> = calls.iter().map(|(id, _, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), calls.len(), "ids of their own");
    assert!(ids.iter().all(|id| id.starts_with("call_") && id.len() <= 64), "{ids:?}");
    calls.into_iter().map(|(_, name, arguments)| (name, arguments)).collect()
}

fn pairs(calls: &[(&str, &str)]) -> Vec<(String, String)> {
    calls.iter().map(|(name, arguments)| ((*name).into(), (*arguments).into())).collect()
}

fn choosing(choice: Value, stream: bool) -> Value {
    let mut body = offering(&[adder("one"), adder("two"), adder("three")], stream);
    body["tool_choice"] = choice;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_call_comes_by_itself_or_out_of_the_text() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let body = choosing("required".into(), stream);
        let got = once(&stage, Reply::new().function_call_as("a", "two", "{\"n\":1}"), &body).await;
        assert_eq!(calls(&got, stream), (owned(&[("a", "two", "{\"n\":1}")]), "tool_calls".to_owned()));
        let up = sent(&stage);
        assert_eq!(names(&up), ["one", "two", "three"]);
        assert_eq!(
            (&up["text"]["format"]["type"], &up["text"]["format"]["strict"]),
            (&json!("json_schema"), &json!(true))
        );
        let written = written(&up, &[("two", "{\"n\":1}"), ("one", "{\"n\":2}")]);
        let got = once(&stage, Reply::new().text(written), &body).await;
        assert_eq!(made(&got, stream), pairs(&[("two", "{\"n\":1}"), ("one", "{\"n\":2}")]));
        let content = if stream {
            got.stream().text()
        } else {
            got.json()["choices"][0]["message"]["content"].to_string()
        };
        assert!(content.is_empty() || content == "null", "the call is not the content, too: {content}");
        let got = once(&stage, Reply::new().text("I'd rather not."), &body).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (502, &json!("upstream_error")));
    }
}

/// A text of the schema that went up, with these calls.
fn written(up: &Value, calls: &[(&str, &str)]) -> String {
    let schema = &up["text"]["format"]["schema"];
    let name = schema["properties"].as_object().expect("an object").keys().next().expect("a property");
    let calls: Vec<String> = calls
        .iter()
        .map(|(name, arguments)| format!("{{\"name\":\"{name}\",\"arguments\":{arguments}}}"))
        .collect();
    format!("{{\"{name}\":[{}]}}", calls.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_function_is_the_only_one_that_can_be_called() {
    let stage = unhurried().await;
    for stream in [false, true] {
        let body = choosing(json!({"type": "function", "function": {"name": "two"}}), stream);
        let got = once(&stage, Reply::new().function_call_as("a", "two", "{\"n\":1}"), &body).await;
        assert_eq!(calls(&got, stream).0, owned(&[("a", "two", "{\"n\":1}")]));
        assert_eq!(names(&sent(&stage)), ["two"]);
        let two = Reply::new().function_call_as("a", "two", "{}").function_call_as("b", "two", "{}");
        assert_eq!(
            calls(&once(&stage, two, &body).await, stream).0,
            owned(&[("a", "two", "{}")]),
            "one call of it"
        );
        let got = once(&stage, Reply::new().function_call("one", "{}"), &body).await;
        let error = if got.status == 200 { got.stream().broken().1 } else { got.json()["error"].clone() };
        assert_eq!(error["code"], "upstream_error");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_tools_are_those_that_go_up() {
    let stage = Stage::new().await;
    let function = |name: &str| json!({"type": "function", "function": {"name": name}});
    let allowed = |mode: &str| json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [function("one"), function("three")]}});
    let got = once(&stage, Reply::new().text("No call."), &choosing(allowed("auto"), false)).await;
    assert_eq!(got.content(), "No call.");
    let up = sent(&stage);
    assert_eq!((names(&up), up["text"].get("format")), (vec!["one", "three"], None));
    let body = choosing(allowed("required"), false);
    once(&stage, Reply::new().function_call("three", "{\"n\":1}"), &body).await;
    let up = sent(&stage);
    assert_eq!(names(&up), ["one", "three"]);
    let got = once(&stage, Reply::new().text(written(&up, &[("three", "{\"n\":3}")])), &body).await;
    assert_eq!(made(&got, false), pairs(&[("three", "{\"n\":3}")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn none_declares_no_function() {
    let stage = Stage::new().await;
    let got = once(&stage, Reply::new().text("Words."), &choosing("none".into(), false)).await;
    assert_eq!(got.content(), "Words.");
    assert!(names(&sent(&stage)).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_guaranteed_is_refused_with_its_place() {
    let stage = Stage::new().await;
    let map = json!({"type": "function", "function": {"name": "map", "parameters": {
        "type": "object", "properties": {"all": {"type": "object", "additionalProperties": {"type": "string"}}},
    }}});
    let mut body = offering(&[adder("one"), map], false);
    body["tool_choice"] = "required".into();
    let named = json!({"type": "function", "function": {"name": "nobody"}});
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "nobody"}}]}});
    let mut none = offering(&[], false);
    none["tool_choice"] = "required".into();
    for (body, param) in [
        (body, "tools[1].function.parameters.properties.all"),
        (choosing("any".into(), false), "tool_choice"),
        (choosing(3.into(), false), "tool_choice"),
        (choosing(named, false), "tool_choice.function.name"),
        (choosing(allowed, false), "tool_choice.allowed_tools.tools"),
        (choosing(json!({"type": "mcp"}), false), "tool_choice.type"),
        (choosing(json!({"type": "custom"}), false), "tool_choice.custom.name"),
        (none, "tool_choice"),
    ] {
        let got = stage.ask([], &body).await;
        let error = got.json()["error"].clone();
        assert_eq!(got.status, 400, "{error}");
        let named = error["param"].as_str().expect("a param");
        assert!(named.starts_with(param), "{named} for {param}: {error}");
    }
}
