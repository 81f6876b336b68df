//! Calls of functions, in the new form and the old one.

use super::{answered, choices, pair, reason};
use serde_json::{Value, json};

const CALL: &str = "!tool one {\"n\": 1e3}";
const CALLS: &str = "!tool one {\"n\": 1}\n!tool two {}\n!tool one {\"n\": 2}";

fn function(name: &str) -> Value {
    json!({ "name": name, "parameters": { "type": "object", "properties": { "n": { "type": "number" } } } })
}

fn tools(stream: bool) -> Value {
    let tool = |name: &str| json!({ "type": "function", "function": function(name) });
    json!({ "stream": stream, "tools": [tool("one"), tool("two")] })
}

#[tokio::test]
async fn calls_are_as_described() {
    let pair = pair().await;
    for (text, count) in [(CALL, 1), (CALLS, 3), ("!tool made_up {}", 1)] {
        for stream in [false, true] {
            let answered = answered(&pair, text, &tools(stream)).await;
            assert_eq!(reason(&answered), "tool_calls");
            let part = if stream { "delta" } else { "message" };
            let calls =
                choices(&answered).into_iter().filter_map(|choice| choice[part]["tool_calls"].as_array());
            let named = calls.flatten().filter(|call| call["function"]["name"].is_string());
            let named: Vec<&Value> = named.collect();
            assert_eq!(named.len(), count, "{answered:?}");
            assert!(
                named.iter().all(|call| call["id"].is_string() && call["type"] == "function"),
                "{named:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_call_that_is_required_and_written_as_text_is_as_described() {
    let pair = pair().await;
    let text = "!echo {\"calls\":[{\"name\":\"two\",\"arguments\":{\"n\":2}}]}";
    for choice in [json!("required"), json!({ "type": "function", "function": { "name": "two" } })] {
        for stream in [false, true] {
            let mut more = tools(stream);
            more["tool_choice"] = choice.clone();
            let called = answered(&pair, "!tool two {\"n\":2}", &more).await;
            assert_eq!(reason(&called), "tool_calls");
            if choice == "required" {
                let written = answered(&pair, text, &more).await;
                assert_eq!(reason(&written), "tool_calls");
            }
        }
    }
}

#[tokio::test]
async fn the_old_form_is_as_described() {
    let pair = pair().await;
    for stream in [false, true] {
        let more = json!({ "stream": stream, "functions": [function("one"), function("two")] });
        for text in [CALL, CALLS] {
            let answered = answered(&pair, text, &more).await;
            assert_eq!(reason(&answered), "function_call");
            let part = if stream { "delta" } else { "message" };
            let calls = choices(&answered).into_iter().map(|choice| &choice[part]["function_call"]);
            let names: Vec<&str> = calls.filter_map(|call| call["name"].as_str()).collect();
            assert_eq!(names, ["one"], "{answered:?}");
        }
    }
}

#[tokio::test]
async fn what_a_call_cannot_be_is_a_failure_as_described() {
    let pair = pair().await;
    for (text, more) in [
        ("!tool one {\"n\": ", tools(false)),
        ("!tool one {}", json!({})),
        ("hi", json!({ "tools": [{ "type": "function", "function": { "name": "" } }] })),
        ("hi", json!({ "tool_choice": "required" })),
    ] {
        let failure = answered(&pair, text, &more).await;
        assert!(failure[0]["error"].is_object(), "{text}: {failure:?}");
    }
}
