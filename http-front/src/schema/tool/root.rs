//! The top of a function's parameters, for which OpenAI has rules of its own.

use super::Walk;
use crate::schema::{
    Object, Refusal, keyword,
    merge::{flat, merge},
    types::Types,
};
use serde_json::{Value, json};

/// The most schemas of a root's `allOf`, and the most bytes of the root, for which these are merged: each merge may
/// go through all that was merged before.
const MERGED: (usize, usize) = (500, 256 * 1024);

impl Walk<'_, '_> {
    /// The root as OpenAI takes it: with `type: "object"`, and without `anyOf` and the like beside it, which are
    /// told.
    pub(super) fn root(&mut self, parameters: &Value) -> Result<Object, Refusal> {
        let Value::Object(own) = parameters else {
            return Err(self
                .place
                .refuse("The parameters of a function must be a JSON Schema of type \"object\"."));
        };
        let mut root = self.flat_root(own)?;
        let types = match root.get("type") {
            Some(types) => Types::read(types).ok_or_else(|| self.bad_type(types))?,
            None => keyword::meant(&root).unwrap_or_else(|| {
                let notes = root.keys().all(|key| keyword::is_note(key));
                let object = root.keys().any(|key| keyword::subject(key) == Types::OBJECT);
                if notes || object { Types::OBJECT } else { Types::NONE }
            }),
        };
        if !types.meets(Types::OBJECT) {
            return Err(self
                .place
                .refuse("The parameters of a function must be a JSON Schema of type \"object\"."));
        }
        root.insert("type".to_owned(), json!("object"));
        let mut beside = Object::new();
        for key in ["anyOf", "oneOf", "allOf", "enum", "const", "$ref"] {
            if let Some(value) = root.shift_remove(key) {
                beside.insert(key.to_owned(), value);
            }
        }
        root.shift_remove("nullable");
        if !beside.is_empty() {
            self.lose(0, Value::Object(beside));
        }
        Ok(root)
    }

    /// The root with its reference and its `allOf` merged in, as far as that can be done.
    fn flat_root(&mut self, own: &Object) -> Result<Object, Refusal> {
        let mut root = own.clone();
        if root.contains_key("$ref") {
            let message = "The reference leads to nothing that can stand here.";
            let (whole, hid) =
                flat(own, self.refs, &mut Vec::new()).map_err(|_| self.place.refuse_key("$ref", message))?;
            root = whole;
            self.whole |= hid;
        }
        let Some(Value::Array(branches)) = root.get("allOf").cloned() else { return Ok(root) };
        if branches.len() > MERGED.0 || Value::Object(root.clone()).to_string().len() > MERGED.1 {
            return Ok(root);
        }
        let mut merged = root.clone();
        merged.shift_remove("allOf");
        for branch in &branches {
            let flat = branch.as_object().and_then(|branch| flat(branch, self.refs, &mut Vec::new()).ok());
            let done = flat.and_then(|(branch, hid)| Some(hid | merge(&mut merged, branch).ok()?));
            match done {
                Some(hid) => self.whole |= hid,
                None => return Ok(root),
            }
        }
        Ok(merged)
    }
}
