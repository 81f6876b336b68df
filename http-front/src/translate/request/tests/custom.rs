//! Tests of custom tools in requests.

use super::*;

const FORMAT: &str = "start: \"*** Begin Patch\"";

fn nested() -> Value {
    json!({"type": "custom", "custom": {"name": "apply.patch", "description": "Edits.",
        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": FORMAT}}}})
}

fn flat() -> Value {
    json!({"type": "custom", "name": "ApplyPatch", "description": "Edits.",
        "format": {"type": "grammar", "syntax": "lark", "definition": FORMAT}})
}

fn function() -> Value {
    json!({"type": "function", "function": {"name": "f"}})
}

fn body(tools: &[Value], more: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "go"}], "tools": tools});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn declared(body: &Value) -> Vec<Value> {
    let tools = run(body).unwrap().plan.tools;
    tools.map(|tools| serde_json::from_str(tools.get()).unwrap()).unwrap_or_default()
}

#[test]
fn a_custom_tool_goes_up_as_a_function_of_a_text() {
    let tools = declared(&body(&[nested(), function(), flat()], json!({})));
    assert_eq!(tools.len(), 3);
    for (tool, name) in [(&tools[0], "apply_patch"), (&tools[2], "ApplyPatch")] {
        assert_eq!((&tool["type"], &tool["name"]), (&json!("function"), &json!(name)));
        let schema = &tool["inputSchema"];
        assert_eq!(schema["properties"], json!({"input": {"type": "string"}}), "{tool}");
        assert_eq!(schema["required"], json!(["input"]));
        let told = tool["description"].as_str().unwrap();
        assert!(
            told.starts_with("Edits.\n\n") && told.contains(FORMAT) && told.contains("`input`"),
            "{told}"
        );
    }
    assert!(tools[0]["description"].as_str().unwrap().contains("also called `apply.patch`"));
}

#[test]
fn a_choice_may_name_a_custom_tool() {
    let all = [nested(), function(), flat()];
    let names = |choice: Value| -> Vec<String> {
        let tools = declared(&body(&all, json!({"tool_choice": choice})));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    let custom = |name: &str| json!({"type": "custom", "custom": {"name": name}});
    assert_eq!(names(custom("apply.patch")), ["apply_patch"]);
    assert_eq!(names(json!({"type": "custom", "name": "ApplyPatch"})), ["ApplyPatch"]);
    assert_eq!(names(json!("required")), ["apply_patch", "f", "ApplyPatch"]);
    let tools = json!([custom("apply.patch"), {"type": "custom", "name": "ApplyPatch"}]);
    let nested = json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": tools}});
    let flat = json!({"type": "allowed_tools", "mode": "required", "tools": tools});
    for choice in [nested, flat] {
        assert_eq!(names(choice), ["apply_patch", "ApplyPatch"]);
    }
    let chat = run(&body(&all, json!({"tool_choice": custom("apply.patch")}))).unwrap();
    let Shape::Calls(calls, functions) = &chat.expect.shape else { panic!("no call is guaranteed") };
    assert_eq!(functions, &["apply.patch"]);
    let written = r#"{"name":"apply_patch","arguments":{"input":"x\n"}}"#;
    assert_eq!(calls.read(written), Some(vec![(0, r#"{"input":"x\n"}"#.to_owned())]));
}

#[test]
fn calls_of_a_conversation_go_up_with_their_text() {
    let calls = json!([
        {"id": "a", "type": "custom", "custom": {"name": "apply.patch", "input": "*** \"a\"\n"}},
        {"id": "b", "type": "function", "function": {"name": "ApplyPatch", "arguments": "*** \"b\"\n"}},
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]);
    let conversation = json!({"messages": [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [], "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "Done."},
        {"role": "tool", "tool_call_id": "b", "content": "Done."},
        {"role": "tool", "tool_call_id": "c", "content": ""},
    ]});
    let items = sent(&body(&[nested(), function(), flat()], conversation.clone()));
    let called: Vec<(&str, &str)> = items
        .iter()
        .filter(|item| item["type"] == "function_call")
        .map(|item| (item["name"].as_str().unwrap(), item["arguments"].as_str().unwrap()))
        .collect();
    let text = r#"{"input":"*** \"a\"\n"}"#;
    let other = r#"{"input":"*** \"b\"\n"}"#;
    assert_eq!(called, [("apply_patch", text), ("ApplyPatch", other), ("f", "{}")]);
    assert_eq!(items.iter().filter(|item| item["type"] == "function_call_output").count(), 3);
    // Without the tool it is a function's call, as it is.
    let items = sent(&body(&[], conversation));
    assert_eq!((&items[1]["arguments"], &items[2]["arguments"]), (&json!(text), &json!("*** \"b\"\n")));
}

#[test]
fn what_is_wrong_with_a_custom_tool_is_named() {
    let tool = |tool: Value| body(&[function(), tool], json!({}));
    let choice = |choice: Value| body(&[nested()], json!({"tool_choice": choice}));
    for (body, param) in [
        (tool(json!({"type": "custom"})), "tools[1].custom"),
        (tool(json!({"type": "custom", "function": {"name": "f"}})), "tools[1].custom"),
        (tool(json!({"type": "custom", "custom": {}})), "tools[1].custom.name"),
        (tool(json!({"type": "custom", "custom": {"name": ""}})), "tools[1].custom.name"),
        (tool(json!({"type": "custom", "custom": {"name": "f"}})), "tools[1].custom.name"),
        (tool(json!({"type": "custom", "name": "f"})), "tools[1].name"),
        (tool(json!({"type": "custom", "name": "x", "format": {"type": "x"}})), "tools[1].format.type"),
        (
            tool(
                json!({"type": "custom", "custom": {"name": "x", "format": {"type": "grammar", "grammar": {}}}}),
            ),
            "tools[1].custom.format.grammar.syntax",
        ),
        (tool(json!({"type": "mcp", "name": "x"})), "tools[1].type"),
        (choice(json!({"type": "custom"})), "tool_choice.custom.name"),
        (choice(json!({"type": "custom", "custom": {"name": "nobody"}})), "tool_choice.custom.name"),
        (choice(json!({"type": "custom", "name": "nobody"})), "tool_choice.name"),
    ] {
        assert_eq!(refused(&body), (400, json!(param)), "{body}");
    }
}
