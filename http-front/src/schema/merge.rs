//! One schema for two that must both hold.
//!
//! It promises that a merged schema takes no value that one of the two would refuse, and all that both take. Where
//! no single schema says that, it says so instead. A property that both have is left as an `allOf` of the two.

use super::{
    Object, keyword,
    refs::Refs,
    types::{Types, same},
};
use serde_json::{Value, json};
use std::collections::HashSet;

/// How many references may be merged into one another.
const MERGED: usize = 64;
/// How many pairs of listed values are compared.
const COMPARED: usize = 1_000_000;

/// The keyword that keeps two schemas from becoming one.
pub(super) type Conflict = String;

/// A schema's own members, with what its `$ref` leads to merged in, and whether a hint was dropped on the way.
///
/// # Errors
/// The keyword that is in the way, `$ref` for a reference that leads nowhere or to itself.
pub(super) fn flat(
    schema: &Object,
    refs: &Refs<'_>,
    passed: &mut Vec<String>,
) -> Result<(Object, bool), Conflict> {
    let Some(reference) = schema.get("$ref") else { return Ok((schema.clone(), false)) };
    let conflict = || "$ref".to_owned();
    let target = reference.as_str().and_then(|reference| refs.resolve(reference)).ok_or_else(conflict)?;
    if passed.contains(&target.pointer) || passed.len() >= MERGED {
        return Err(conflict());
    }
    passed.push(target.pointer);
    let mut own = schema.clone();
    own.shift_remove("$ref");
    match target.schema {
        Value::Bool(true) => Ok((own, false)),
        Value::Object(target) => {
            let (target, hid) = flat(target, refs, passed)?;
            let hides = merge(&mut own, target)?;
            Ok((own, hid || hides))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(conflict())
        }
    }
}

/// Whether a hint of `b` is dropped, because `a` has another one.
fn hides(a: &Object, b: &Object) -> bool {
    b.iter().any(|(key, value)| {
        keyword::is_note(key)
            && keyword::role(key) != keyword::Role::Silent
            && key != "description"
            && a.get(key).is_some_and(|own| own != value)
    })
}

/// Merges `b` into `a`. The hints of `a` win; two descriptions are joined. Returns whether a hint was dropped.
///
/// # Errors
/// The keyword that is in the way; `a` is then of no more use.
pub(super) fn merge(a: &mut Object, mut b: Object) -> Result<bool, Conflict> {
    let mut hid = hides(a, &b);
    // These look at what is beside them in the same schema, and not at what is merged into it.
    for key in ["unevaluatedProperties", "unevaluatedItems"] {
        if b.contains_key(key) && a.get(key) != b.get(key) {
            return Err(key.to_owned());
        }
    }
    nullable(a)?;
    nullable(&mut b)?;
    hid |= closed(a, &mut b)?;
    hid |= closed(&b, a)?;
    for keys in [
        &["prefixItems", "items", "additionalItems"][..],
        &["contains", "minContains", "maxContains"],
        &["if", "then", "else"],
    ] {
        let has = |schema: &Object| keys.iter().any(|key| schema.contains_key(*key));
        let simple = |schema: &Object| {
            keys[0] == "prefixItems"
                && !schema.contains_key("prefixItems")
                && !schema.get("items").is_some_and(Value::is_array)
        };
        let alike = keys.iter().all(|key| a.get(*key) == b.get(*key));
        if has(a) && has(&b) && !alike && !(simple(a) && simple(&b)) {
            return Err(keys[0].to_owned());
        }
    }
    for (key, value) in b {
        let merged = match a.get(&key) {
            None => value,
            Some(own) if *own == value => continue,
            Some(own) => both(&key, own, &value)?,
        };
        a.insert(key, merged);
    }
    Ok(hid)
}

fn both(key: &str, a: &Value, b: &Value) -> Result<Value, Conflict> {
    let merged = match key {
        "type" => {
            let types = Types::read(a).zip(Types::read(b)).map(|(a, b)| a.and(b));
            types.and_then(Types::written)
        }
        "enum" => a
            .as_array()
            .zip(b.as_array())
            .filter(|(a, b)| a.len().saturating_mul(b.len()) <= COMPARED)
            .map(|(a, b)| a.iter().filter(|a| b.iter().any(|b| same(a, b))).cloned().collect::<Value>()),
        "required" => a.as_array().zip(b.as_array()).map(|(a, b)| {
            let known: HashSet<&str> = a.iter().filter_map(Value::as_str).collect();
            let new = b.iter().filter(|name| !name.as_str().is_some_and(|name| known.contains(name)));
            a.iter().chain(new).cloned().collect::<Value>()
        }),
        "properties" => a.as_object().zip(b.as_object()).map(|(a, b)| {
            let mut all = a.clone();
            for (name, schema) in b {
                let schema = match all.get(name) {
                    Some(own) => all_of(own, schema),
                    None => schema.clone(),
                };
                all.insert(name.clone(), schema);
            }
            Value::Object(all)
        }),
        "items" | "additionalProperties" | "propertyNames" => Some(all_of(a, b)),
        "allOf" => a.as_array().zip(b.as_array()).map(|(a, b)| a.iter().chain(b).cloned().collect::<Value>()),
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => further(a, b, f64::gt),
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => further(a, b, f64::lt),
        "uniqueItems" => Some(json!(a == true || b == true)),
        "description" => match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => Some(json!(format!("{a}\n\n{b}"))),
            _ => Some(a.clone()),
        },
        key if keyword::is_note(key) => Some(a.clone()),
        _ => None,
    };
    merged.ok_or_else(|| key.to_owned())
}

/// A schema for both, to be merged when it is looked at itself.
fn all_of(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Bool(true), other) | (other, Value::Bool(true)) => other.clone(),
        (Value::Bool(false), _) | (_, Value::Bool(false)) => json!(false),
        (a, b) if a == b => a.clone(),
        // One list, however many are merged: nesting costs stack.
        (Value::Object(own), b) if own.len() == 1 && own.get("allOf").is_some_and(Value::is_array) => {
            let list = own.get("allOf").and_then(Value::as_array).into_iter().flatten();
            json!({"allOf": list.chain([b]).collect::<Vec<_>>()})
        }
        (a, b) => json!({"allOf": [a, b]}),
    }
}

fn further(a: &Value, b: &Value, wins: fn(&f64, &f64) -> bool) -> Option<Value> {
    let (x, y) = (a.as_f64()?, b.as_f64()?);
    Some(if wins(&x, &y) { a.clone() } else { b.clone() })
}

/// A closed object takes no other member, whatever the other schema says of it: such a property goes from `other`.
/// Returns whether one did.
fn closed(schema: &Object, other: &mut Object) -> Result<bool, Conflict> {
    let key = "additionalProperties";
    let Some(rest) = schema.get(key) else { return Ok(false) };
    if *rest == true || rest.as_object().is_some_and(Object::is_empty) {
        return Ok(false);
    }
    let known = schema.get("properties").and_then(Value::as_object);
    let patterns = schema.get("patternProperties").is_some() || other.get("patternProperties").is_some();
    let unknown: HashSet<String> = other
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Object::keys)
        .filter(|name| !known.is_some_and(|known| known.contains_key(*name)))
        .cloned()
        .collect();
    if unknown.is_empty() && !patterns {
        return Ok(false);
    }
    let required = |schema: &Object| keyword::required(schema).into_iter().any(|name| unknown.contains(name));
    if *rest != false || patterns || required(schema) || required(other) {
        return Err(key.to_owned());
    }
    if let Some(properties) = other.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !unknown.contains(name));
    }
    Ok(true)
}

/// OpenAPI's `nullable` is one more type, and one more value: two of these are merged like others.
fn nullable(schema: &mut Object) -> Result<(), Conflict> {
    if schema.get("nullable") != Some(&json!(true)) {
        return Ok(());
    }
    if ["anyOf", "oneOf", "allOf", "$ref", "not"].iter().any(|key| schema.contains_key(*key)) {
        return Err("nullable".to_owned());
    }
    schema.shift_remove("nullable");
    if let Some(types) =
        schema.get("type").and_then(Types::read).and_then(|types| types.or(Types::NULL).written())
    {
        schema.insert("type".to_owned(), types);
    }
    if let Some(only) = schema.shift_remove("const") {
        schema.insert("enum".to_owned(), json!([only]));
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut)
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(a: Value, b: Value) -> Result<Value, Conflict> {
        let (Value::Object(mut a), Value::Object(b)) = (a, b) else { panic!("objects") };
        merge(&mut a, b).map(|_| Value::Object(a))
    }

    #[test]
    fn what_two_schemas_say_is_one_schema() {
        for (a, b, wanted) in [
            (
                json!({"type": "object", "properties": {"a": {}}, "required": ["a"]}),
                json!({"properties": {"b": {}}, "required": ["a", "b"]}),
                json!({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]}),
            ),
            (
                json!({"type": ["string", "null"]}),
                json!({"type": ["null", "integer"]}),
                json!({"type": "null"}),
            ),
            (
                json!({"type": "string", "nullable": true}),
                json!({"type": "string"}),
                json!({"type": "string"}),
            ),
            (
                json!({"minimum": 1, "maximum": 5}),
                json!({"minimum": 2, "maximum": 7}),
                json!({"minimum": 2, "maximum": 5}),
            ),
            (
                json!({"properties": {"a": {"minimum": 1}}}),
                json!({"properties": {"a": {"maximum": 2}}}),
                json!({"properties": {"a": {"allOf": [{"minimum": 1}, {"maximum": 2}]}}}),
            ),
            (json!({"enum": [1, 2]}), json!({"enum": [2.0, 3]}), json!({"enum": [2]})),
            (
                json!({"title": "a", "description": "x"}),
                json!({"title": "b", "description": "y"}),
                json!({"title": "a", "description": "x\n\ny"}),
            ),
        ] {
            assert_eq!(merged(a, b), Ok(wanted));
        }
    }

    #[test]
    fn a_closed_object_stays_closed() {
        let closed = json!({"properties": {"a": {}}, "additionalProperties": false});
        assert_eq!(
            merged(closed.clone(), json!({"properties": {"b": {}}})),
            Ok(json!({"properties": {"a": {}}, "additionalProperties": false}))
        );
        assert_eq!(
            merged(json!({"properties": {"b": {}}}), closed.clone()).expect("merged")["additionalProperties"],
            json!(false)
        );
        let needed = json!({"properties": {"b": {}}, "required": ["b"]});
        assert_eq!(merged(closed, needed), Err("additionalProperties".to_owned()));
    }

    #[test]
    fn what_is_no_one_schema_says_why() {
        for (a, b, keyword) in [
            (json!({"type": "string"}), json!({"type": "integer"}), "type"),
            (json!({"pattern": "a"}), json!({"pattern": "b"}), "pattern"),
            (json!({"const": 1}), json!({"const": 2}), "const"),
            (json!({"anyOf": [{}]}), json!({"anyOf": [true]}), "anyOf"),
            (json!({"items": {}}), json!({"prefixItems": [{}]}), "prefixItems"),
        ] {
            assert_eq!(merged(a, b), Err(keyword.to_owned()));
        }
    }

    #[test]
    fn references_are_followed_once() {
        let root = json!({"$defs": {"A": {"type": "object", "$ref": "#/$defs/B"}, "B": {"title": "B"},
            "C": {"$ref": "#/$defs/C", "title": "c"}}});
        let refs = Refs::new(&root);
        let merged = |schema: Value| {
            let Value::Object(schema) = schema else { panic!("an object") };
            flat(&schema, &refs, &mut Vec::new()).map(|(schema, _)| Value::Object(schema))
        };
        assert_eq!(
            merged(json!({"$ref": "#/$defs/A", "x": 1})),
            Ok(json!({"x": 1, "type": "object", "title": "B"}))
        );
        for nowhere in ["#/$defs/C", "#/none", "https://a.example"] {
            assert_eq!(merged(json!({"$ref": nowhere})), Err("$ref".to_owned()), "{nowhere}");
        }
    }
}
