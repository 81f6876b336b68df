//! What a schema for an answer becomes, and the way back.

use super::*;
use serde_json::json;

fn made(schema: Value, level: Level) -> Output {
    convert(&schema, level).unwrap_or_else(|refusal| panic!("{schema}: {refusal}"))
}

/// The converted property `x`, which the client requires.
fn x(x: Value, level: Level) -> Result<Value, Refusal> {
    let schema = json!({"type": "object", "properties": {"x": x}, "required": ["x"],
        "$defs": {"D": {"type": "object", "properties": {"d": {"type": "string"}}, "required": ["d"]}}});
    convert(&schema, level).map(|output| output.schema["properties"]["x"].clone())
}

#[test]
fn a_strict_schema_stays_as_it_is() {
    let schema = json!({"type": "object", "properties": {
        "z": {"description": "d", "type": "string", "pattern": "^a", "format": "date"},
        "a": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": ["integer", "null"], "minimum": 1}},
        "e": {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]},
        "n": {"$ref": "#"},
    }, "required": ["z", "a", "e", "n"], "additionalProperties": false,
    "$defs": {"D": {"type": "object", "properties": {}, "required": [], "additionalProperties": false}}});
    let output = made(schema.clone(), Level::Guaranteed);
    assert_eq!(output.schema, schema);
    assert!(output.is_exact());
    let names: Vec<&String> = output.schema["properties"].as_object().expect("properties").keys().collect();
    assert_eq!(names, ["z", "a", "e", "n"], "in the client's order");
}

#[test]
fn optional_members_are_nullable_and_dropped_again() {
    let schema = json!({"type": "object", "properties": {
        "s": {"type": "string"}, "k": {"enum": ["a", 1]}, "l": {"type": "array", "items": {"type": "string"}},
        "d": {"$ref": "#/$defs/D", "description": "the d"}, "o": {"type": ["string", "null"]}, "r": {"type": "integer"},
    }, "required": ["r"], "$defs": {"D": {"type": "object", "properties": {"in": {"type": "boolean"}}}}});
    let output = made(schema, Level::Guaranteed);
    assert_eq!(
        output.schema,
        json!({"type": "object", "properties": {
            "s": {"type": ["string", "null"]}, "k": {"type": ["string", "integer", "null"], "enum": ["a", 1, null]},
            "l": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
            "d": {"description": "the d", "anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]},
            "o": {"type": ["string", "null"]}, "r": {"type": "integer"},
        }, "required": ["s", "k", "l", "d", "o", "r"], "additionalProperties": false,
        "$defs": {"D": {"type": "object", "properties": {"in": {"type": ["boolean", "null"]}}, "required": ["in"], "additionalProperties": false}}})
    );
    assert!(!output.is_exact());
    let restored =
        output.restore(r#" {"s": null, "k" : null, "l": null, "d": {"in": null}, "o": null, "r": 7} "#);
    assert_eq!(restored.as_deref(), Some(r#"{"d":{},"o":null,"r":7}"#));
}

#[test]
fn numbers_and_strings_are_kept_byte_by_byte() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "array", "items": {"type": "number"}}, "s": {"type": "string"}, "t": {"type": "string"}}});
    let output = made(schema, Level::Guaranteed);
    let answer =
        r#"{"n":[123456789012345678901234567890,1.0,1e400,-0,0.10],"s":"\u00e9\ud83d\ude00\/ é","t":null}"#;
    let wanted = r#"{"n":[123456789012345678901234567890,1.0,1e400,-0,0.10],"s":"\u00e9\ud83d\ude00\/ é"}"#;
    assert_eq!(output.restore(answer).as_deref(), Some(wanted));
}

#[test]
fn what_does_not_fit_is_not_restored() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": ["x"]}}, "required": ["a"]});
    let output = made(schema, Level::Guaranteed);
    for answer in [
        "",
        "{",
        "[]",
        r#"{"a":1}"#,
        r#"{"a":1.5,"b":null}"#,
        r#"{"a":1,"b":"y"}"#,
        r#"{"a":1,"b":null,"c":1}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":null"#,
        r#"{"a":"\ud800","b":null}"#,
        r#"{"a":1,"b":null} x"#,
    ] {
        assert_eq!(output.restore(answer), None, "{answer}");
    }
}

#[test]
fn a_root_that_is_no_object_is_wrapped() {
    for (schema, answer, restored) in [
        (json!({"type": "array", "items": {"type": "string"}}), r#"{"value":["a", "b"]}"#, r#"["a","b"]"#),
        (json!({"type": "string"}), r#"{"value":"a"}"#, r#""a""#),
        (
            json!({"anyOf": [{"type": "object", "properties": {"a": {"type": "null"}}}, {"type": "integer"}]}),
            r#"{"value":{"a":null}}"#,
            r#"{"a":null}"#,
        ),
    ] {
        let output = made(schema.clone(), Level::Guaranteed);
        assert_eq!(output.schema["required"], json!(["value"]), "{schema}");
        assert!(!output.is_exact());
        assert_eq!(output.restore(answer).as_deref(), Some(restored), "{schema}");
        assert_eq!(output.restore(restored), None, "{schema}");
    }
    // The recursion of a wrapped root leads to what is inside.
    let list = json!({"type": ["array", "null"], "items": {"$ref": "#"}});
    let output = made(list, Level::Guaranteed);
    assert_eq!(
        output.schema["properties"]["value"]["anyOf"][1],
        json!({"type": "array", "items": {"$ref": "#/$defs/root"}})
    );
    assert_eq!(output.restore(r#"{"value":[[],null]}"#).as_deref(), Some("[[],null]"));
}

#[test]
fn a_root_that_is_a_reference_is_what_it_refers_to() {
    let schema = json!({"$ref": "#/definitions/T", "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"T": {"type": "object", "properties": {"next": {"$ref": "#/definitions/T"}}}}});
    let output = made(schema, Level::Guaranteed);
    assert_eq!(output.schema["type"], json!("object"));
    assert_eq!(
        output.schema["properties"]["next"],
        json!({"anyOf": [{"$ref": "#/$defs/T"}, {"type": "null"}]})
    );
    let answer = r#"{"next":{"next":{"next":null}}}"#;
    assert_eq!(output.restore(answer).as_deref(), Some(r#"{"next":{"next":{}}}"#));
}

#[test]
fn keywords_that_strict_mode_lacks_are_told_or_refused() {
    for (schema, key) in [
        (json!({"type": "string", "minLength": 2}), "minLength"),
        (json!({"type": "string", "format": "uri"}), "format"),
        (json!({"type": "string", "pattern": "^(?!a)"}), "pattern"),
        (json!({"type": "array", "items": {"type": "null"}, "uniqueItems": true}), "uniqueItems"),
        (json!({"type": "string", "not": {"const": "a"}}), "not"),
        (
            json!({"type": "object", "properties": {"a": {"type": "null"}}, "minProperties": 1}),
            "minProperties",
        ),
        (json!({"type": "array", "prefixItems": [{"type": "string"}], "items": false}), "prefixItems"),
    ] {
        let refusal = x(schema.clone(), Level::Guaranteed).expect_err("refused");
        assert!(refusal.path.starts_with(".properties.x."), "{refusal}");
        let told = x(schema.clone(), Level::BestEffort).expect("told");
        let wanted = serde_json::to_string(&json!({key: schema[key]})).expect("JSON");
        let description = told["description"].as_str().expect("a description");
        assert!(description.contains(wanted.trim_start_matches('{').trim_end_matches('}')), "{told}");
    }
}

#[test]
fn hints_are_told_at_both_levels() {
    let schema = json!({"type": "string", "description": "d", "default": "a", "x-foo": 1, "$comment": "c"});
    for level in [Level::Guaranteed, Level::BestEffort] {
        let told = json!({"description": "d\n\nIts JSON Schema also has: {\"default\":\"a\",\"x-foo\":1}", "type": "string"});
        assert_eq!(x(schema.clone(), level), Ok(told));
    }
}

#[test]
fn what_says_nothing_is_left_out() {
    for schema in [
        json!({"type": "string", "minLength": 0}),
        json!({"type": "string", "minimum": 3}),
        json!({"type": "string", "if": {}, "uniqueItems": false, "minContains": 2}),
    ] {
        assert_eq!(x(schema, Level::Guaranteed), Ok(json!({"type": "string"})));
    }
    let schema = json!({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "minProperties": 1, "maxProperties": 1,
        "dependentRequired": {"a": ["a"]}, "unevaluatedProperties": false, "additionalProperties": true});
    let wanted = json!({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "additionalProperties": false});
    assert_eq!(x(schema, Level::Guaranteed), Ok(wanted));
}

#[test]
fn what_can_not_be_said_is_refused_with_its_place() {
    for (schema, path) in [
        (json!({"type": "object"}), ""),
        (json!({"type": "object", "additionalProperties": {"type": "string"}}), ""),
        (json!({"type": "object", "properties": {}, "additionalProperties": true}), ""),
        (
            json!({"type": "object", "properties": {"a": {"type": "null"}}, "patternProperties": {"^b": {}}}),
            ".patternProperties",
        ),
        (json!({"$ref": "https://a.example/s"}), ".$ref"),
        (json!({"enum": [{"a": 1}]}), ".enum"),
        (json!({"type": "integer", "enum": ["a"]}), ".enum"),
        (json!({"allOf": [{"type": "string"}, {"type": "integer"}]}), ".allOf"),
        (json!(false), ""),
        (json!({"type": "array", "items": {"type": "what"}}), ".items.type"),
        (json!({"type": "number", "minimum": "1"}), ".minimum"),
    ] {
        for level in [Level::Guaranteed, Level::BestEffort] {
            let refusal = x(schema.clone(), level).expect_err("refused");
            assert_eq!(refusal.path, format!(".properties.x{path}"), "{schema}: {refusal}");
        }
    }
    for schema in [json!(true), json!({}), json!({"description": "anything"})] {
        assert_eq!(x(schema.clone(), Level::Guaranteed).expect_err("refused").path, ".properties.x");
        let any = x(schema, Level::BestEffort).expect("narrowed");
        assert_eq!(any["type"], json!(["string", "number", "boolean", "null"]));
    }
    let endless = json!({"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]}, "B": {"allOf": [{"$ref": "#/$defs/A"}]}}});
    assert_eq!(convert(&endless, Level::BestEffort).expect_err("refused").path, ".$defs.A");
}

#[test]
fn what_is_said_together_becomes_one_schema() {
    let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    for (schema, wanted) in [
        (
            json!({"allOf": [{"$ref": "#/$defs/D"}], "description": "t"}),
            json!({"description": "t", "anyOf": [{"$ref": "#/$defs/D"}]}),
        ),
        (
            json!({"$ref": "#/$defs/D", "properties": {"e": {"type": "null"}}, "required": ["e"]}),
            object(json!({"e": {"type": "null"}, "d": {"type": "string"}}), json!(["e", "d"])),
        ),
        (
            json!({"allOf": [{"$ref": "#/$defs/D"}, {"type": "object", "properties": {"d": {"enum": ["a", 1]}}}]}),
            object(json!({"d": {"type": "string", "enum": ["a"]}}), json!(["d"])),
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}, "anyOf": [{"required": ["a", "b"]}, {"type": "string"}]}),
            object(json!({"a": {"type": "null"}, "b": {"type": "null"}}), json!(["a", "b"])),
        ),
    ] {
        assert_eq!(x(schema.clone(), Level::Guaranteed), Ok(wanted), "{schema}");
    }
}

#[test]
fn one_of_is_any_of_where_no_two_can_be_valid() {
    let pets = json!({"oneOf": [{"type": "object", "properties": {"kind": {"const": "cat"}}, "required": ["kind"]},
        {"type": "object", "properties": {"kind": {"const": "dog"}}, "required": ["kind"]}]});
    assert!(x(pets, Level::Guaranteed).expect("distinct").get("anyOf").is_some());
    let overlap = json!({"oneOf": [{"type": "number"}, {"type": "integer"}]});
    assert_eq!(x(overlap.clone(), Level::Guaranteed).expect_err("refused").path, ".properties.x.oneOf");
    let told = x(overlap, Level::BestEffort).expect("told");
    assert!(told["description"].as_str().expect("a description").contains("exactly one"), "{told}");
}

#[test]
fn an_alternative_is_restored_as_the_one_that_it_fits() {
    let schema = json!({"type": "object", "properties": {"x": {"anyOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "string"}}, "required": ["kind"]},
        {"type": "object", "properties": {"kind": {"const": "b"}, "n": {"type": ["string", "null"]}}, "required": ["kind", "n"]},
    ]}}, "required": ["x"]});
    let output = made(schema, Level::Guaranteed);
    for (answer, restored) in [
        (r#"{"x":{"kind":"a","n":null}}"#, r#"{"x":{"kind":"a"}}"#),
        (r#"{"x":{"kind":"b","n":null}}"#, r#"{"x":{"kind":"b","n":null}}"#),
    ] {
        assert_eq!(output.restore(answer).as_deref(), Some(restored));
    }
}

#[test]
fn openais_limits_are_kept() {
    let nested = |levels: usize| {
        (1..levels).fold(
            json!({"type": "object", "properties": {}}),
            |schema, _| json!({"type": "object", "properties": {"a": schema}, "required": ["a"]}),
        )
    };
    made(nested(10), Level::Guaranteed);
    let refusal = convert(&nested(11), Level::BestEffort).expect_err("refused");
    assert_eq!(refusal.path, ".properties.a".repeat(10));
    let wrapped = json!({"anyOf": [nested(10), {"type": "null"}]});
    assert!(convert(&wrapped, Level::Guaranteed).is_err(), "one more level around it");
    let values: Vec<usize> = (0..1001).collect();
    assert_eq!(
        x(json!({"enum": values}), Level::Guaranteed).expect_err("refused").path,
        ".properties.x.enum"
    );
    let wide: serde_json::Map<String, Value> =
        (0..5001).map(|n| (format!("p{n}"), json!({"type": "null"}))).collect();
    let refusal =
        convert(&json!({"type": "object", "properties": wide}), Level::Guaranteed).expect_err("refused");
    assert_eq!(refusal.path, ".properties");
}

/// A small schema that asks for much.
#[test]
fn merging_is_bounded() {
    let pairs = |n: usize| {
        json!({"allOf": [{"$ref": format!("#/$defs/d{n}")}, {"type": "object", "properties": {
        format!("a{n}"): {"$ref": format!("#/$defs/d{n}"), "minProperties": 1}, format!("b{n}"): {"$ref": format!("#/$defs/d{n}"), "maxProperties": 9}}}]})
    };
    let mut definitions: serde_json::Map<String, Value> =
        (0..40).map(|n| (format!("d{}", n + 1), pairs(n))).collect();
    definitions.insert("d0".to_owned(), json!({"type": "object", "properties": {"z": {"type": "null"}}}));
    let schema = json!({"$ref": "#/$defs/d40", "$defs": definitions});
    assert!(convert(&schema, Level::BestEffort).is_err());
    // Many alternatives inside many merges: each takes stack.
    let chain = |n: usize| {
        let merged = json!({"allOf": [{"$ref": format!("#/$defs/d{n}")}, {"minProperties": 0}]});
        (0..12).fold(merged, |schema, _| json!({"anyOf": [schema, {"type": "null"}]}))
    };
    let mut definitions: serde_json::Map<String, Value> =
        (0..60).map(|n| (format!("d{}", n + 1), chain(n))).collect();
    definitions.insert("d0".to_owned(), json!({"type": "object", "properties": {}}));
    let schema = json!({"$ref": "#/$defs/d60", "$defs": definitions});
    assert!(convert(&schema, Level::BestEffort).is_err());
    let own = json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A", "minProperties": 1}}}}});
    assert!(convert(&own, Level::BestEffort).is_err(), "a reference that is merged into itself");
}
