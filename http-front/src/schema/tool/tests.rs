//! What a tool's schema becomes.

use super::*;

/// The property `x` of the carried schema, and the text.
fn carry(x: Value) -> (Value, Option<String>) {
    let schema = json!({"type": "object", "properties": {"x": x},
        "$defs": {"D": {"type": "string"}, "R": {"type": "object", "properties": {"r": {"$ref": "#/$defs/R"}}}}});
    let carried = carried(&schema, false).expect("carried");
    (carried.schema["properties"]["x"].clone(), carried.told)
}

fn refused(schema: Value) -> String {
    carried(&schema, false).expect_err("refused").path
}

#[test]
fn what_the_child_leaves_alone_is_carried_as_it_is() {
    for schema in [
        json!({"type": "string", "description": "d", "enum": ["a"]}),
        json!({"type": ["string", "null"]}),
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 1}),
        json!({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": false}),
        json!({"type": "object", "properties": {}, "additionalProperties": {"type": "integer"}}),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"}),
        json!({"$ref": "#/$defs/D", "description": "d"}),
        json!({"$ref": "#"}),
        json!({}),
    ] {
        assert_eq!(carry(schema.clone()), (schema, None));
    }
}

#[test]
fn what_the_child_would_change_is_said_in_its_words() {
    for (schema, wanted) in [
        (json!(true), json!({})),
        (json!({"const": 5}), json!({"type": "integer", "enum": [5]})),
        (
            json!({"enum": ["a", 1, null]}),
            json!({"type": ["string", "integer", "null"], "enum": ["a", 1, null]}),
        ),
        (json!({"type": "array"}), json!({"type": "array", "items": {}})),
        (json!({"type": "object"}), json!({"type": "object", "properties": {}})),
        (json!({"type": ["string"]}), json!({"type": "string"})),
        (json!({"properties": {"a": true}}), json!({"properties": {"a": {}}, "type": "object"})),
        (
            json!({"type": "string", "nullable": true, "enum": ["a"]}),
            json!({"type": ["string", "null"], "enum": ["a", null]}),
        ),
        (
            json!({"$ref": "#/$defs/D", "nullable": true, "description": "d"}),
            json!({"description": "d", "anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]}),
        ),
        (
            json!({"type": "array", "items": {}, "minItems": 2.0}),
            json!({"type": "array", "items": {}, "minItems": 2}),
        ),
        (json!({"type": "string", "title": "X"}), json!({"type": "string"})),
        (json!({"type": "string", "title": "A thing"}), json!({"type": "string", "description": "A thing"})),
        (json!({"type": "string", "$comment": "for authors"}), json!({"type": "string"})),
    ] {
        let (carried, told) = carry(schema.clone());
        assert!(same(&carried, &wanted), "{schema} became {carried}");
        assert_eq!(told, None, "{schema}");
    }
}

#[test]
fn what_is_not_carried_is_told_by_place() {
    let schema = json!({"type": "object", "minProperties": 1, "properties": {
        "a": {"type": "string", "pattern": "^a$", "minLength": 2},
        "list": {"type": "array", "uniqueItems": true, "items": {"type": "object", "properties": {
            "n": {"type": "integer", "minimum": 0, "x-unit": "ms"}}}},
        "free": {"description": "anything"},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer", "minimum": 1}], "items": false},
        "none": false,
        "away": {"$ref": "https://a.example/b"},
        "either": {"oneOf": [{"type": "string", "format": "uri"}, {"type": "null"}]},
    }});
    let carried = carried(&schema, false).expect("carried");
    assert_eq!(
        carried.told.as_deref(),
        Some(
            r#"The arguments must match this JSON Schema: {"type":"object","minProperties":1,"properties":{"a":{"type":"string","pattern":"^a$","minLength":2},"list":{"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"n":{"type":"integer","minimum":0,"x-unit":"ms"}}}},"free":{"description":"anything"},"pair":{"type":"array","prefixItems":[{"type":"string"},{"type":"integer","minimum":1}],"items":false},"none":false,"away":{"$ref":"https://a.example/b"},"either":{"oneOf":[{"type":"string","format":"uri"},{"type":"null"}]}}}"#
        ),
        "a reference is among it"
    );
    let mut schema = schema;
    schema["properties"].as_object_mut().expect("properties").shift_remove("away");
    let carried = super::carried(&schema, true).expect("carried");
    assert_eq!(
        carried.told.expect("told").lines().collect::<Vec<_>>(),
        [
            "The arguments must match their schema exactly: every required property, and none that it does not name.",
            "The JSON Schema of the arguments also has these keywords:",
            r#"- for the arguments as a whole: {"minProperties":1}"#,
            r#"- `a`: {"pattern":"^a$","minLength":2}"#,
            r#"- `list`: {"uniqueItems":true}"#,
            r#"- `list[].n`: {"minimum":0,"x-unit":"ms"}"#,
            r#"- `free`: {"description":"anything"}"#,
            r#"- `pair`: {"prefixItems":[{"type":"string"},{"type":"integer","minimum":1}],"items":false}"#,
            "- `none`: false",
            r#"- `either.oneOf[0]`: {"format":"uri"}"#,
        ]
    );
    assert_eq!(
        carried.schema["properties"]["pair"],
        json!({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}})
    );
    assert_eq!(carried.schema["properties"]["none"], json!({}));
}

#[test]
fn a_schema_above_the_childs_bound_is_told_whole() {
    let of = |length: usize| json!({"type": "object", "properties": {"x": {"type": "string", "description": "é".repeat(length)}}});
    let bare = of(0).to_string().len();
    let fits = of((CARRIED - bare) / 2);
    assert!(fits.to_string().len() >= CARRIED - 1);
    assert_eq!(carried(&fits, false).expect("carried").told, None);
    let large = of((CARRIED - bare) / 2 + 1);
    let told = carried(&large, false).expect("carried").told.expect("told");
    assert_eq!(told, format!("The arguments must match this JSON Schema: {large}"));
    // Many places below one long name.
    let parts: Object = (0..1000).map(|n| (format!("p{n}"), json!({"minimum": n}))).collect();
    let wide = json!({"type": "object", "properties": {"n".repeat(10_000): {"type": "object", "properties": parts}}});
    let told = carried(&wide, false).expect("carried").told.expect("told");
    assert!(told.len() < wide.to_string().len() + 100, "{}", told.len());
}

#[test]
fn the_root_is_an_object() {
    for (schema, wanted) in [
        (json!({}), json!({"type": "object", "properties": {}})),
        (json!({"properties": {"a": {}}}), json!({"properties": {"a": {}}, "type": "object"})),
        (json!({"type": ["object", "null"]}), json!({"type": "object", "properties": {}})),
        (
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}}}),
        ),
        (
            json!({"allOf": [{"type": "object", "properties": {"a": {}}}, {"properties": {"b": {}}, "required": ["b"]}]}),
            json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"]}),
        ),
    ] {
        let carried = carried(&schema, false).expect("carried");
        assert!(same(&carried.schema, &wanted), "{schema} became {}", carried.schema);
        assert_eq!(carried.told, None, "{schema}");
    }
    for schema in [
        json!(true),
        json!(null),
        json!([]),
        json!({"type": "array"}),
        json!({"anyOf": [{"type": "object"}]}),
    ] {
        assert_eq!(refused(schema.clone()), "", "{schema}");
    }
}

/// OpenAI refuses a function whose parameters have these at the top.
#[test]
fn alternatives_of_the_root_are_told() {
    let schema = json!({"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let carried = carried(&schema, false).expect("carried");
    assert_eq!(carried.schema, json!({"type": "object", "properties": {"a": {}, "b": {}}}));
    assert!(
        carried.told.expect("told").ends_with(r#"whole: {"anyOf":[{"required":["a"]},{"required":["b"]}]}"#)
    );
}

#[test]
fn references_lead_to_definitions_that_are_there() {
    let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/properties/b/items"}, "c": {"$ref": "#/definitions/C"},
        "b": {"type": "array", "items": {"type": "string", "pattern": "p"}}}, "definitions": {"C": {"$ref": "#here"}, "unused": {"type": "string"}},
        "$defs": {"H": {"$anchor": "here", "type": "null"}}});
    let carried = carried(&schema, false).expect("carried");
    assert_eq!(
        carried.schema,
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/items"}, "c": {"$ref": "#/$defs/C"},
            "b": {"type": "array", "items": {"type": "string"}}},
            "$defs": {"items": {"type": "string"}, "C": {"$ref": "#/$defs/H"}, "H": {"type": "null"}}})
    );
    let told = carried.told.expect("told");
    assert!(told.contains("- `$defs.items`: {\"pattern\":\"p\"}"), "{told}");
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (x, path) in [
        (json!(5), ".properties.x"),
        (json!({"type": "any"}), ".properties.x.type"),
        (json!({"type": "array", "items": 5}), ".properties.x.items"),
        (json!({"type": "string", "required": true}), ".properties.x.required"),
        (json!({"anyOf": []}), ".properties.x.anyOf"),
        (json!({"anyOf": [{"type": "string"}, {"enum": []}]}), ".properties.x.anyOf[1].enum"),
        (json!({"prefixItems": [{}, 5]}), ".properties.x.prefixItems[1]"),
        (json!({"$ref": 5}), ".properties.x.$ref"),
    ] {
        assert_eq!(refused(json!({"type": "object", "properties": {"x": x}})), path);
    }
    let schema = json!({"type": "object", "properties": {"x": {"$ref": "#/definitions/D"}}, "definitions": {"D": {"items": [1]}}});
    assert_eq!(refused(schema), ".definitions.D.items[0]");
    let mut deep = json!({"type": "object"});
    for _ in 0..40 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    assert_eq!(refused(deep), "");
}
