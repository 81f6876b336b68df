//! What the keywords of JSON Schema are: draft 2020-12's, older drafts', OpenAPI's.
//!
//! It owns the lists, so that the converters agree. A keyword that is in none of them asserts nothing (the
//! specification says so) and is treated like `default`: the model is told of it.

use super::{Object, types::Types};
use serde_json::Value;
use std::collections::HashSet;

/// The formats that OpenAI's strict mode knows.
const FORMATS: [&str; 9] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

/// Keywords that say how a schema is read and nothing of a value. `$comment` is for the schema's authors alone.
const SILENT: [&str; 9] = [
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$vocabulary",
    "$comment",
    "$defs",
    "definitions",
];

/// Keywords that both converters take apart themselves.
const SHAPE: [&str; 14] = [
    "$ref",
    "type",
    "const",
    "enum",
    "nullable",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
    "title",
    "description",
];

/// Keywords that say something of values of one type.
const OF_STRINGS: [&str; 4] = ["pattern", "format", "minLength", "maxLength"];
const OF_NUMBERS: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const OF_ARRAYS: [&str; 10] = [
    "items",
    "prefixItems",
    "additionalItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
];
const OF_OBJECTS: [&str; 11] = [
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
];
/// Keywords that say something of any value.
const OF_ALL: [&str; 6] = ["not", "if", "then", "else", "$dynamicRef", "$recursiveRef"];
/// Keywords that strict mode takes, beside those of [`SHAPE`].
const LIMITS: [&str; 9] = [
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
];

/// What a keyword is to the conversion for strict mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Converted with the schema's structure.
    Shape,
    /// Says nothing of a value.
    Silent,
    /// Strict mode takes it.
    Limit,
    /// Asserts something that strict mode has no keyword for.
    Assertion,
    /// Asserts nothing: a hint.
    Hint,
}

pub(super) fn role(key: &str) -> Role {
    if SHAPE.contains(&key) {
        Role::Shape
    } else if SILENT.contains(&key) {
        Role::Silent
    } else if LIMITS.contains(&key) {
        Role::Limit
    } else if !subject(key).is_empty() || OF_ALL.contains(&key) {
        Role::Assertion
    } else {
        Role::Hint
    }
}

/// The types of values that the keyword says something of; none for those that are about any or no value.
pub(super) fn subject(key: &str) -> Types {
    if OF_STRINGS.contains(&key) {
        Types::STRING
    } else if OF_NUMBERS.contains(&key) {
        Types::NUMBER
    } else if OF_ARRAYS.contains(&key) {
        Types::ARRAY
    } else if OF_OBJECTS.contains(&key) {
        Types::OBJECT
    } else {
        Types::NONE
    }
}

/// Whether a keyword leaves the set of valid values as it is.
pub(super) fn is_note(key: &str) -> bool {
    matches!(role(key), Role::Silent | Role::Hint) || matches!(key, "title" | "description")
}

/// The types that somebody who left `type` away has meant, by the keywords beside it. Strictly taken such
/// keywords let values of all other types pass; nobody means that.
pub(super) fn meant(schema: &Object) -> Option<Types> {
    let others = ["$ref", "anyOf", "oneOf", "allOf", "const", "enum"];
    if others.iter().any(|key| schema.contains_key(*key)) {
        return None;
    }
    let types = schema.keys().fold(Types::NONE, |types, key| types.or(subject(key)));
    Some(types).filter(|types| !types.is_empty())
}

/// Whether strict mode takes this format.
pub(super) fn is_format(value: &Value) -> bool {
    value.as_str().is_some_and(|name| FORMATS.contains(&name))
}

/// A number of things as an integer: `2.0` is one too, but neither the child nor everybody else reads it.
pub(super) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number =
            value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(n))?;
        format!("{number:.0}").parse().ok()
    })
}

/// The names that a schema requires.
pub(super) fn required(schema: &Object) -> HashSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a title only repeats the name beside it, as generators make them: `Page Size` for `page_size`.
pub(super) fn repeats(title: &str, name: &str) -> bool {
    let plain = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    plain(title) == plain(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_missing_type_is_told_by_the_keywords() {
        let meant = |schema: Value| meant(schema.as_object().expect("an object"));
        assert_eq!(meant(json!({"properties": {}})), Some(Types::OBJECT));
        assert_eq!(meant(json!({"minItems": 1})), Some(Types::ARRAY));
        assert_eq!(meant(json!({"minimum": 1, "pattern": "a"})), Some(Types::NUMBER.or(Types::STRING)));
        assert_eq!(meant(json!({"description": "d"})), None);
        assert_eq!(meant(json!({"properties": {}, "anyOf": [{}]})), None);
    }

    #[test]
    fn counts_and_titles() {
        assert_eq!(count(&json!(2.0)), Some(2));
        assert_eq!(count(&json!(3)), Some(3));
        for bad in [json!(-1), json!(0.5), json!("1"), json!(1e300), json!(null)] {
            assert_eq!(count(&bad), None, "{bad}");
        }
        assert!(repeats("Page Size", "page_size") && repeats("Query", "query") && !repeats("Text", "query"));
    }
}
