//! The samples.

use super::Sample;
use serde_json::{Value, json};

/// The schema in hand is the property `x`.
const X: &str = "/properties/x";

pub(super) fn all() -> Vec<Sample> {
    [core(), types(), strings_and_numbers(), arrays(), objects(), combined(), hints()].concat()
}

/// An object's schema that has `x` for its property.
fn around(x: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {"x": x},
        "required": ["x"],
        "additionalProperties": false,
        "$defs": {"D": {"type": "object", "properties": {"d": {"type": "string"}}, "required": ["d"], "additionalProperties": false}},
    })
}

fn x(keyword: &'static str, x: Value) -> Sample {
    case(keyword, "", x)
}

fn case(keyword: &'static str, case: &'static str, x: Value) -> Sample {
    Sample { keyword, case, schema: around(&x), at: X }
}

/// A keyword of the whole schema.
fn whole(keyword: &'static str, value: Value, x: &Value) -> Sample {
    let mut schema = around(x);
    schema[keyword] = value;
    Sample { keyword, case: "", schema, at: "" }
}

fn core() -> Vec<Sample> {
    let string = json!({"type": "string"});
    vec![
        whole("$schema", json!("https://json-schema.org/draft/2020-12/schema"), &string),
        whole("$vocabulary", json!({"https://json-schema.org/draft/2020-12/vocab/core": true}), &string),
        whole("$id", json!("https://a.example/s"), &string),
        x("$anchor", json!({"$anchor": "here", "type": "string"})),
        x("$dynamicAnchor", json!({"$dynamicAnchor": "here", "type": "string"})),
        case("$ref", "to a definition", json!({"$ref": "#/$defs/D"})),
        case("$ref", "to the whole", json!({"$ref": "#"})),
        case("$ref", "to another place", json!({"$ref": "#/$defs/D/properties/d"})),
        case("$ref", "that leads nowhere", json!({"$ref": "https://a.example/s"})),
        x("$dynamicRef", json!({"$dynamicRef": "#here", "type": "string"})),
        x("$recursiveRef", json!({"$recursiveRef": "#", "type": "string"})),
        whole("$defs", json!({"E": {"type": "string"}}), &json!({"$ref": "#/$defs/E"})),
        whole("definitions", json!({"E": {"type": "string"}}), &json!({"$ref": "#/definitions/E"})),
        x("$comment", json!({"$comment": "for authors", "type": "string"})),
        case("", "the schema `true`", json!(true)),
        case("", "the schema `false`", json!(false)),
    ]
}

fn types() -> Vec<Sample> {
    vec![
        x("type", json!({"type": "string"})),
        case("type", "several", json!({"type": ["string", "null"]})),
        case("type", "an object without `properties`", json!({"type": "object"})),
        case("type", "an array without `items`", json!({"type": "array"})),
        x("enum", json!({"type": "string", "enum": ["a", "b"]})),
        case("enum", "without `type`", json!({"enum": ["a", 1, null]})),
        case("enum", "of objects", json!({"enum": [{"a": 1}]})),
        x("const", json!({"const": 5})),
        x("nullable", json!({"type": "string", "nullable": true})),
    ]
}

fn strings_and_numbers() -> Vec<Sample> {
    vec![
        x("pattern", json!({"type": "string", "pattern": "^a+$"})),
        case("pattern", "with a look-around", json!({"type": "string", "pattern": "^(?!b)"})),
        x("format", json!({"type": "string", "format": "date-time"})),
        case("format", "other than OpenAI's", json!({"type": "string", "format": "uri"})),
        x("minLength", json!({"type": "string", "minLength": 2})),
        x("maxLength", json!({"type": "string", "maxLength": 8})),
        x("minimum", json!({"type": "number", "minimum": 1})),
        x("maximum", json!({"type": "number", "maximum": 9})),
        x("exclusiveMinimum", json!({"type": "number", "exclusiveMinimum": 1})),
        x("exclusiveMaximum", json!({"type": "number", "exclusiveMaximum": 9})),
        x("multipleOf", json!({"type": "integer", "multipleOf": 5})),
    ]
}

fn arrays() -> Vec<Sample> {
    let of_strings = |key: &'static str, value: Value| {
        let mut schema = json!({"type": "array", "items": {"type": "string"}});
        schema[key] = value;
        x(key, schema)
    };
    vec![
        x("items", json!({"type": "array", "items": {"type": "string"}})),
        case(
            "items",
            "an array",
            json!({"type": "array", "items": [{"type": "string"}, {"type": "number"}], "additionalItems": false}),
        ),
        x(
            "additionalItems",
            json!({"type": "array", "items": [{"type": "string"}], "additionalItems": false}),
        ),
        x(
            "prefixItems",
            json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": false}),
        ),
        of_strings("minItems", json!(1)),
        of_strings("maxItems", json!(3)),
        of_strings("uniqueItems", json!(true)),
        of_strings("contains", json!({"const": "a"})),
        x(
            "minContains",
            json!({"type": "array", "items": {"type": "string"}, "contains": {"const": "a"}, "minContains": 2}),
        ),
        x(
            "maxContains",
            json!({"type": "array", "items": {"type": "string"}, "contains": {"const": "a"}, "maxContains": 2}),
        ),
        of_strings("unevaluatedItems", json!(false)),
    ]
}

fn objects() -> Vec<Sample> {
    let with = |key: &'static str, value: Value| {
        let mut schema = json!({
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": false,
        });
        schema[key] = value;
        schema
    };
    let of_two = |key: &'static str, value: Value| x(key, with(key, value));
    vec![
        case("properties", "all required", with("required", json!(["a", "b"]))),
        case("properties", "not all required", with("required", json!(["a"]))),
        case("required", "all", with("required", json!(["a", "b"]))),
        case("required", "some", with("required", json!(["a"]))),
        case("additionalProperties", "`false`", with("additionalProperties", json!(false))),
        case("additionalProperties", "`true`", with("additionalProperties", json!(true))),
        case("additionalProperties", "a schema", with("additionalProperties", json!({"type": "string"}))),
        case(
            "additionalProperties",
            "a map",
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
        ),
        of_two("patternProperties", json!({"^x-": {"type": "string"}})),
        of_two("propertyNames", json!({"maxLength": 9})),
        of_two("minProperties", json!(2)),
        of_two("maxProperties", json!(1)),
        of_two("dependentRequired", json!({"a": ["b"]})),
        of_two("dependentSchemas", json!({"a": {"required": ["b"]}})),
        of_two("dependencies", json!({"a": ["b"]})),
        of_two("unevaluatedProperties", json!(false)),
    ]
}

fn combined() -> Vec<Sample> {
    let parts = json!([{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}]);
    vec![
        x("anyOf", json!({"anyOf": [{"type": "string"}, {"type": "null"}]})),
        case(
            "oneOf",
            "told apart by type or a constant",
            json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        ),
        case("oneOf", "not told apart", json!({"oneOf": [{"type": "number"}, {"type": "integer"}]})),
        case("allOf", "of objects", json!({"allOf": parts})),
        case(
            "allOf",
            "that is no one schema",
            json!({"allOf": [{"type": "string", "pattern": "a"}, {"pattern": "b"}]}),
        ),
        x("not", json!({"type": "string", "not": {"const": "a"}})),
        x("if", json!({"type": "string", "if": {"const": "a"}, "then": {"pattern": "a"}})),
        x("then", json!({"type": "string", "if": {"const": "a"}, "then": {"pattern": "a"}})),
        x("else", json!({"type": "string", "if": {"const": "a"}, "else": {"pattern": "b"}})),
        x(
            "discriminator",
            json!({"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}], "discriminator": {"propertyName": "d"}}),
        ),
    ]
}

fn hints() -> Vec<Sample> {
    let hint = |key: &'static str, value: Value| {
        let mut schema = json!({"type": "string"});
        schema[key] = value;
        x(key, schema)
    };
    vec![
        hint("description", json!("what it is")),
        case("description", "without `type`", json!({"description": "what it is"})),
        hint("title", json!("The name")),
        case("title", "that repeats the name", json!({"type": "string", "title": "X"})),
        case(
            "title",
            "beside `description`",
            json!({"type": "string", "title": "The name", "description": "what it is"}),
        ),
        hint("default", json!("a")),
        hint("examples", json!(["a"])),
        hint("example", json!("a")),
        hint("deprecated", json!(true)),
        hint("readOnly", json!(true)),
        hint("writeOnly", json!(true)),
        hint("contentEncoding", json!("base64")),
        hint("contentMediaType", json!("text/plain")),
        hint("contentSchema", json!({"type": "string"})),
        hint("externalDocs", json!({"url": "https://a.example"})),
        hint("xml", json!({"attribute": true})),
        hint("x-other", json!("any keyword that JSON Schema doesn't know")),
    ]
}
