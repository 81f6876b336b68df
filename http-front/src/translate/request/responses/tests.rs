//! Tests of the conversion.

use super::*;

fn converted(body: Value) -> Value {
    let refused = ApiError::invalid("messages", "missing");
    serde_json::from_slice(&convert(body.to_string().as_bytes(), refused).unwrap().body).unwrap()
}

fn refused(body: Value) -> (String, String) {
    let error = convert(body.to_string().as_bytes(), ApiError::invalid("messages", "missing")).unwrap_err();
    (error.param().unwrap_or_default().to_owned(), error.to_string())
}

#[test]
fn a_conversation_with_calls_and_images() {
    let body = json!({"model": "m", "instructions": "Be brief.", "max_output_tokens": 9, "user": "u",
    "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": true}},
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"},
            {"type": "input_image", "image_url": "data:x", "detail": "low"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
        {"type": "function_call", "id": "fc", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": ""},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "two"}]},
        {"type": "function_call", "call_id": "c3", "name": "f", "arguments": "{}"},
    ]});
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    assert_eq!(
        converted(body),
        json!({"model": "m", "user": "u",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "hi"},
                {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}}]},
            {"role": "assistant", "content": [{"type": "text", "text": "a", "annotations": []}],
                "tool_calls": [call("c1", "f", "{}"), call("c2", "g", "")]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
            {"role": "assistant", "content": null, "tool_calls": [call("c3", "f", "{}")]},
        ],
        "verbosity": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}},
        "max_completion_tokens": 9})
    );
    assert_eq!(converted(json!({"input": "hi"})), json!({"messages": [{"role": "user", "content": "hi"}]}));
}

#[test]
fn what_is_no_such_body_is_refused_as_before() {
    for body in ["{}", "[]", "nothing", r#"{"input":null}"#] {
        let error = convert(body.as_bytes(), ApiError::invalid("messages", "missing")).unwrap_err();
        assert_eq!((error.param(), error.to_string().as_str()), (Some("messages"), "missing"), "{body}");
    }
    let other = ApiError::invalid("model", "missing");
    assert_eq!(convert(br#"{"input":"x"}"#, other).unwrap_err().param(), Some("model"));
}

#[test]
fn what_a_chat_body_cant_say_is_named() {
    for (body, param) in [
        (json!({"input": 7}), "input"),
        (json!({"input": [7]}), "input[0]"),
        (json!({"input": [{"type": "item_reference", "id": "x"}]}), "input[0].type"),
        (json!({"input": [{"type": 1}]}), "input[0].type"),
        (json!({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}), "input[0].call_id"),
        (json!({"input": [{"type": "function_call_output", "output": "x"}]}), "input[0].call_id"),
        (
            json!({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}),
            "input[0].content[0].image_url",
        ),
        (json!({"input": [{"role": "user", "content": [3]}]}), "input[0].content[0]"),
        (json!({"input": "x", "previous_response_id": "r"}), "previous_response_id"),
        (json!({"input": "x", "background": true}), "background"),
        (json!({"input": "x", "text": "y"}), "text"),
        (json!({"input": "x", "instructions": []}), "instructions"),
    ] {
        assert_eq!(refused(body.clone()).0, param, "{body}");
    }
}

#[test]
fn fields_are_those_that_the_client_sent() {
    let body = json!({"instructions": "s", "input": [
        {"role": "user", "content": "x"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "g", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "x"},
        {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "x"},
    ], "max_output_tokens": 1, "text": {"verbosity": "low", "format": {"type": "text"}}});
    let paths = convert(body.to_string().as_bytes(), ApiError::invalid("messages", "")).unwrap().paths;
    for (chat, sent) in [
        ("messages", "input"),
        ("messages[0].content", "instructions"),
        ("messages[1].content[0].type", "input[0].content[0].type"),
        ("messages[1].content[2].image_url.url", "input[0].content[2].image_url"),
        ("messages[2].tool_calls[1].function.name", "input[2].name"),
        ("messages[3].tool_call_id", "input[3].call_id"),
        ("messages[3].content", "input[3].output"),
        ("messages[3].content[0].image_url.url", "input[3].output[0].image_url"),
        ("messages[4].tool_calls[0].custom.name", "input[4].name"),
        ("max_completion_tokens", "max_output_tokens"),
        ("response_format.json_schema.schema.x", "text.format.schema.x"),
        ("response_format.type", "text.format.type"),
        ("verbosity", "text.verbosity"),
        ("tools[0].parameters", "tools[0].parameters"),
    ] {
        assert_eq!(paths.tell(ApiError::invalid(chat, "")).param(), Some(sent), "{chat}");
    }
}

#[test]
fn messages_name_what_the_client_sent() {
    let told = |body: Value, param: &str, message: &'static str| {
        let paths = convert(body.to_string().as_bytes(), ApiError::invalid("messages", "")).unwrap().paths;
        paths.tell(ApiError::invalid(param, message)).to_string()
    };
    let most = json!({"input": "x", "max_output_tokens": 1});
    let different = "`max_tokens` and `max_completion_tokens` are different.";
    assert_eq!(told(most, "max_tokens", different), "`max_tokens` and `max_output_tokens` are different.");
    assert_eq!(
        told(json!({"input": "x"}), "max_completion_tokens", "`max_completion_tokens`"),
        "`max_completion_tokens`"
    );
    let output = json!({"input": [{"type": "function_call_output", "call_id": "a", "output": {}}]});
    assert_eq!(told(output.clone(), "messages[0].content", "`content` is wrong"), "`output` is wrong");
    let place = "`messages[0].content[1].image_url.detail` has no effect";
    let detail = "messages[0].content[1].image_url.detail";
    assert_eq!(told(output.clone(), detail, place), "`input[0].output[1].detail` has no effect");
    assert_eq!(told(output, "messages", "`messages` and `content`"), "`input` and `content`");
}

#[test]
fn calls_of_custom_tools_and_their_results() {
    let item = |item: Value| json!({"input": [item]});
    let call =
        |call: Value| json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [call]}]});
    assert_eq!(
        converted(item(
            json!({"type": "custom_tool_call", "call_id": "c", "name": "p", "input": "*** x", "id": "ctc"})
        )),
        call(json!({"id": "c", "type": "custom", "custom": {"name": "p", "input": "*** x"}}))
    );
    assert_eq!(
        converted(item(json!({"type": "custom_tool_call_output", "call_id": "c", "output": "Done."}))),
        json!({"messages": [{"role": "tool", "tool_call_id": "c", "content": "Done."}]})
    );
    assert_eq!(
        refused(item(json!({"type": "custom_tool_call", "call_id": "c", "name": "p", "arguments": "x"}))).0,
        "input[0].input"
    );
}

#[test]
fn a_null_is_absent() {
    let hi = json!({"messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(converted(json!({"messages": null, "input": "hi"})), hi);
    assert_eq!(converted(json!({"input": "hi", "include": null, "max_output_tokens": null})), hi);
    let both = json!({"input": "hi", "max_output_tokens": 7, "max_completion_tokens": null});
    assert_eq!(converted(both)["max_completion_tokens"], 7);
}

#[test]
fn what_cannot_be_included_or_told_apart_is_refused() {
    let include = |include: Value| json!({"input": "hi", "include": include});
    let sent = include(json!(["reasoning.encrypted_content"]));
    assert_eq!(converted(sent), json!({"messages": [{"role": "user", "content": "hi"}]}));
    for (body, param) in [
        (include(json!(["reasoning.encrypted_content", "message.output_text.logprobs"])), "include[1]"),
        (include(json!("message.output_text.logprobs")), "include"),
        (include(json!([7])), "include"),
        (json!({"input": "hi", "max_output_tokens": 7, "max_completion_tokens": 8}), "max_completion_tokens"),
    ] {
        assert_eq!(refused(body.clone()).0, param, "{body}");
    }
}
