//! Which types of JSON the members of an object may have: for texts that are to be read as one.
//!
//! It promises an answer for any schema, in bounded time. It never says less than the schema does: where it can't tell,
//! every type may come.

use super::{Object, refs::Refs, types::Types};
use serde_json::Value;
use std::collections::HashMap;

/// How many schemas are looked into for one function: a schema may refer to itself in many ways.
const BUDGET: usize = 4096;
/// How many of them inside one another.
const DEPTH: usize = 32;

/// The types that a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(Types);

impl Kinds {
    /// Any: nothing is known.
    pub const ANY: Self = Self(Types::ALL);

    /// Whether nothing is known.
    pub fn any(self) -> bool {
        self == Self::ANY
    }

    /// Whether it may be a text.
    pub fn text(self) -> bool {
        self.0.meets(Types::STRING)
    }

    /// Whether it may be an array.
    pub fn array(self) -> bool {
        self.0.meets(Types::ARRAY)
    }

    /// Whether it may be an object.
    pub fn object(self) -> bool {
        self.0.meets(Types::OBJECT)
    }

    /// Whether it may be this value, as far as types tell.
    pub fn takes(self, value: &Value) -> bool {
        self.0.takes(value)
    }
}

/// The members that the schema of an object names, with what they may be.
pub fn members(schema: &Value) -> HashMap<String, Kinds> {
    let refs = Refs::new(schema);
    let mut left = BUDGET;
    let mut all = HashMap::new();
    let root = refs.behind(schema).unwrap_or(schema);
    for part in std::iter::once(root).chain(alternatives(root)) {
        let part = refs.behind(part).unwrap_or(part);
        for (name, schema) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let types = types(schema, &refs, &mut left, DEPTH);
            let known = all.entry(name.clone()).or_insert(Kinds(Types::NONE));
            known.0 = known.0.or(types);
        }
    }
    all
}

/// The schemas of which an object is to match all, some or one.
fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let listed = |key| schema.get(key).and_then(Value::as_array);
    ["allOf", "anyOf", "oneOf"].into_iter().filter_map(listed).flatten()
}

fn types<'a>(schema: &'a Value, refs: &Refs<'a>, left: &mut usize, depth: usize) -> Types {
    let (Some(rest), Some(depth)) = (left.checked_sub(1), depth.checked_sub(1)) else {
        return Types::ALL;
    };
    *left = rest;
    let Some(members) = refs.behind(schema).and_then(Value::as_object) else {
        return Types::ALL;
    };
    let mut all = told(members);
    let mut under = |schemas: &'a [Value], how: fn(Types, Types) -> Types, begin| {
        schemas.iter().fold(begin, |all, schema| how(all, types(schema, refs, left, depth)))
    };
    let listed = |key| members.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
    if let Some(schemas) = listed("allOf") {
        all = under(schemas, Types::and, all);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(schemas) = listed(key) {
            all = all.and(under(schemas, Types::or, Types::NONE));
        }
    }
    // What nothing can be is a mistake of the schema: then the text says what it is.
    if all.is_empty() { Types::ALL } else { all }
}

/// What a schema itself says of the type.
fn told(members: &Object) -> Types {
    let named = members.get("type").and_then(Types::read).unwrap_or(Types::ALL);
    let values = match (members.get("const"), members.get("enum").and_then(Value::as_array)) {
        (Some(value), _) => Types::of(value),
        (None, Some(values)) => values.iter().map(Types::of).fold(Types::NONE, Types::or),
        (None, None) => Types::ALL,
    };
    named.and(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(member: Value) -> Types {
        let schema = json!({
            "type": "object",
            "properties": { "x": member },
            "$defs": {
                "text": { "type": "string" },
                "loop": { "$ref": "#/$defs/loop" },
                "tree": { "anyOf": [{ "$ref": "#/$defs/tree" }, { "$ref": "#/$defs/tree" }] },
            },
        });
        members(&schema)["x"].0
    }

    #[test]
    fn types_are_told_in_many_ways() {
        assert_eq!(of(json!({"type": "string"})), Types::STRING);
        assert_eq!(of(json!({"type": ["array", "null"]})), Types::ARRAY.or(Types::NULL));
        assert_eq!(of(json!({"enum": ["a", 1]})), Types::STRING.or(Types::INTEGER));
        assert_eq!(of(json!({"const": true})), Types::BOOLEAN);
        assert_eq!(of(json!({"$ref": "#/$defs/text"})), Types::STRING);
        let either = json!({"anyOf": [{"$ref": "#/$defs/text"}, {"type": "null"}]});
        assert_eq!(of(either), Types::STRING.or(Types::NULL));
        assert_eq!(of(json!({"allOf": [{"type": ["string", "number"]}, {"type": "number"}]})), Types::NUMBER);
    }

    #[test]
    fn what_cannot_be_told_may_be_anything() {
        for member in [
            json!({}),
            json!(true),
            json!({"type": "any"}),
            json!({"$ref": "#/$defs/loop"}),
            json!({"$ref": "#/$defs/tree"}),
            json!({"$ref": "https://elsewhere/"}),
            json!({"type": "string", "const": 1}),
        ] {
            assert_eq!(of(member.clone()), Types::ALL, "{member}");
        }
    }

    #[test]
    fn members_are_found_behind_a_reference_and_in_alternatives() {
        let schema = json!({
            "$ref": "#/$defs/root",
            "$defs": { "root": { "anyOf": [
                { "properties": { "a": { "type": "string" }, "b": { "type": "boolean" } } },
                { "properties": { "a": { "type": "integer" } } },
            ] } },
        });
        let all = members(&schema);
        assert_eq!(all["a"].0, Types::STRING.or(Types::INTEGER));
        assert_eq!(all["b"].0, Types::BOOLEAN);
        assert!(members(&json!("no schema")).is_empty());
    }
}
