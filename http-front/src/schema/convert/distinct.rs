//! Whether no value is valid under two schemas at once, as far as that can be seen.
//!
//! It never says so where it isn't certain.

use crate::schema::{
    Object, keyword,
    refs::Refs,
    types::{Types, same},
};
use serde_json::Value;

/// How deep it looks, and how many pairs of schemas it compares in all.
const DEPTH: usize = 8;
const PAIRS: usize = 50_000;

/// Whether no two of these take the same value.
pub(super) fn all(schemas: &[Value], refs: &Refs<'_>) -> bool {
    let mut left = PAIRS;
    let rest = |at: usize| schemas.iter().skip(at + 1);
    schemas.iter().enumerate().all(|(at, a)| rest(at).all(|b| apart(a, b, refs, DEPTH, &mut left)))
}

fn apart(a: &Value, b: &Value, refs: &Refs<'_>, depth: usize, left: &mut usize) -> bool {
    if depth == 0 || *left == 0 {
        return false;
    }
    *left -= 1;
    let (schema_a, schema_b) = (a, b);
    let (a, b) = match (a, b) {
        (Value::Bool(false), _) | (_, Value::Bool(false)) => return true,
        (Value::Object(a), Value::Object(b)) => (a, b),
        _ => return false,
    };
    let mut deeper = |a: &Value, b: &Value| apart(a, b, refs, depth - 1, left);
    // Each of these narrows its schema: it is enough that one is apart from the other schema.
    let narrows_a = target(a, refs).into_iter().chain(parts(a, "allOf"));
    let narrows_b = target(b, refs).into_iter().chain(parts(b, "allOf"));
    if narrows_a.into_iter().any(|a| deeper(a, schema_b))
        || narrows_b.into_iter().any(|b| deeper(schema_a, b))
    {
        return true;
    }
    for key in ["anyOf", "oneOf"] {
        if a.contains_key(key) && parts(a, key).all(|a| deeper(a, schema_b))
            || b.contains_key(key) && parts(b, key).all(|b| deeper(schema_a, b))
        {
            return true;
        }
    }
    let common = types(a).and(types(b));
    let count = |schema: &Object| {
        schema.iter().filter_map(|(_, value)| value.as_array()).map(Vec::len).sum::<usize>()
    };
    let (count_a, count_b) = (count(a), count(b));
    *left = left.saturating_sub(count_a.saturating_mul(count_b.max(1)) / 64 + count_b / 64);
    let taken = |values: &[Value]| values.iter().any(|value| common.takes(value));
    match (values(a), values(b)) {
        (Some(a), Some(b)) if !a.iter().any(|a| b.iter().any(|b| same(a, b))) => return true,
        (Some(only), _) | (_, Some(only)) if !taken(only) => return true,
        _ => {}
    }
    common.is_empty() || (common == Types::OBJECT && members_apart(a, b, refs, depth, left))
}

/// Whether a member that both require tells them apart.
fn members_apart<'s>(a: &'s Object, b: &'s Object, refs: &Refs<'_>, depth: usize, left: &mut usize) -> bool {
    let (required_a, required_b) = (keyword::required(a), keyword::required(b));
    let property = |schema: &'s Object, name: &str| schema.get("properties").and_then(|all| all.get(name));
    let names = a.get("properties").and_then(Value::as_object).into_iter().flat_map(Object::keys);
    for name in names.filter(|name| required_a.contains(name.as_str()) && required_b.contains(name.as_str()))
    {
        if let (Some(a), Some(b)) = (property(a, name), property(b, name))
            && apart(a, b, refs, depth - 1, left)
        {
            return true;
        }
    }
    false
}

fn target<'a>(schema: &Object, refs: &Refs<'a>) -> Option<&'a Value> {
    let target = refs.resolve(schema.get("$ref")?.as_str()?)?;
    refs.behind(target.schema)
}

fn parts<'s>(schema: &'s Object, key: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The listed values, where these are all.
fn values(schema: &Object) -> Option<&[Value]> {
    match schema.get("const") {
        _ if schema.get("nullable") == Some(&Value::Bool(true)) => None,
        Some(value) => Some(std::slice::from_ref(value)),
        None => schema.get("enum")?.as_array().map(Vec::as_slice),
    }
}

/// The types that it takes, as it says itself: a missing `type` is any.
fn types(schema: &Object) -> Types {
    let declared = schema.get("type").and_then(Types::read).unwrap_or(Types::ALL);
    if schema.get("nullable") == Some(&Value::Bool(true)) { declared.or(Types::NULL) } else { declared }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_seen_or_not_said() {
        let root = json!({"$defs": {
            "Cat": {"type": "object", "properties": {"kind": {"const": "cat"}}, "required": ["kind"]},
            "Dog": {"type": "object", "properties": {"kind": {"enum": ["dog", "hound"]}}, "required": ["kind"]},
            "Any": {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]},
        }});
        let refs = Refs::new(&root);
        let to = |name: &str| json!({"$ref": format!("#/$defs/{name}")});
        for (a, b, wanted) in [
            (json!({"type": "string"}), json!({"type": ["integer", "null"]}), true),
            (json!({"type": "number"}), json!({"type": "integer"}), false),
            (json!({"properties": {"a": {}}}), json!({"type": "string"}), false),
            (json!({"const": 1}), json!({"const": 2}), true),
            (json!({"const": 1}), json!({"enum": [1.0]}), false),
            (json!({"enum": ["a"]}), json!({"type": "integer"}), true),
            (to("Cat"), to("Dog"), true),
            (to("Cat"), to("Any"), false),
            (json!({"type": "array"}), to("Any"), true),
            (json!({"anyOf": [to("Cat"), {"type": "null"}]}), to("Dog"), true),
            (json!({"allOf": [to("Cat")], "title": "c"}), to("Dog"), true),
            (json!({"type": "string", "nullable": true}), json!({"type": "null"}), false),
            (json!(true), json!({"type": "null"}), false),
        ] {
            assert_eq!(all(&[a.clone(), b.clone()], &refs), wanted, "{a} {b}");
            assert_eq!(all(&[b.clone(), a.clone()], &refs), wanted, "{b} {a}");
        }
    }
}
