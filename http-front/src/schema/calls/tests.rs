//! The schema of an answer that calls, and the calls of an answer.

use super::*;

fn weather() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string", "description": "d", "minLength": 1}, "unit": {"$ref": "#/$defs/U"}},
        "required": ["city"], "$defs": {"U": {"enum": ["c", "f"]}}})
}

fn tree() -> Value {
    json!({"type": "object", "properties": {"child": {"$ref": "#"}, "unit": {"$ref": "#/$defs/U"}}, "$defs": {"U": {"type": "string"}}})
}

fn made(tools: &[(&str, Value)], many: bool) -> Result<Calls, (usize, Refusal)> {
    let tools: Vec<Callable<'_>> =
        tools.iter().map(|(name, parameters)| Callable { name, parameters }).collect();
    convert(&tools, many)
}

#[test]
fn one_call_of_one_function() {
    let calls = made(&[("weather", weather())], false).expect("converted");
    assert_eq!(
        calls.schema,
        json!({"type": "object", "properties": {
            "name": {"type": "string", "enum": ["weather"]},
            "arguments": {"type": "object", "properties": {"city": {"type": "string"},
                "unit": {"anyOf": [{"$ref": "#/$defs/weather.U"}, {"type": "null"}]}}, "required": ["city", "unit"], "additionalProperties": false},
        }, "required": ["name", "arguments"], "additionalProperties": false,
        "$defs": {"weather.U": {"type": "string", "enum": ["c", "f"]}}})
    );
    let read = calls.read(r#"{"name":"weather","arguments":{"city":"\u00d6","unit":null}}"#);
    assert_eq!(read, Some(vec![(0, r#"{"city":"\u00d6"}"#.to_owned())]));
}

#[test]
fn many_calls_of_several_functions() {
    let tools = [("weather", weather()), ("tree", tree()), ("now", json!({"type": "object"}))];
    let calls = made(&tools, true).expect("converted");
    assert_eq!(calls.schema["properties"]["calls"]["minItems"], json!(1));
    let names: Vec<&String> = calls.schema["$defs"].as_object().expect("definitions").keys().collect();
    assert_eq!(names, ["weather.U", "tree.root", "tree.U"]);
    let answer = r#"{"calls":[{"name":"now","arguments":{}},{"arguments":{"child":{"child":null,"unit":"u"},"unit":null},"name":"tree"}]}"#;
    let wanted = vec![(2, "{}".to_owned()), (1, r#"{"child":{"unit":"u"}}"#.to_owned())];
    assert_eq!(calls.read(answer), Some(wanted));
    let one = made(&tools, false).expect("converted");
    assert_eq!(one.read(r#"{"call":{"name":"now","arguments":{}}}"#), Some(vec![(2, "{}".to_owned())]));
}

#[test]
fn what_is_no_call_is_not_read() {
    let calls = made(&[("weather", weather()), ("now", json!({}))], true).expect("converted");
    for answer in [
        r#"{"calls":[]}"#,
        r#"{"calls":[{"name":"other","arguments":{}}]}"#,
        r#"{"calls":[{"name":"now","arguments":[]}]}"#,
        r#"{"calls":[{"name":"now","arguments":"{}"}]}"#,
        r#"{"calls":[{"name":"now","arguments":{}},{"name":"weather","arguments":{}}]}"#,
        r#"{"calls":[{"name":"now","arguments":{},"more":1}]}"#,
        r#"{"calls":[{"name":"now","name":"now"}]}"#,
        r#"{"calls":[{"name":"now","argum"#,
        "I can't do that.",
    ] {
        assert_eq!(calls.read(answer), None, "{answer}");
    }
}

#[test]
fn a_function_that_can_not_be_said_is_named() {
    let map = json!({"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "string"}}}});
    let (number, refusal) = made(&[("now", json!({})), ("set", map)], true).expect_err("refused");
    assert_eq!((number, refusal.path.as_str()), (1, ".properties.m"));
    let (number, refusal) =
        made(&[("now", json!({})), ("set", json!({"type": "string"}))], true).expect_err("refused");
    assert_eq!((number, refusal.path.as_str()), (1, ""));
    let deep = (0..8).fold(json!({"type": "string"}), |schema, _| json!({"type": "array", "items": schema}));
    let deep = json!({"type": "object", "properties": {"a": deep}});
    assert!(made(&[("f", deep.clone())], true).is_err());
    let in_definition = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/D"}}, "$defs": {"D": {"type": "object"}}});
    let (number, refusal) = made(&[("now", json!({})), ("f", in_definition)], false).expect_err("refused");
    assert_eq!((number, refusal.path.as_str()), (1, ".$defs.D"));
}
