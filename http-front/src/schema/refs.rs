//! References: what they mean inside one schema.
//!
//! It promises that what it returns is part of the schema that it was made from. It never follows a reference
//! out of that schema.

use super::Object;
use serde_json::Value;
use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
};

/// How many references may follow one another without a schema between them.
const CHAIN: usize = 32;
/// The longest reference and the longest pointer to an anchor, in bytes: many may lead to one long name.
const POINTER: usize = 4096;
/// The most bytes of all the pointers to anchors.
const POINTERS: usize = 256 * 1024;

/// The references of one schema.
pub(super) struct Refs<'a> {
    root: &'a Value,
    /// The address that the schema gives itself.
    id: Option<&'a str>,
    anchors: HashMap<&'a str, String>,
    /// Where the chains end that were followed, by where they begin: many references may lead to one chain.
    ends: RefCell<HashMap<*const Value, Option<&'a Value>>>,
}

/// What a reference means.
#[derive(Debug, Clone)]
pub(super) struct Target<'a> {
    /// Its place in the schema, a JSON pointer; empty for the schema itself.
    pub(super) pointer: String,
    /// It.
    pub(super) schema: &'a Value,
}

impl<'a> Refs<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        let id = root.get("$id").or_else(|| root.get("id")).and_then(Value::as_str);
        let id = id.map(|id| id.trim_end_matches('#')).filter(|id| !id.is_empty());
        let (mut anchors, mut left) = (HashMap::new(), POINTERS);
        find_anchors(root, &mut String::new(), &mut anchors, &mut left);
        Self { root, id, anchors, ends: RefCell::default() }
    }

    /// What a reference means, if it is in this schema and leads to something.
    pub(super) fn resolve(&self, reference: &str) -> Option<Target<'a>> {
        let target = self.step(reference)?;
        // A chain of bare references that never ends has no meaning.
        self.behind(target.schema)?;
        Some(target)
    }

    fn step(&self, reference: &str) -> Option<Target<'a>> {
        if reference.len() > POINTER {
            return None;
        }
        let own = self
            .id
            .and_then(|id| reference.strip_prefix(id))
            .filter(|rest| rest.is_empty() || rest.starts_with('#'));
        let fragment = match own.unwrap_or(reference) {
            "" => "",
            reference => reference.strip_prefix('#')?,
        };
        let fragment = decoded(fragment)?;
        let pointer = match fragment.as_str() {
            pointer if pointer.is_empty() || pointer.starts_with('/') => pointer.to_owned(),
            anchor => self.anchors.get(anchor)?.clone(),
        };
        let schema = self.root.pointer(&pointer)?;
        (schema.is_object() || schema.is_boolean()).then_some(Target { pointer, schema })
    }

    /// The schema behind a schema: itself, or where its bare reference leads.
    pub(super) fn behind(&self, schema: &'a Value) -> Option<&'a Value> {
        if let Some(end) = self.ends.borrow().get(&std::ptr::from_ref(schema)) {
            return *end;
        }
        let end = self.end(schema);
        self.ends.borrow_mut().insert(schema, end);
        end
    }

    fn end(&self, mut schema: &'a Value) -> Option<&'a Value> {
        for _ in 0..CHAIN {
            match schema.get("$ref").and_then(Value::as_str) {
                Some(reference) => schema = self.step(reference)?.schema,
                None => return Some(schema),
            }
        }
        None
    }
}

/// The last step of a pointer, for a name; none for the root.
pub(super) fn last(pointer: &str) -> Option<String> {
    Some(pointer.rsplit_once('/')?.1.replace("~1", "/").replace("~0", "~"))
}

/// Whether there is any reference in this value.
pub(super) fn has_any(value: &Value) -> bool {
    let refers = |members: &Object| {
        ["$ref", "$dynamicRef", "$recursiveRef"].iter().any(|key| members.contains_key(*key))
    };
    match value {
        Value::Array(values) => values.iter().any(has_any),
        Value::Object(members) => refers(members) || members.values().any(has_any),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// `$anchor`, and draft 7's `$id` with a fragment. The first of a name stands. Names that would make a pointer
/// longer than [`POINTER`] are passed over, and anchors for whose pointers `left` has no bytes: many anchors below
/// one long name would take more room than the request.
fn find_anchors<'a>(
    value: &'a Value,
    pointer: &mut String,
    anchors: &mut HashMap<&'a str, String>,
    left: &mut usize,
) {
    let length = pointer.len();
    match value {
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                pointer.push_str(&format!("/{at}"));
                find_anchors(value, pointer, anchors, left);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            let named = |key: &str| members.get(key).and_then(Value::as_str);
            let old = |key: &str| named(key).and_then(|id| id.strip_prefix('#'));
            for anchor in
                [named("$anchor"), named("$dynamicAnchor"), old("$id"), old("id")].into_iter().flatten()
            {
                if let (Entry::Vacant(entry), Some(rest)) = (anchors.entry(anchor), left.checked_sub(length))
                {
                    *left = rest;
                    entry.insert(pointer.clone());
                }
            }
            for (key, value) in members.iter().filter(|(key, _)| length + key.len() < POINTER) {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                find_anchors(value, pointer, anchors, left);
                pointer.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Undoes the percent encoding of a fragment; `None` where the result is no text.
fn decoded(fragment: &str) -> Option<String> {
    if !fragment.contains('%') {
        return Some(fragment.to_owned());
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = match (first, tail) {
            (b'%', [a, b, after @ ..]) => {
                rest = after;
                let digits = [char::from(*a).to_digit(16)?, char::from(*b).to_digit(16)?];
                u8::try_from(digits[0] * 16 + digits[1]).ok()?
            }
            (first, _) => *first,
        };
        bytes.push(hex);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_lead_where_the_specification_says() {
        let root = json!({"$id": "https://a.example/s", "properties": {"x": {"$anchor": "here", "type": "string"}},
            "$defs": {"a/b": {"type": "integer"}, "a b": true, "c": {"$id": "#old"}, "loop": {"$ref": "#/$defs/pool"},
                "pool": {"$ref": "#/$defs/loop"}, "alias": {"$ref": "#/$defs/c"}}});
        let refs = Refs::new(&root);
        for (reference, pointer) in [
            ("#", Some("")),
            ("", Some("")),
            ("#here", Some("/properties/x")),
            ("#old", Some("/$defs/c")),
            ("#/$defs/a~1b", Some("/$defs/a~1b")),
            ("#/$defs/a%20b", Some("/$defs/a b")),
            ("#/$defs/alias", Some("/$defs/alias")),
            ("https://a.example/s#/properties/x", Some("/properties/x")),
            ("https://a.example/s", Some("")),
            ("https://a.example/strange", None),
            ("#/$defs/none", None),
            ("#/$defs/loop", None),
            ("#/properties/x/type", None),
            ("#%f", None),
            ("#%ff", None),
            ("other.json", None),
        ] {
            let found = refs.resolve(reference).map(|target| target.pointer);
            assert_eq!(found.as_deref(), pointer, "{reference}");
        }
        assert_eq!(last("/$defs/a~1b").as_deref(), Some("a/b"));
    }

    #[test]
    fn long_names_are_not_kept_for_each_anchor() {
        let anchors: Vec<Value> = (0..100).map(|at| json!({"$anchor": at.to_string()})).collect();
        let long = "x".repeat(POINTER - 1);
        let root = json!({"$anchor": "top", long.as_str(): anchors, "z": {"$anchor": "z"}});
        let refs = Refs::new(&root);
        assert!(refs.anchors.values().map(String::len).sum::<usize>() <= POINTERS);
        assert!(refs.resolve("#0").is_some() && refs.resolve("#top").is_some());
        assert!(refs.resolve("#99").is_none());
        assert!(refs.resolve(&format!("#/{}", "x".repeat(POINTER))).is_none());
    }
}
