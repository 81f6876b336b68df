//! Custom tools: what the model sees of them, and what comes back in which form.

use super::{adder, offering, once};
use crate::support::{Got, Stage, message};
use gateway_tests::{pair::Builder, upstream::Reply};
use serde_json::{Value, json};

const GRAMMAR: &str = "start: begin hunk+ end\nbegin: \"*** Begin Patch\" LF";
const PATCH: &str = "*** Begin Patch\n*** Add File: a\n+ \"1\\n\" \u{1f980} </b>\n*** End Patch\n";

fn nested() -> Value {
    json!({"type": "custom", "custom": {"name": "edit.file", "description": "Edits files.",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": GRAMMAR}}}})
}

/// As Cursor has its own among the functions of a chat body.
fn flat() -> Value {
    json!({"type": "custom", "name": "ApplyPatch", "description": "Edits files.",
        "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR}})
}

fn patch() -> String {
    json!({ "input": PATCH }).to_string()
}

/// The calls of an answer as one object has them. A stream's are put together.
fn told(got: &Got, stream: bool) -> (Value, String) {
    if !stream {
        let choice = got.json()["choices"][0].take();
        return (
            choice["message"]["tool_calls"].clone(),
            choice["finish_reason"].as_str().expect("a reason").to_owned(),
        );
    }
    let (mut calls, mut reason) = (Vec::<Value>::new(), String::new());
    for chunk in got.stream().chunks() {
        let choice = &chunk["choices"][0];
        for delta in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let at = usize::try_from(delta["index"].as_u64().expect("an index")).expect("a small one");
            if at == calls.len() {
                let mut call = delta.clone();
                call.as_object_mut().expect("an object").shift_remove("index");
                calls.push(call);
            } else {
                let known = &mut calls[at]["function"]["arguments"];
                let more = delta["function"]["arguments"].as_str().expect("more arguments");
                *known = format!("{}{more}", known.as_str().expect("arguments")).into();
            }
        }
        reason.push_str(choice["finish_reason"].as_str().unwrap_or_default());
    }
    (calls.into(), reason)
}

fn custom(id: &str, name: &str, input: &str) -> Value {
    json!({"id": id, "type": "custom", "custom": {"name": name, "input": input}})
}

fn function(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_with_its_text_and_goes_up_again() {
    let stage = Stage::new().await;
    for stream in [false, true] {
        let body = offering(&[adder("add"), nested(), flat()], stream);
        let reply = Reply::new()
            .function_call_as("a", "edit_file", patch())
            .function_call_as("b", "ApplyPatch", patch())
            .function_call_as("c", "add", "{\"n\":1}");
        let got = once(&stage, reply, &body).await;
        let (calls, reason) = told(&got, stream);
        // A flat tool's call is one of a function with the text as its arguments: so Cursor reads it.
        let expected = json!([
            custom("a", "edit.file", PATCH),
            function("b", "ApplyPatch", PATCH),
            function("c", "add", "{\"n\":1}")
        ]);
        assert_eq!((&calls, reason.as_str()), (&expected, "tool_calls"));
        let requests = stage.upstream.requests();
        let tools = requests[requests.len() - 2].json()["tools"].clone();
        for (tool, name) in [(&tools[1], "edit_file"), (&tools[2], "ApplyPatch")] {
            assert_eq!((&tool["type"], &tool["name"]), (&json!("function"), &json!(name)));
            let told = tool["description"].as_str().expect("a description");
            assert!(told.starts_with("Edits files.") && told.contains(GRAMMAR), "{told}");
            let input = &tool["parameters"]["properties"]["input"]["type"];
            assert_eq!((input, &tool["parameters"]["required"]), (&json!("string"), &json!(["input"])));
        }
        // The next round, as clients send it.
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "Done."});
        let mut next = body.clone();
        next["messages"] = json!([message("user", "Go."),
            {"role": "assistant", "content": null, "tool_calls": calls}, result("a"), result("b"), result("c")]);
        next["stream"] = false.into();
        assert_eq!(once(&stage, Reply::new().text("fine"), &next).await.content(), "fine");
        let requests = stage.upstream.requests();
        let items = requests[requests.len() - 2].input();
        let called: Vec<(&str, &str)> = items
            .iter()
            .filter(|item| item["type"] == "function_call")
            .filter_map(|item| Some((item["name"].as_str()?, item["arguments"].as_str()?)))
            .collect();
        assert_eq!(called, [("edit_file", &*patch()), ("ApplyPatch", &patch()), ("add", "{\"n\":1}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_must_come_comes_out_of_the_text_too() {
    let stage = Stage::new().await;
    let choice = json!({"type": "custom", "custom": {"name": "edit.file"}});
    let allowed =
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [choice.clone()]}});
    for (choice, many) in [(choice, false), (allowed, true)] {
        let mut body = offering(&[adder("add"), nested()], false);
        body["tool_choice"] = choice;
        let got = once(&stage, Reply::new().function_call_as("a", "edit_file", patch()), &body).await;
        assert_eq!(told(&got, false).0, json!([custom("a", "edit.file", PATCH)]));
        let call = format!("{{\"name\":\"edit_file\",\"arguments\":{}}}", patch());
        let text = if many { format!("{{\"calls\":[{call}]}}") } else { call };
        let got = once(&stage, Reply::new().text(text), &body).await;
        let (calls, reason) = told(&got, false);
        assert_eq!(calls, json!([custom(calls[0]["id"].as_str().expect("an id"), "edit.file", PATCH)]));
        assert_eq!(reason, "tool_calls");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_text_is_the_models_fault() {
    let stage = super::unhurried().await;
    for (tool, name) in [(nested(), "edit_file"), (flat(), "ApplyPatch")] {
        for arguments in ["{}", "{\"input\":1}", "{\"patch\":\"x\"}", PATCH] {
            let body = offering(std::slice::from_ref(&tool), false);
            let got = once(&stage, Reply::new().function_call_as("a", name, arguments), &body).await;
            assert_eq!(
                (got.status, &got.json()["error"]["code"]),
                (502, &json!("upstream_error")),
                "{arguments}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_may_be_written_as_text() {
    let build = |url: &str| Builder::real(url).expect("a home").front("PROXY_OUTPUT_MODE", "obsidian-xml");
    let stage = Stage::with(build).await;
    let body = offering(&[nested()], false);
    let got = once(&stage, Reply::new().function_call_as("a", "edit_file", patch()), &body).await;
    let written = got.content();
    assert!(written.starts_with("<use_tool>\n<name>edit.file</name>\n<input>\n*** Begin"), "{written}");
    assert_eq!(got.json()["choices"][0]["finish_reason"], "stop");
    for stream in [false, true] {
        let body = offering(&[nested()], stream);
        stage.will_say(Reply::new().text(written.as_str()));
        let mode = [("x-proxy-output-mode", "textual-tools")];
        let got = stage.post("/v1/chat/completions", &mode, &body).await;
        let (calls, reason) = told(&got, stream);
        assert_eq!(calls, json!([custom(calls[0]["id"].as_str().expect("an id"), "edit.file", PATCH)]));
        assert_eq!(reason, "tool_calls");
    }
}
