//! Arrays whose elements are described one by one. codex has no keyword for that.

use super::Walk;
use crate::schema::{Object, Refusal};
use serde_json::{Value, json};

/// The most kinds of elements of a tuple that its schema lists.
const KINDS: usize = 100;

impl Walk<'_, '_> {
    /// A tuple's elements are told by place; the schema has what an element may be at all.
    pub(super) fn tuple(
        &mut self,
        schema: &Object,
        out: &mut Object,
        lost: &mut Object,
    ) -> Result<(), Refusal> {
        if !is_one(schema) {
            return Ok(());
        }
        let (first, rest) = if schema.contains_key("prefixItems") {
            ("prefixItems", "items")
        } else {
            ("items", "additionalItems")
        };
        for key in ["prefixItems", "items", "additionalItems"] {
            if let Some(value) = schema.get(key) {
                lost.insert(key.to_owned(), value.clone());
            }
        }
        // It is all told already, with what is lost in the parts.
        let told = self.lost.len();
        let first = match schema.get(first) {
            Some(Value::Array(parts)) if parts.is_empty() => Value::Array(Vec::new()),
            parts => self.alternatives(first, parts.unwrap_or(&Value::Null))?,
        };
        self.lost.truncate(told);
        let closed = schema.get(rest) == Some(&json!(false));
        let mut kinds: Vec<Value> = Vec::new();
        for part in first.as_array().into_iter().flatten().filter(|_| closed) {
            if kinds.len() <= KINDS && !kinds.contains(part) {
                kinds.push(part.clone());
            }
        }
        let items = match kinds.as_mut_slice() {
            [] => json!({}),
            kinds if kinds.len() > KINDS => json!({}),
            [kind] => kind.take(),
            kinds => json!({"anyOf": kinds}),
        };
        out.insert("items".to_owned(), items);
        Ok(())
    }
}

/// Whether a schema describes one.
pub(super) fn is_one(schema: &Object) -> bool {
    schema.contains_key("prefixItems") || schema.get("items").is_some_and(Value::is_array)
}
