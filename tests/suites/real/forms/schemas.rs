//! `response_format: json_schema`.

use super::{asking_for, text};
use crate::{
    support::Stage,
    tools::{adder, calls, owned},
};
use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

fn format(schema: &Value, strict: Option<bool>) -> Value {
    let mut named = json!({"name": "answer", "schema": schema});
    if let Some(strict) = strict {
        named["strict"] = strict.into();
    }
    json!({"type": "json_schema", "json_schema": named})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_schema_goes_up_as_it_is_and_its_text_streams() {
    let stage = Stage::new().await;
    let schema = json!({"type": "object", "properties": {"z": {"type": "string", "pattern": "^a"}, "a": {"type": ["integer", "null"]}},
        "required": ["z", "a"], "additionalProperties": false});
    for stream in [false, true] {
        let written = "{\"z\": \"a\\u00e9\",  \"a\": null}";
        let pieces = gateway_tests::upstream::Pieces::new(written).chars(5);
        let got =
            stage.ask([Reply::new().text(pieces)], &asking_for(&format(&schema, Some(true)), stream)).await;
        assert_eq!(text(&got, stream), written);
        if stream {
            assert!(got.stream().chunks().len() > 4, "it comes in pieces");
        }
    }
    let sent = stage.upstream.requests()[0].json()["text"]["format"].clone();
    assert_eq!(sent["schema"].to_string(), schema.to_string(), "in its order, too");
    assert_eq!((&sent["type"], &sent["strict"]), (&json!("json_schema"), &json!(true)));
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loose_schema_is_made_strict_and_the_answer_loose_again() {
    let stage = Stage::new().await;
    let schema = json!({
        "type": "object",
        "description": "An answer.",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"$ref": "#/definitions/tag"}},
        },
        "required": ["name"],
        "definitions": {"tag": {"type": "object", "properties": {"k": {"type": "string"}}}},
    });
    for (n, strict) in [None, Some(false)].into_iter().enumerate() {
        for stream in [false, true] {
            let written = "{\"name\": \"Ada\", \"age\": null, \"tags\": [{\"k\": null}, {\"k\": \"1e400\"}]}";
            let got =
                stage.ask([Reply::new().text(written)], &asking_for(&format(&schema, strict), stream)).await;
            let back: Value = serde_json::from_str(&text(&got, stream)).expect("JSON");
            assert_eq!(back, json!({"name": "Ada", "tags": [{}, {"k": "1e400"}]}), "{n}");
        }
    }
    let sent = stage.upstream.requests()[0].json()["text"]["format"]["schema"].clone();
    assert_eq!(sent["required"], json!(["name", "age", "tags"]));
    assert!(sent.to_string().contains("minLength"), "the model reads what the schema can't say: {sent:#}");
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_no_object_is_wrapped_and_unwrapped() {
    let stage = Stage::new().await;
    let schema = json!({"type": "array", "items": {"type": "string"}});
    let wrap = |schema: &Value| schema["properties"].as_object().expect("an object").keys().next().cloned();
    let got = stage.ask([Reply::new().text("{}")], &asking_for(&format(&schema, None), false)).await;
    assert_eq!(got.status, 502, "{}", got.shown());
    let name = wrap(&stage.upstream.requests()[0].json()["text"]["format"]["schema"]).expect("a property");
    for stream in [false, true] {
        let written = format!("{{\"{name}\": [\"a\", \"b\"]}}");
        let got = stage.ask([Reply::new().text(written)], &asking_for(&format(&schema, None), stream)).await;
        assert_eq!(text(&got, stream), "[\"a\",\"b\"]");
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn together_with_functions_either_comes() {
    let stage = Stage::new().await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let mut body = asking_for(&format(&schema, None), false);
    body["tools"] = json!([adder("one")]);
    let got = stage.ask([Reply::new().text("{\"a\": null}")], &body).await;
    assert_eq!(got.content(), "{}");
    let got = stage.ask([Reply::new().function_call_as("c", "one", "{\"n\":1}")], &body).await;
    assert_eq!(calls(&got, false), (owned(&[("c", "one", "{\"n\":1}")]), "tool_calls".to_owned()));
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_converted_is_refused_with_its_place() {
    let stage = Stage::new().await;
    let within = |schema: Value| json!({"type": "object", "properties": {"x": schema}, "required": ["x"]});
    let base = "response_format.json_schema";
    for (format, param) in [
        (
            format(&within(json!({"type": "object", "additionalProperties": {"type": "string"}})), None),
            ".schema.properties.x",
        ),
        (format(&within(json!({"$ref": "https://example.com/s"})), None), ".schema.properties.x"),
        (format(&within(json!({"type": "string", "minLength": 2})), Some(true)), ".schema.properties.x"),
        (
            json!({"type": "json_schema", "json_schema": {"name": "a b", "schema": {"type": "object"}}}),
            ".name",
        ),
        (json!({"type": "json_schema", "json_schema": {"name": "a"}}), ".schema"),
        (json!({"type": "json_schema"}), ""),
    ] {
        let got = stage.ask([], &asking_for(&format, false)).await;
        let error = got.json()["error"].clone();
        assert_eq!(got.status, 400, "{format}: {error}");
        let named = error["param"].as_str().expect("a param");
        assert!(named.starts_with(&format!("{base}{param}")), "{named}: {error}");
    }
    let got = stage.ask([], &asking_for(&json!({"type": "xml"}), false)).await;
    assert_eq!(got.json()["error"]["param"], "response_format.type");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_messages_the_last_that_fits_is_the_answer() {
    let stage = Stage::new().await;
    let strict = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": false});
    let loose = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let two = || Reply::new().text("{\"a\":1}").text("{\"a\":2}");
    for format in [format(&strict, Some(true)), format(&loose, None), json!({"type": "json_object"})] {
        assert_eq!(stage.ask([two()], &asking_for(&format, false)).await.content(), "{\"a\":2}", "{format}");
    }
    let got = stage.ask([two()], &asking_for(&format(&loose, None), true)).await;
    assert_eq!(text(&got, true), "{\"a\":2}");
    let (sent, error) =
        stage.ask([two()], &asking_for(&format(&strict, Some(true)), true)).await.stream().broken();
    assert_eq!((sent.as_str(), &error["code"]), ("{\"a\":1}", &json!("upstream_error")));
    stage.check_upstream();
}
