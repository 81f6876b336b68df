//! Schemas by chance: legal ones, and JSON that only looks like some.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

/// Keywords that a schema may have, for JSON that looks like a schema.
const KEYS: &[&str] = &[
    "type",
    "properties",
    "required",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
    "$ref",
    "$defs",
    "definitions",
    "enum",
    "const",
    "additionalProperties",
    "nullable",
    "title",
    "description",
    "prefixItems",
    "minItems",
    "minLength",
    "format",
    "not",
    "if",
    "then",
    "$id",
    "$anchor",
    "x",
    "a",
];
const WORDS: &[&str] = &[
    "string",
    "object",
    "array",
    "integer",
    "null",
    "#",
    "#/$defs/a",
    "#/properties/a",
    "#a",
    "a",
    "",
    "what",
];
const NAMES: &[&str] = &["a", "b", "c", "d e"];

/// Any JSON, much of it nearly a schema.
pub(crate) fn strange() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => select(WORDS).prop_map(Value::from),
        1 => any::<i8>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        2 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(8, 96, 6, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => vec((select(KEYS), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

/// A legal schema whose every keyword strict mode can say, or nearly.
pub(crate) fn exact() -> impl Strategy<Value = Value> {
    rooted(false)
}

/// A legal schema.
pub(crate) fn legal() -> impl Strategy<Value = Value> {
    rooted(true)
}

fn rooted(all: bool) -> impl Strategy<Value = Value> {
    let root = prop_oneof![5 => object(schema(all, true), all), 1 => schema(all, true)];
    (root, schema(all, false), object(schema(all, true), all)).prop_map(|(mut root, leaf, mut node)| {
        // One of the references leads there.
        if let Some(properties) = node["properties"].as_object_mut() {
            properties.entry("a").or_insert(json!({"type": "integer"}));
        }
        if let Some(members) = root.as_object_mut() {
            members.insert("$defs".to_owned(), json!({"Leaf": leaf, "Node": node}));
        }
        root
    })
}

fn schema(all: bool, refs: bool) -> impl Strategy<Value = Value> + Clone {
    let leaf =
        if refs { prop_oneof![6 => scalar(all), 2 => reference()].boxed() } else { scalar(all).boxed() };
    leaf.prop_recursive(4, 40, 4, move |inner| {
        let array = (inner.clone(), option(0..3_usize), option(3..5_usize)).prop_map(|(items, least, most)| {
            with(json!({"type": "array", "items": items}), [("minItems", least.map(Value::from)), ("maxItems", most.map(Value::from))])
        });
        let several = vec(inner.clone(), 1..4);
        prop_oneof![
            4 => object(inner.clone(), all),
            2 => array,
            2 => (several.clone(), base(all)).prop_map(|(list, base)| with(base, [("anyOf", Some(Value::from(list)))])),
            1 => (several.clone(), base(all)).prop_map(|(list, base)| with(base, [("oneOf", Some(Value::from(list)))])),
            1 => (several, base(all)).prop_map(|(list, base)| with(base, [("allOf", Some(Value::from(list)))])),
            1 => (reference(), object(inner, all)).prop_map(|(reference, beside)| with(beside, [("$ref", reference.get("$ref").cloned())])),
        ]
    })
}

/// What may stand beside alternatives.
fn base(all: bool) -> impl Strategy<Value = Value> + Clone {
    let free = json!({"description": "some", "default": 1});
    prop_oneof![
        4 => Just(json!({})),
        1 => Just(if all { free } else { json!({"description": "some"}) }),
        1 => Just(json!({"type": "object"})),
        1 => Just(json!({"type": ["object", "string"]})),
        1 => Just(json!({"properties": {"a": {"type": "integer"}}, "required": ["a"]})),
        1 => Just(json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "additionalProperties": false})),
    ]
}

fn reference() -> impl Strategy<Value = Value> + Clone {
    select(&["#", "#/$defs/Leaf", "#/$defs/Node", "#/$defs/Node/properties/a"][..])
        .prop_map(|to| json!({"$ref": to}))
}

fn scalar(all: bool) -> impl Strategy<Value = Value> + Clone {
    let told = vec(
        select(vec![
            ("minLength", json!(1)),
            ("maxLength", json!(9)),
            ("not", json!({"const": "z"})),
            ("format", json!("uri")),
            ("default", json!("a")),
            ("x-note", json!({"a": 1})),
            ("minimum", json!(2)),
            ("title", json!("A title")),
            ("$comment", json!("c")),
        ]),
        0..3,
    );
    let plain = prop_oneof![
        3 => select(&["string", "integer", "number", "boolean", "null"][..]).prop_map(|name| json!({"type": name})),
        1 => Just(json!({"type": ["string", "null"]})),
        1 => Just(json!({"type": ["integer", "string"], "maximum": 50, "minimum": -3})),
        1 => Just(json!({"type": "string", "enum": ["a", "b"]})),
        1 => Just(json!({"type": "string", "nullable": true, "enum": ["a", "b"]})),
        1 => Just(json!({"enum": ["a", 1, null, 2.5]})),
        1 => select(vec![json!({"const": "a"}), json!({"const": 1}), json!({"const": null})]),
        1 => Just(json!({"type": "string", "pattern": "^[a-z]+$"})),
        1 => Just(json!({"type": "number", "multipleOf": 0.5, "exclusiveMinimum": 1, "exclusiveMaximum": 9})),
        1 => Just(json!({"type": "integer", "multipleOf": 3, "description": "threes"})),
    ];
    (plain, told).prop_map(move |(plain, told)| {
        with(plain, told.into_iter().map(|(key, value)| (key, all.then_some(value))))
    })
}

fn object(
    inner: impl Strategy<Value = Value> + Clone + 'static,
    all: bool,
) -> impl Strategy<Value = Value> + Clone {
    let rules = select(vec![
        ("minProperties", json!(1)),
        ("maxProperties", json!(4)),
        ("dependentRequired", json!({"a": ["b"]})),
    ]);
    let rest =
        select(vec![None, None, Some(json!(false)), Some(json!(true)), Some(json!({"type": "string"}))]);
    (vec((select(NAMES), inner, any::<bool>()), 0..4), rest, option(rules)).prop_map(
        move |(members, rest, rule)| {
            let mut properties = Map::new();
            let mut required = Vec::new();
            for (name, schema, needed) in members {
                if needed && !required.contains(&name) {
                    required.push(name);
                }
                properties.insert(name.to_owned(), schema);
            }
            let schema = json!({"type": "object", "properties": properties, "required": required});
            let schema = with(schema, [("additionalProperties", rest)]);
            with(schema, rule.filter(|_| all).map(|(key, value)| (key, Some(value))))
        },
    )
}

fn option<S: Strategy + Clone>(inner: S) -> impl Strategy<Value = Option<S::Value>> + Clone
where
    S::Value: Clone,
{
    prop_oneof![inner.clone().prop_map(Some), Just(None)]
}

fn with(mut schema: Value, more: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    if let Some(members) = schema.as_object_mut() {
        for (key, value) in more {
            if let Some(value) = value {
                members.insert(key.to_owned(), value);
            }
        }
    }
    schema
}

/// OpenAPI's `nullable` in JSON Schema's own words.
pub(crate) fn with_nullable_spelled(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut out: Map<String, Value> =
                members.iter().map(|(key, value)| (key.clone(), with_nullable_spelled(value))).collect();
            if out.shift_remove("nullable") == Some(json!(true)) {
                return json!({"anyOf": [out, {"type": "null"}]});
            }
            Value::Object(out)
        }
        Value::Array(values) => values.iter().map(with_nullable_spelled).collect(),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar.clone(),
    }
}

/// The keywords whose values [`numbered`] makes unlike all others.
const NUMBERED: &[&str] = &["minLength", "maxLength", "default", "x-note", "description", "title"];

/// The schema with a number of its own in each of some keywords.
pub(crate) fn numbered(schema: &Value) -> Value {
    fn walk(value: &Value, next: &mut usize) -> Value {
        match value {
            Value::Object(members) => {
                let mut out = Map::new();
                for (key, value) in members {
                    let value = if NUMBERED.contains(&key.as_str()) && !value.is_object() {
                        *next += 1;
                        let text = key == "description" || key == "title";
                        if text { Value::from(format!("no {next}")) } else { Value::from(*next) }
                    } else {
                        walk(value, next)
                    };
                    out.insert(key.clone(), value);
                }
                Value::Object(out)
            }
            Value::Array(values) => values.iter().map(|value| walk(value, next)).collect(),
            scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar.clone(),
        }
    }
    walk(schema, &mut 10_000)
}

/// What must be found again of a numbered schema: of what can be reached from its root.
pub(crate) fn numbers(schema: &Value) -> Vec<String> {
    fn walk(value: &Value, root: &Value, passed: &mut Vec<String>, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (key, value) in members.iter().filter(|(key, _)| *key != "$defs") {
                    if NUMBERED.contains(&key.as_str()) && !value.is_object() {
                        out.push(value.to_string().trim_matches('"').to_owned());
                    }
                    if let ("$ref", Some(to)) = (key.as_str(), value.as_str())
                        && !passed.iter().any(|p| p == to)
                        && let Some(target) = root.pointer(&to[1..])
                    {
                        passed.push(to.to_owned());
                        walk(target, root, passed, out);
                    }
                    walk(value, root, passed, out);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, root, passed, out)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut out = Vec::new();
    walk(schema, schema, &mut vec!["#".to_owned()], &mut out);
    out
}
