//! What OpenAI would refuse is refused, in its words; what codex sends is not.

use gateway_tests::upstream::{Outcome, Reply};
use serde_json::{Value, json};

use crate::harness::{SOON, asking, read, send, upstream};

fn with(path: &str, value: Value) -> Value {
    let mut body = asking("hi");
    set(&mut body, path, value);
    body
}

fn set(body: &mut Value, path: &str, value: Value) {
    match body.pointer_mut(path) {
        Some(place) => *place = value,
        None => {
            let (parent, key) = path.rsplit_once('/').expect("a pointer");
            body.pointer_mut(parent).expect("its parent")[key] = value;
        }
    }
}

fn input(items: Value) -> Value {
    with("/input", items)
}

fn function(fields: Value) -> Value {
    let mut tool = json!({"type": "function", "name": "get", "strict": false, "parameters": {"type": "object", "properties": {}}});
    for (key, value) in fields.as_object().expect("fields") {
        tool[key] = value.clone();
    }
    tool
}

fn schema(schema: Value) -> Value {
    let format = json!({"type": "json_schema", "name": "n", "strict": true, "schema": schema});
    with("/text", json!({"format": format}))
}

fn property(property: Value) -> Value {
    schema(
        json!({"type": "object", "properties": {"a": property}, "required": ["a"], "additionalProperties": false}),
    )
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "call_id": id, "name": "get", "arguments": "{}"})
}

fn output(id: &str) -> Value {
    json!({"type": "function_call_output", "call_id": id, "output": "x"})
}

fn said(role: &str, kind: &str) -> Value {
    json!([{"type": "message", "role": role, "content": [{"type": kind, "text": "x"}]}])
}

/// A body, the `param` and the `code` of its first problem, and a part of the message.
type Case = (Value, Value, Value, &'static str);

fn top_level() -> Vec<Case> {
    let invalid = json!("invalid_value");
    let mut modelless = asking("hi");
    modelless.as_object_mut().expect("an object").remove("model");
    vec![
        (
            with("/nonsense", json!(1)),
            json!("nonsense"),
            json!("unknown_parameter"),
            "Unknown parameter: 'nonsense'.",
        ),
        (with("/seed", json!(1)), json!("seed"), json!("unknown_parameter"), "'seed'"),
        (modelless, json!("model"), json!("missing_required_parameter"), "'model'"),
        (
            with("/store", json!("no")),
            json!("store"),
            json!("invalid_type"),
            "expected a boolean, but got a string",
        ),
        (with("/tools", json!({})), json!("tools"), json!("invalid_type"), "expected an array"),
        (with("/stream", json!(false)), json!("stream"), json!("unsupported_value"), "streams"),
        (with("/include", json!(["x"])), json!("include[0]"), invalid.clone(), "Invalid value: 'x'"),
        (with("/service_tier", json!("x")), json!("service_tier"), invalid.clone(), "'flex'"),
        (with("/reasoning", json!({"effort": "huge"})), json!("reasoning.effort"), invalid.clone(), "'huge'"),
        (
            with("/reasoning", json!({"x": 1})),
            json!("reasoning.x"),
            json!("unknown_parameter"),
            "reasoning.x",
        ),
        (with("/text", json!({"verbosity": "loud"})), json!("text.verbosity"), invalid.clone(), "'loud'"),
        (
            with("/text", json!({"format": {"type": "x"}})),
            json!("text.format.type"),
            invalid,
            "'json_schema'",
        ),
        (with("/metadata", json!({"k": 1})), json!("metadata.k"), json!("invalid_type"), "expected a string"),
        (
            with("/prompt_cache_key", json!("k".repeat(65))),
            json!("prompt_cache_key"),
            json!("string_above_max_length"),
            "length 65",
        ),
    ]
}

fn items() -> Vec<Case> {
    let invalid = json!("invalid_value");
    let invalid_value = invalid.clone();
    let part = json!("input[0].content[0].type");
    let image = json!([{"role": "user", "content": [{"type": "input_image", "image_url": "nope"}]}]);
    vec![
        (input(json!([])), json!("input"), json!("missing_required_parameter"), "must be provided"),
        (input(json!([{"type": "x"}])), json!("input[0].type"), invalid.clone(), "'x'"),
        (input(json!(["x"])), json!("input[0]"), json!("invalid_type"), "expected an object"),
        (input(said("robot", "input_text")), json!("input[0].role"), invalid.clone(), "'robot'"),
        (input(said("assistant", "input_text")), part.clone(), invalid.clone(), "'output_text', 'refusal'"),
        (input(said("user", "output_text")), part.clone(), invalid.clone(), "'input_text'"),
        (input(said("developer", "text")), part, invalid.clone(), "'text'"),
        (input(image), json!("input[0].content[0].image_url"), invalid.clone(), "valid URL"),
        (
            with("/input/0/name", json!("bob")),
            json!("input[0].name"),
            json!("unknown_parameter"),
            "input[0].name",
        ),
        (with("/input/0/id", json!("x_1")), json!("input[0].id"), invalid, "begins with 'msg'"),
        (
            input(json!([call("c1")])),
            json!("input"),
            Value::Null,
            "No tool output found for function call c1.",
        ),
        (
            input(json!([output("c1")])),
            json!("input"),
            Value::Null,
            "No tool call found for function call output with call_id c1.",
        ),
        (
            input(json!([{"type": "message", "id": "msg_a|b", "role": "user", "content": "x"}])),
            json!("input[0].id"),
            invalid_value.clone(),
            "letters, numbers, underscores, or dashes",
        ),
        (
            input(
                json!([call("c1"), {"type": "function_call_output", "call_id": "c1", "output": "x".repeat(10_485_761)}]),
            ),
            json!("input[1].output"),
            json!("string_above_max_length"),
            "maximum length 10485760",
        ),
        (
            input(json!([call("c1"), output("c1"), call("c1")])),
            json!("input[2]"),
            Value::Null,
            "Duplicate function call with call_id c1",
        ),
        (
            input(json!([call(&"c".repeat(65)), output(&"c".repeat(65))])),
            json!("input[0].call_id"),
            json!("string_above_max_length"),
            "maximum length 64",
        ),
        (input(json!([output("c1"), call("c1")])), json!("input"), Value::Null, "No tool call found"),
        (
            input(json!([call("c1"), output("c1"), output("c1")])),
            json!("input[2]"),
            Value::Null,
            "Duplicate function call output",
        ),
    ]
}

fn tools() -> Vec<Case> {
    let invalid = json!("invalid_value");
    let parameters = json!("tools[0].parameters");
    let code = json!("invalid_function_parameters");
    let loose = |schema: Value| with("/tools", json!([function(json!({"parameters": schema}))]));
    let strict = json!({"strict": true, "parameters": {"type": "object", "properties": {}}});
    vec![
        (with("/tools", json!([{"type": "x"}])), json!("tools[0].type"), invalid.clone(), "'function'"),
        (
            with("/tools", json!([function(json!({"name": "a b"}))])),
            json!("tools[0].name"),
            invalid.clone(),
            "pattern",
        ),
        (
            with("/tools", json!([function(json!({"name": "n".repeat(65)}))])),
            json!("tools[0].name"),
            json!("string_above_max_length"),
            "length 65",
        ),
        (
            with("/tools", json!([function(json!({})), function(json!({}))])),
            json!("tools[1].name"),
            invalid,
            "'get'",
        ),
        (loose(json!({"type": "string"})), parameters.clone(), code.clone(), "type: \"object\""),
        (
            loose(json!({"type": "object", "properties": {"a": {"type": "array"}}})),
            parameters.clone(),
            code.clone(),
            "In context=('properties', 'a'), array schema missing items",
        ),
        (with("/tools", json!([function(strict)])), parameters, code, "'additionalProperties'"),
        (with("/tool_choice", json!("required")), json!("tool_choice"), Value::Null, "must be specified"),
        (
            with("/tool_choice", json!({"type": "function", "name": "x"})),
            json!("tool_choice"),
            Value::Null,
            "not found",
        ),
    ]
}

/// Schemas that are none, in a function that isn't strict, and a part of what is said of each.
fn loose() -> Vec<Case> {
    let of = |x: Value| json!({"type": "object", "properties": {"x": x}});
    let bad = [
        (json!({"type": "object", "anyOf": [{"required": ["a"]}]}), "at the top level"),
        (json!({"type": "object", "not": {}}), "at the top level"),
        (json!({"type": "object", "properties": []}), "'properties' is not of type 'object'"),
        (of(json!({"type": "any"})), "\"any\" is not valid under any of the given schemas"),
        (of(json!({"type": "string", "required": true})), "'required': true is not of type 'array'"),
        (of(json!({"type": "array", "items": [{"type": "string"}]})), "is not of type 'object', 'boolean'"),
        (of(json!({"anyOf": [{"type": "array"}]})), "'anyOf', '0'), array schema missing items"),
        (of(json!({"type": "object", "additionalProperties": {"type": ["array", "null"]}})), "missing items"),
        (of(json!({"enum": []})), "'enum'"),
        (of(json!({"oneOf": []})), "'oneOf' should be non-empty"),
        (of(json!({"type": "string", "minLength": "1"})), "'minLength': \"1\" is not of type 'integer'"),
        (of(json!({"$ref": "#/$defs/none"})), "not found in the schema"),
        (of(json!({"$ref": "https://a.example/s"})), "not found in the schema"),
    ];
    let place = |(schema, text)| {
        let body = with("/tools", json!([function(json!({"parameters": schema}))]));
        (body, json!("tools[0].parameters"), json!("invalid_function_parameters"), text)
    };
    bad.into_iter().map(place).collect()
}

fn schemas() -> Vec<Case> {
    let object = |fields: Value| {
        let mut schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
        for (key, value) in fields.as_object().expect("fields") {
            schema[key] = value.clone();
        }
        schema
    };
    let long = |count: usize, length: usize| -> Vec<String> {
        (0..count).map(|n| format!("{n:0length$}")).collect()
    };
    let mut deep = json!({"type": "string"});
    for _ in 0..10 {
        deep = object(json!({"properties": {"a": deep}}));
    }
    let bad = [
        (schema(json!({"type": "array", "items": {"type": "string"}})), "type: \"object\""),
        (schema(object(json!({"additionalProperties": true}))), "'additionalProperties' is required"),
        (schema(object(json!({"required": []}))), "Missing 'a'"),
        (schema(object(json!({"required": ["a", "b"]}))), "Extra required key 'b'"),
        (property(object(json!({"required": []}))), "In context=('properties', 'a'), 'required'"),
        (property(json!({"type": "string", "minLength": 1})), "'minLength' is not permitted"),
        (property(json!({"type": "string", "default": "x"})), "'default' is not permitted"),
        (property(json!({"oneOf": [{"type": "string"}]})), "'oneOf' is not permitted"),
        (property(json!({"allOf": [{"type": "string"}]})), "'allOf' is not permitted"),
        (property(json!({"type": "string", "format": "uri"})), "'uri' is not a valid format"),
        (property(json!({"description": "any"})), "schema must have a 'type' key"),
        (property(json!({"type": "text"})), "\"text\" is not valid"),
        (property(json!({"type": "array"})), "array schema missing items"),
        (property(json!({"anyOf": [{"type": "object", "properties": {}}]})), "'anyOf', '0'"),
        (property(json!({"$ref": "#/$defs/none"})), "not found"),
        (property(json!({"$ref": "#", "description": "x"})), "$ref cannot have keywords"),
        (schema(deep), "levels of nesting"),
        (schema(object(json!({"anyOf": [{"type": "object"}]}))), "at the top level"),
        (property(json!({"anyOf": []})), "'anyOf' should be non-empty"),
        (property(json!({"type": []})), "not valid under any"),
        (property(json!({"type": "string", "enum": ["a", 1]})), "enum value 1 does not validate"),
        (property(json!({"type": "string", "minimum": "1"})), "'minimum': \"1\" is not of type 'number'"),
        (property(json!({"type": "string", "enum": long(251, 60)})), "more than 250 values"),
        (property(json!({"type": "string", "enum": long(250, 481)})), "more than 120000 characters"),
        (property(json!({"type": "string", "enum": long(1001, 4)})), "more than 1000 enum values"),
    ];
    let place = |(body, text)| (body, json!("text.format.schema"), json!("invalid_json_schema"), text);
    bad.into_iter().map(place).collect()
}

#[tokio::test]
async fn what_openai_refuses_is_refused() {
    let upstream = upstream(|_: &_| Reply::new()).await;
    let cases: Vec<Case> = [top_level(), items(), tools(), loose(), schemas()].concat();
    for (seq, (body, param, code, text)) in (0..).zip(cases) {
        let got = read(send(&upstream, &body).await.expect("an answer")).await;
        assert_eq!(got.status, 400, "{body}");
        let error = &got.json()["error"];
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(text), "{message} for {body}");
        assert_eq!((&error["param"], &error["code"]), (&param, &code), "{message}");
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(upstream.outcome(seq), Some(Outcome::Refused));
        let request = upstream.wait_request(seq, SOON).await.expect("it is remembered");
        assert!(request.problems[0].contains(text), "{:?}", request.problems);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let upstream = upstream(|_: &_| Reply::new()).await;
    let url = format!("{}/responses", upstream.base_url());
    let response = reqwest::Client::new().post(url).body("{\"model\":").send().await.expect("an answer");
    let got = read(response).await;
    assert_eq!(got.status, 400);
    assert!(got.text().contains("could not parse the JSON body"));
    assert_eq!(upstream.problems().len(), 1);
}

/// The shape of a request of codex 0.169.0 with everything in it.
fn from_codex() -> Value {
    let image = "data:image/png;base64,iVBORw0KGgo=";
    json!({
        "model": "gpt-5.5",
        "stream": true,
        "service_tier": "flex",
        "input": [
            {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "be nice"}]},
            {"type": "message", "id": "msg_2", "role": "user", "content": [
                {"type": "input_text", "text": "hi"},
                {"type": "input_image", "image_url": image, "detail": "original"},
            ]},
            {"type": "message", "id": "msg_3", "role": "assistant", "content": [{"type": "output_text", "text": ""}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "think"}],
             "content": [{"type": "reasoning_text", "text": "raw"}], "encrypted_content": "gAAA"},
            {"type": "function_call", "id": "fc_1", "status": "completed", "name": "get", "arguments": "{}", "call_id": "c0"},
            {"type": "function_call_output", "id": "fco_1", "call_id": "c0", "output": [{"type": "input_text", "text": "out"}]},
        ],
        "tools": [{"type": "function", "name": "get", "description": "d", "strict": false,
                   "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "reasoning": {"effort": "high", "summary": "auto"},
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "01a1fc3c-7aa8-7f91-b875-357631dafd87",
        "client_metadata": {"thread_id": "01a1fc3c-7aa8-7f91-b875-357631dafd87"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", "strict": true, "name": "codex_output_schema",
            "schema": {"type": "object", "properties": {"a": {"type": ["string", "null"]}, "b": {"$ref": "#/$defs/b"}},
                       "required": ["a", "b"], "additionalProperties": false,
                       "$defs": {"b": {"anyOf": [{"enum": ["x", 1]}, {"type": "array", "items": {"$ref": "#"}}]}}}}},
    })
}

#[tokio::test]
async fn what_codex_sends_is_good() {
    let upstream = upstream(|_: &_| Reply::new()).await;
    let mut plain = asking("hi");
    plain["instructions"] = Value::Null;
    plain["tools"] = json!([{"type": "web_search"}]);
    for body in [from_codex(), plain, input(json!([{"role": "user", "content": "hi"}]))] {
        let got = read(send(&upstream, &body).await.expect("an answer")).await;
        assert_eq!(got.status, 200, "{}", got.text());
    }
    assert_eq!(upstream.problems(), [""; 0]);
}
