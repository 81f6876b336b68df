//! Schemas and answers that ask for much more work than they are long.

use super::*;
use crate::schema::tool::carried;
use serde_json::json;

fn refused(schema: &Value) -> Refusal {
    convert(schema, Level::BestEffort).expect_err("refused")
}

#[test]
fn a_tuple_has_as_many_kinds_as_an_any_of() {
    let parts =
        |count: usize| -> Value { (0..count).map(|i| json!({"type": "integer", "minimum": i})).collect() };
    let tuple = |count| json!({"type": "array", "prefixItems": parts(count), "items": false});
    assert_eq!(refused(&tuple(19_000)).path, ".prefixItems");
    assert!(convert(&tuple(500), Level::BestEffort).is_ok());
    let listed: Value = (0..19_000).map(|i| json!({"enum": [i]})).collect();
    let of_listed = json!({"type": "array", "prefixItems": listed, "items": false});
    let carried =
        carried(&json!({"type": "object", "properties": {"x": of_listed}}), false).expect("carried");
    assert_eq!(carried.schema["properties"]["x"]["items"], json!({}));
    let nested = json!({"anyOf": [{"anyOf": parts(300)}, {"anyOf": parts(300)}]});
    assert_eq!(refused(&nested).path, ".anyOf");
}

#[test]
fn a_value_that_is_listed_often_is_one() {
    let values: Vec<usize> = (0..1000).chain(std::iter::repeat_n(999, 100_000)).collect();
    let output = convert(&json!({"enum": values}), Level::Guaranteed).expect("converted");
    assert_eq!(output.schema["properties"]["value"]["enum"].as_array().map(Vec::len), Some(1000));
}

#[test]
fn a_large_definition_is_not_merged_again_and_again() {
    let names: Vec<String> = (0..15_000).map(|name| format!("n{name}")).collect();
    let branches = |count| vec![json!({"$ref": "#/$defs/D"}); count];
    for count in [30, 400] {
        let root = json!({"type": "object", "allOf": branches(count), "$defs": {"D": {"required": names}}});
        let carried = carried(&root, false).expect("carried");
        assert_eq!(carried.schema.get("required"), None, "{count}");
        assert!(carried.told.is_some_and(|told| told.contains("allOf")), "{count}");
    }
    // A chain of references copies what is at its end at each step.
    let mut root = json!({"$ref": "#/$defs/0", "minProperties": 0, "$defs": {}});
    for at in 0..30 {
        root["$defs"][at.to_string()] = json!({"$ref": format!("#/$defs/{}", at + 1), "minProperties": 0});
    }
    root["$defs"]["30"] = json!({"type": "object", "required": names});
    let refusal = refused(&root);
    assert!(refusal.message.contains("too much"), "{refusal}");
}

#[test]
fn the_schema_of_other_members_is_not_copied_for_each() {
    let names: Vec<String> = (0..4000).map(|name| format!("n{name}")).collect();
    let other = json!({"type": "string", "description": "d".repeat(100_000)});
    let refusal = refused(&json!({"type": "object", "required": names, "additionalProperties": other}));
    assert!(refusal.message.contains("too much"), "{refusal}");
}

#[test]
fn an_answer_is_not_read_for_ever() {
    // Each of the four leads to the same depths, where the last element is wrong.
    let nested = |levels: usize| {
        let leaf = json!({"type": "object", "properties": {"l": {"type": "array", "items": {"type": "integer"}}},
            "required": ["l"], "additionalProperties": false});
        (0..levels).fold(leaf, |schema, _| {
            let ways: Vec<Value> = (0..4)
                .map(|way| {
                    json!({"type": "object", "description": way.to_string(), "properties": {"a": schema},
                    "required": ["a"], "additionalProperties": false})
                })
                .collect();
            json!({"anyOf": ways})
        })
    };
    let answer = |levels: usize, last: &str| {
        let list = format!(r#"{{"l":[{}{last}]}}"#, "1,".repeat(25_000));
        let inner = (0..levels).fold(list, |inner, _| format!(r#"{{"a":{inner}}}"#));
        format!(r#"{{"value":{inner}}}"#)
    };
    let output = convert(&nested(5), Level::BestEffort).expect("converted");
    assert!(output.restore(&answer(5, "1")).is_some());
    assert_eq!(output.restore(&answer(5, "true")), None);
    let names: Vec<String> = (0..3000).map(|name| format!("n{name}")).collect();
    let members: crate::schema::Object =
        names.iter().map(|name| (name.clone(), json!({"type": "null"}))).collect();
    let many =
        convert(&json!({"type": "object", "properties": members}), Level::Guaranteed).expect("converted");
    let backwards: Vec<String> = names.iter().rev().map(|name| format!("\"{name}\":null")).collect();
    assert!(many.restore(&format!("{{{}}}", backwards.join(","))).is_some());
}
