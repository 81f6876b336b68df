//! JSON Schemas: the legal ones, of all drafts that clients send, and those of OpenAI's strict subset.

use super::texts::odd;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

fn object(members: Vec<(String, Value)>) -> Value {
    Value::Object(Map::from_iter(members))
}

/// Property names; two are no identifiers.
fn key() -> BoxedStrategy<String> {
    prop_oneof![8 => "[a-d]{1,2}", 1 => Just("$ref".to_owned()), 1 => Just("a/b~c d".to_owned()), 1 => odd()]
        .boxed()
}

fn values() -> BoxedStrategy<Value> {
    let scalar = prop_oneof![
        "[a-z]{0,4}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        Just(json!(0.5)),
        odd().prop_map(Value::from),
    ];
    let texts = vec("[a-z]{1,4}".prop_map(Value::from), 1..4).prop_map(Value::from);
    prop_oneof![2 => texts, 1 => vec(scalar, 1..4).prop_map(Value::from), 1 => Just(json!([{"a": 1}, [1]]))]
        .boxed()
}

fn leaf() -> BoxedStrategy<Value> {
    let text = option::of(select(
        &["minLength", "pattern", "format", "uri", "default", "title", "x-hint", "description"][..],
    ))
    .prop_map(|more| match more {
        Some("minLength") => json!({"type": "string", "minLength": 1, "maxLength": 40}),
        Some("pattern") => json!({"type": "string", "pattern": "^[a-z]+$"}),
        Some("format") => json!({"type": "string", "format": "date"}),
        Some("uri") => json!({"type": "string", "format": "uri", "contentEncoding": "base64"}),
        Some("default") => json!({"type": "string", "default": "x", "examples": ["y"]}),
        Some("title") => json!({"type": "string", "title": "A title"}),
        Some("x-hint") => json!({"type": "string", "x-hint": {"$ref": "#"}, "deprecated": true}),
        Some(_) => json!({"type": "string", "description": "What it is. \u{1f980}"}),
        None => json!({"type": "string"}),
    });
    let number = select(&["minimum", "maximum", "multipleOf", "exclusiveMinimum", "const"][..])
        .prop_map(|key| json!({"type": "integer", key: 3}));
    let reference =
        select(&["#/$defs/A", "#/$defs/B", "#", "#/properties/a", "#here", "https://a.example/s"][..])
            .prop_map(|to| json!({"$ref": to}));
    let odd =
        select(&["any", "{}", "nullable", "types", "array", "object", "false", "dynamic", "encoded"][..])
            .prop_map(|kind| match kind {
                "any" => json!(true),
                "nullable" => json!({"type": "string", "nullable": true}),
                "types" => json!({"type": ["string", "integer", "null"]}),
                "array" => json!({"type": "array"}),
                "object" => json!({"type": "object"}),
                "false" => json!(false),
                "dynamic" => json!({"$dynamicRef": "#here"}),
                "encoded" => json!({"$ref": "#/$defs/%41", "description": "beside"}),
                _ => json!({}),
            });
    prop_oneof![
        4 => text,
        2 => number,
        1 => Just(json!({"type": "number"})),
        1 => Just(json!({"type": "boolean"})),
        1 => Just(json!({"type": "null"})),
        2 => values().prop_map(|values| json!({"enum": values})),
        1 => "[a-z]{1,3}".prop_map(|value| json!({"const": value})),
        2 => reference,
        2 => odd,
    ]
    .boxed()
}

/// Any legal schema.
fn any_schema() -> BoxedStrategy<Value> {
    leaf()
        .prop_recursive(4, 24, 4, |inner| {
            let some = vec(inner.clone(), 1..4);
            let combined =
                (select(&["anyOf", "oneOf", "allOf"][..]), some.clone(), option::of(inner.clone())).prop_map(
                    |(key, parts, beside)| {
                        let mut schema = beside.filter(Value::is_object).unwrap_or(json!({}));
                        schema[key] = parts.into();
                        schema
                    },
                );
            let listed = (option::of(inner.clone()), 0..6_u8).prop_map(|(items, kind)| {
                let mut schema = json!({"type": "array"});
                if let Some(items) = items {
                    schema["items"] = items;
                }
                match kind {
                    0 => schema["minItems"] = json!(1),
                    1 => schema["maxItems"] = json!(3),
                    2 => schema["uniqueItems"] = json!(true),
                    3 => schema["contains"] = json!({"type": "string"}),
                    _ => {}
                }
                schema
            });
            let tuple = (some, prop::bool::ANY, prop::bool::ANY).prop_map(|(parts, old, closed)| {
                let (first, rest) = if old { ("items", "additionalItems") } else { ("prefixItems", "items") };
                let mut schema = json!({"type": "array", first: parts});
                if closed {
                    schema[rest] = json!(false);
                }
                schema
            });
            let without = (inner.clone(), select(&["not", "propertyNames", "if"][..]))
                .prop_map(|(part, key)| json!({"type": ["string", "object"], key: part, "then": true}));
            prop_oneof![5 => objects(inner), 2 => combined, 3 => listed, 1 => tuple, 1 => without]
        })
        .boxed()
}

fn objects(inner: impl Strategy<Value = Value> + Clone + 'static) -> BoxedStrategy<Value> {
    let rest = prop_oneof![
        4 => Just(None),
        2 => Just(Some(json!(false))),
        1 => Just(Some(json!(true))),
        1 => inner.clone().prop_map(Some),
    ];
    let more = select(
        &["", "", "", "minProperties", "patternProperties", "dependentRequired", "title", "typeless"][..],
    );
    (vec((key(), inner, any::<bool>()), 0..5), rest, more)
        .prop_map(|(members, rest, more)| {
            let required: Vec<&String> =
                members.iter().filter(|(_, _, yes)| *yes).map(|(name, _, _)| name).collect();
            let mut required: Vec<Value> = required.into_iter().map(|name| name.as_str().into()).collect();
            required.sort_by_key(Value::to_string);
            required.dedup();
            let mut schema = json!({"type": "object"});
            if !required.is_empty() {
                schema["required"] = required.into();
            }
            schema["properties"] = object(members.into_iter().map(|(name, part, _)| (name, part)).collect());
            if let Some(rest) = rest {
                schema["additionalProperties"] = rest;
            }
            match more {
                "minProperties" => schema[more] = json!(1),
                "patternProperties" => schema[more] = json!({"^x-": {"type": "string"}}),
                "dependentRequired" => schema[more] = json!({"a": ["b"]}),
                "title" => schema[more] = json!("Object"),
                "typeless" => {
                    schema.as_object_mut().expect("an object").shift_remove("type");
                }
                _ => {}
            }
            schema
        })
        .boxed()
}

/// The parameters of a function: a schema of an object, with definitions, some large and some deep.
pub(super) fn parameters() -> BoxedStrategy<Value> {
    let beside =
        option::weighted(0.15, (select(&["anyOf", "allOf", "oneOf", "not", "enum"][..]), any_schema()));
    let whole = (objects(any_schema()), any_schema(), objects(any_schema()), beside).prop_map(
        |(mut root, a, b, beside)| {
            root["type"] = json!("object");
            root["$defs"] = json!({"A": a, "B": b});
            match beside {
                Some(("not", part)) => root["not"] = part,
                Some(("enum", _)) => root["enum"] = json!([{}, {"a": 1}]),
                Some((key, part)) => root[key] = json!([part]),
                None => {}
            }
            root
        },
    );
    prop_oneof![
        6 => whole,
        4 => objects(leaf()),
        1 => select(&[0_usize, 1, 2, 3][..]).prop_map(|n| [
            json!({}),
            json!({"type": "object"}),
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {}, "required": []}),
            json!({"$ref": "#/definitions/R", "definitions": {"R": {"type": "object", "properties": {"r": {"$ref": "#/definitions/R"}}}}}),
        ][n].clone()),
        1 => (20..300_usize).prop_map(large),
        1 => (3..14_usize).prop_map(deep),
    ]
    .prop_filter("a root that must be an object", |root| !root.is_boolean())
    .boxed()
}

fn large(count: usize) -> Value {
    let members = (0..count).map(|n| {
        (format!("p{n}"), json!({"type": "string", "description": "What it is. ".repeat(3), "maxLength": n}))
    });
    json!({"type": "object", "properties": object(members.collect())})
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!({"type": "object", "properties": {"z": {"type": "string"}}}), |inner, n| {
        if n % 3 == 2 {
            json!({"type": "object", "properties": {"l": {"type": "array", "items": inner}}})
        } else {
            json!({"type": "object", "properties": {"o": inner}, "required": ["o"]})
        }
    })
}

/// The schema of an answer, any legal one.
pub(super) fn answer() -> BoxedStrategy<Value> {
    let with = |mut schema: Value, a: Value, b: Value| {
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("$defs".to_owned(), json!({"A": a, "B": b}));
        }
        schema
    };
    let whole =
        (any_schema(), any_schema(), objects(any_schema())).prop_map(move |(root, a, b)| with(root, a, b));
    let small =
        prop_oneof![objects(leaf()), leaf().prop_map(|items| json!({"type": "array", "items": items}))];
    prop_oneof![2 => whole.prop_filter("an object of JSON", Value::is_object), 3 => small, 2 => strict()]
        .boxed()
}

/// One in OpenAI's strict subset.
pub(super) fn strict() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        2 => Just(json!({"type": "string"})),
        1 => Just(json!({"type": "string", "pattern": "^[a-z]+$", "description": "Small letters."})),
        1 => Just(json!({"type": "string", "format": "date"})),
        1 => Just(json!({"type": ["integer", "null"], "minimum": 3})),
        1 => Just(json!({"type": "number", "multipleOf": 3})),
        1 => Just(json!({"type": "boolean"})),
        1 => vec("[a-z]{1,4}", 1..4).prop_map(|values| json!({"type": "string", "enum": values})),
        1 => "[a-z]{1,3}".prop_map(|value| json!({"type": "string", "const": value})),
        1 => Just(json!({"$ref": "#/$defs/A"})),
    ];
    let closed = |members: Vec<(String, Value)>| {
        let members = Map::from_iter(members);
        let names: Vec<&String> = members.keys().collect();
        json!({"type": "object", "properties": members, "required": names, "additionalProperties": false})
    };
    let part = leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            2 => vec(("[a-d]{1,2}", inner.clone()), 0..4).prop_map(closed),
            1 => inner.clone().prop_map(|items| json!({"type": "array", "items": items, "minItems": 1})),
            1 => inner.prop_map(|part| json!({"anyOf": [part, {"type": "null"}]})),
        ]
    });
    (vec(("[a-d]{1,2}", part), 1..4), any::<bool>())
        .prop_map(move |(members, recursive)| {
            let mut root = closed(members);
            let next = if recursive {
                json!({"anyOf": [{"$ref": "#"}, {"type": "null"}]})
            } else {
                json!({"type": "string"})
            };
            root["$defs"] = json!({"A": closed(vec![("next".to_owned(), next)])});
            root
        })
        .boxed()
}
