//! Tests of the translation of requests.

mod custom;
mod parameters;

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn served() -> Served {
    Served {
        models: serde_json::from_value(json!([
            {"model": "m", "isDefault": true, "supportedReasoningEfforts": [{"reasoningEffort": "low"}]},
            {"model": "plain"},
        ]))
        .unwrap(),
        infos: serde_json::from_value(json!([
            {"model": "plain", "catalogued": true, "supportsVerbosity": false, "serviceTiers": []},
        ]))
        .unwrap(),
        ..Served::default()
    }
}

fn run(body: &Value) -> Result<Chat, ApiError> {
    read(body.to_string().as_bytes(), 10_000)
}

/// As the settings are by default.
const OPTIONS: Options<'_> = Options {
    aliases: &[],
    max_schemas: 10_000,
    max_choices: 5,
    strict: false,
    reasoning: Reasoning::Auto,
    output: OutputMode::OpenAiJson,
    tool_buffer: 1024,
};

/// The whole way of a request, but for its images; its schemas may have so many bytes.
pub(super) fn read(body: &[u8], max_schemas: usize) -> Result<Chat, ApiError> {
    read_with(body, Options { max_schemas, ..OPTIONS })
}

fn read_with(body: &[u8], options: Options<'_>) -> Result<Chat, ApiError> {
    let request = parse(body)?;
    let mut chat = plan(&request, &served(), options)?;
    let urls: Vec<String> = items::images(&request.messages).map(|image| image.url.to_owned()).collect();
    chat.fill(&request.messages, &urls)?;
    Ok(chat)
}

fn sent(body: &Value) -> Vec<Value> {
    run(body)
        .unwrap()
        .plan
        .items
        .iter()
        .flat_map(|line| serde_json::from_slice::<Vec<Value>>(line).unwrap())
        .collect()
}

fn refused(body: &Value) -> (u16, Value) {
    let error = run(body).unwrap_err();
    let envelope: Value = serde_json::from_slice(&error.body()).unwrap();
    (error.status().as_u16(), envelope["error"]["param"].clone())
}

#[test]
fn blocks_are_read_where_a_text_may_call() {
    let reads = |output: OutputMode, more: Value| {
        let function = json!({ "name": "f" });
        let mut body = json!({
            "model": "m",
            "messages": [{ "role": "user", "content": "json" }],
            "tools": [{ "type": "function", "function": function }],
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let chat = read_with(body.to_string().as_bytes(), Options { output, ..OPTIONS }).unwrap();
        assert_eq!(chat.expect.output, output);
        chat.expect.blocks.is_some()
    };
    assert!(reads(OutputMode::TextualTools, json!({})));
    assert!(!reads(OutputMode::OpenAiJson, json!({})));
    assert!(!reads(OutputMode::ObsidianXml, json!({})));
    assert!(!reads(OutputMode::TextualTools, json!({ "tools": null })));
    assert!(!reads(OutputMode::TextualTools, json!({ "tool_choice": "none" })));
    assert!(reads(OutputMode::TextualTools, json!({ "tool_choice": "required" })));
    assert!(!reads(OutputMode::TextualTools, json!({ "response_format": { "type": "json_object" } })));
}

#[test]
fn messages_become_items_in_their_order() {
    let items = sent(&json!({"model": "m", "messages": [
        {"role": "user", "content": "a"},
        {"role": "system", "content": "b"},
        {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": ""}], "name": "x"},
        {"role": "developer", "content": ""},
    ]}));
    let text = |kind: &str, text: &str| json!({"type": kind, "text": text});
    let item = |role: &str, content: Value| json!({"type": "message", "role": role, "content": content});
    assert_eq!(
        items,
        [
            item("user", json!([text("input_text", "a")])),
            item("developer", json!([text("input_text", "b")])),
            item("assistant", json!([text("output_text", "c"), text("output_text", "")])),
            item("developer", json!([text("input_text", "")])),
        ]
    );
}

#[test]
fn a_bad_field_is_named_by_its_path() {
    let message = json!({"role": "user", "content": "x"});
    for (body, status, param) in [
        (json!({"model": "m", "messages": []}), 400, json!("messages")),
        (json!({"model": "m"}), 400, json!("messages")),
        (json!({"messages": [message]}), 400, json!("model")),
        (json!({"model": 3, "messages": [message]}), 400, json!("model")),
        (json!({"model": "m", "messages": "x"}), 400, json!("messages")),
        (
            json!({"model": "m", "messages": [message, {"role": "robot", "content": "x"}]}),
            400,
            json!("messages[1].role"),
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": 7}]}),
            400,
            json!("messages[0].content"),
        ),
        (json!({"model": "m", "messages": [{"role": "user"}]}), 400, json!("messages[0].content")),
        (json!({"model": "m", "messages": [{"content": "x"}]}), 400, json!("messages[0].role")),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": []}]}),
            400,
            json!("messages[0].content"),
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]}),
            400,
            json!("messages[0].content[0].text"),
        ),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
            400,
            json!("messages[0].content[0].image_url"),
        ),
        (
            json!({"model": "m", "messages": [{"role": "tool", "content": "x"}]}),
            400,
            json!("messages[0].tool_call_id"),
        ),
        (json!({"model": "m", "messages": [message], "stream": "yes"}), 400, json!("stream")),
        (json!({"model": "m", "messages": [message], "stream_options": {}}), 400, json!("stream_options")),
        (
            json!({"model": "m", "messages": [message], "reasoning_effort": "huge"}),
            400,
            json!("reasoning_effort"),
        ),
        (json!({"model": "m", "messages": [message], "metadata": {"a": 1}}), 400, json!("metadata.a")),
        (
            json!({"model": "m", "messages": [message], "metadata": {"a": "x".repeat(513)}}),
            400,
            json!("metadata"),
        ),
        (json!({"model": "m", "messages": [message], "user": 1}), 400, json!("user")),
        (json!({"model": "m", "messages": [message], "tools": [{}]}), 400, json!("tools[0].type")),
        (json!({"model": "x", "messages": [message]}), 404, json!("model")),
    ] {
        assert_eq!(refused(&body), (status, param), "{body}");
    }
}

#[test]
fn schemas_are_bounded_together() {
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "string", "description": "x".repeat(5_000)}}});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": schema}});
    let mut body =
        json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [tool("a")]});
    assert!(run(&body).is_ok());
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    assert_eq!(refused(&body), (400, json!("response_format")));
    body["tools"] = json!([tool("a"), tool("b")]);
    assert_eq!(refused(&body), (400, json!("tools")));
    let names: Vec<Value> =
        (0..129).map(|_| json!({"type": "function", "function": {"name": "a"}})).collect();
    let choice = json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": names}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [tool("a")], "tool_choice": choice});
    assert_eq!(refused(&body), (400, json!("tool_choice.allowed_tools.tools")));
}

#[test]
fn what_is_no_json_is_told_by_its_place() {
    for (body, place) in [("", "line 1, column 0"), ("{\"model\":", "line 1, column 9"), ("{} x", "column")] {
        let error = parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.status().as_u16(), 400);
        assert!(error.to_string().contains(place) || body == "{} x", "{error}");
    }
}

#[test]
fn habits_are_ignored_and_named() {
    let chat = run(&json!({
        "model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": 0.2, "n": 1, "seed": null,
        "tools": [], "tool_choice": "auto", "response_format": {"type": "text"}, "max_tokens": 5, "unknown": {},
        "user": "u", "metadata": {"a": "b"}, "stream": true, "stream_options": {"include_usage": true},
        "reasoning_effort": "low",
    }))
    .unwrap();
    assert_eq!(chat.ignored, ["temperature"]);
    assert_eq!(chat.expect.limits.max_tokens, Some(5));
    assert!(chat.stream && chat.include_usage);
    assert_eq!(chat.plan.effort.as_deref(), Some("low"));
}

#[test]
fn long_histories_are_cut_into_lines() {
    let big = "x".repeat(400_000);
    let messages: Vec<Value> =
        (0..10).map(|i| json!({"role": "user", "content": format!("{i}{big}")})).collect();
    let body = json!({"model": "m", "messages": messages});
    let chat = run(&body).unwrap();
    assert!(chat.plan.items.len() > 2 && chat.plan.items.iter().all(|l| l.len() < 2 * items::INJECT_BYTES));
    assert_eq!(sent(&body).len(), 10);
}

proptest! {
    /// Whatever a client sends is a plan or an error, never a panic.
    #[test]
    fn never_panics(body in any_json()) {
        let _any = run(&body);
    }

    #[test]
    fn never_panics_on_bytes(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _any = parse(&body).map(drop);
    }

    /// No content is lost, moved or doubled.
    #[test]
    fn the_texts_arrive_as_they_were_sent(texts in proptest::collection::vec((0usize..4, ".*"), 1..12)) {
        let roles = ["system", "developer", "user", "assistant"];
        let messages: Vec<Value> =
            texts.iter().map(|(role, text)| json!({"role": roles[*role], "content": text})).collect();
        let got: Vec<(String, String)> = sent(&json!({"model": "m", "messages": messages}))
            .iter()
            .map(|i| (i["role"].as_str().unwrap().to_owned(), i["content"][0]["text"].as_str().unwrap().to_owned()))
            .collect();
        let expected: Vec<(String, String)> = texts
            .into_iter()
            .map(|(role, text)| (["developer", "developer", "user", "assistant"][role].to_owned(), text))
            .collect();
        prop_assert_eq!(got, expected);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,6}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("model"),
        Just("messages"),
        Just("role"),
        Just("content"),
        Just("type"),
        Just("text"),
        Just("stream"),
        Just("stream_options"),
        Just("metadata"),
        Just("n"),
        Just("response_format"),
        Just("modalities"),
        Just("stop"),
        Just("reasoning"),
        Just("effort"),
        Just("summary"),
        Just("logit_bias"),
        Just("prediction"),
        Just("temperature"),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}
