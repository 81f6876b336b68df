//! `$ref`, `allOf`, `anyOf` and `oneOf`.

use super::{ALTERNATIVES, Converter, Rule, distinct, reference};
use crate::schema::{
    Object, Refusal,
    keyword::is_note,
    merge::{Conflict, flat, merge},
    node::{Node, nullable},
};
use serde_json::{Value, json};

/// A merged schema, with the places of all that was merged in.
type Merged = (Value, Vec<String>);

impl Converter<'_> {
    /// A reference. Hints beside it stay beside it; what says something of the value is merged with the target.
    pub(super) fn reference(&mut self, schema: &Object, to: &Value) -> Result<Node, Refusal> {
        let target = to.as_str().and_then(|to| self.refs().resolve(to));
        let target = target.ok_or_else(|| {
            self.place.refuse_key(
                "$ref",
                "The reference leads to nothing in this schema; others are not looked up.",
            )
        })?;
        if constraints(schema, "$ref").next().is_some() {
            let mut passed = self.merging.clone();
            let merged = flat(schema, self.refs(), &mut passed).map_err(|conflict| {
                self.place.refuse_key(
                    "$ref",
                    format!("What is beside the reference can't be merged with it: {}.", why(&conflict)),
                )
            })?;
            return self.merged(&merged.0, passed);
        }
        let prefix = self.sources[self.source].1.clone();
        let number = self.definitions.of(self.source, &prefix, target);
        self.alternative_to_null(reference(number), schema)
    }

    /// All of these: one schema that says it all.
    pub(super) fn all_of(&mut self, schema: &Object, parts: &Value) -> Result<Node, Refusal> {
        let parts = self.list("allOf", parts)?;
        if let [part] = parts
            && constraints(schema, "allOf").next().is_none()
        {
            let node = self.below(&["allOf"], 0, |this| {
                this.place.push(0);
                this.node(part)
            })?;
            return self.alternative_to_null(node, schema);
        }
        let mut merged = without(schema, "allOf");
        let mut passed = self.merging.clone();
        for part in parts {
            let flat = match part {
                Value::Bool(true) => continue,
                Value::Object(part) => flat(part, self.refs(), &mut passed),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    Err("false".to_owned())
                }
            };
            let done = flat.and_then(|(part, _)| merge(&mut merged, part));
            done.map_err(|conflict| {
                self.place.refuse_key(
                    "allOf",
                    format!("These can't be merged into one schema: {}.", why(&conflict)),
                )
            })?;
            self.copy(&merged)?;
        }
        self.merged(&merged, passed)
    }

    /// One of these.
    pub(super) fn one_of(&mut self, schema: &Object, key: &str) -> Result<Node, Refusal> {
        let parts = self.list(key, schema.get(key).unwrap_or(&Value::Null))?;
        let mut told = Object::new();
        let mut rest = without(schema, key);
        if let Some(other) = rest.shift_remove("anyOf") {
            self.lose("anyOf", &other, &mut told)?;
        }
        let mut base: Object =
            constraints(&rest, key).map(|(key, value)| (key.clone(), value.clone())).collect();
        // Objects are closed here in any case.
        base.shift_remove("unevaluatedProperties");
        let (mut parts, mut passed) = (parts.to_vec(), vec![self.merging.clone(); parts.len()]);
        if !base.is_empty() {
            match self.distributed(&base, &parts)? {
                Ok(done) => (parts, passed) = done.into_iter().unzip(),
                Err(_) => {
                    self.lose(key, &Value::Array(parts), &mut told)?;
                    return self.plain(&rest, told);
                }
            }
        }
        if key == "oneOf" && !distinct::all(&parts, self.refs()) {
            match self.rule {
                Rule::Refused => {
                    let message = "It can't be guaranteed that just one of these is valid: no type and no constant \
                        member tells them apart.";
                    return Err(self.place.refuse_key(key, message));
                }
                Rule::Told => {
                    told.extend([("oneOf".to_owned(), json!("exactly one of the alternatives is valid"))])
                }
                Rule::Dropped => {}
            }
        }
        let mut nodes = Vec::new();
        for (at, (part, passed)) in parts.iter().zip(passed).enumerate() {
            if *part == false {
                continue;
            }
            let before = std::mem::replace(&mut self.merging, passed);
            nodes.push(self.below(&[key], 0, |this| {
                this.place.push(at);
                this.node(part)
            })?);
            self.merging = before;
        }
        if nodes.is_empty() {
            return Err(self.place.refuse_key(key, "No value is valid under any of these."));
        }
        let mut node = Node::any(nodes);
        if schema.get("nullable") == Some(&json!(true)) {
            nullable(&mut node);
        }
        self.noted(node, &rest, told)
    }

    /// Each alternative with what is said of all of them; those that no value can meet are `false`. With each what
    /// was merged for it.
    fn distributed(
        &mut self,
        base: &Object,
        parts: &[Value],
    ) -> Result<Result<Vec<Merged>, Conflict>, Refusal> {
        let mut all = Vec::new();
        for part in parts {
            let mut passed = self.merging.clone();
            let mut merged = base.clone();
            self.copy(&merged)?;
            let done = match part {
                Value::Bool(true) => Ok(()),
                Value::Object(part) => {
                    let flat = flat(part, self.refs(), &mut passed);
                    flat.and_then(|(part, _)| {
                        // The alternative's own title and description say what it is.
                        let mut own = part;
                        merge(&mut own, std::mem::take(&mut merged))?;
                        merged = own;
                        Ok(())
                    })
                }
                Value::Bool(false) => Err("type".to_owned()),
                Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    return Err(self.place.refuse("A JSON Schema must be an object or a boolean."));
                }
            };
            match done {
                Ok(()) => {
                    self.copy(&merged)?;
                    all.push((Value::Object(merged), passed));
                }
                Err(conflict) if conflict == "type" => all.push((json!(false), passed)),
                Err(conflict) => return Ok(Err(conflict)),
            }
        }
        Ok(Ok(all))
    }

    /// Converts what was made by merging. Its places are not the client's: a refusal names the place of the merge.
    fn merged(&mut self, schema: &Object, passed: Vec<String>) -> Result<Node, Refusal> {
        self.copy(schema)?;
        let here = self.place.refuse(String::new()).path;
        let before = std::mem::replace(&mut self.merging, passed);
        let node = self.schema(schema).map_err(|refusal| Refusal { path: here, message: refusal.message })?;
        self.merging = before;
        Ok(node)
    }

    fn alternative_to_null(&mut self, mut node: Node, schema: &Object) -> Result<Node, Refusal> {
        if schema.get("nullable") == Some(&json!(true)) {
            nullable(&mut node);
        }
        self.noted(node, schema, Object::new())
    }

    fn list<'v>(&self, key: &str, value: &'v Value) -> Result<&'v [Value], Refusal> {
        match value.as_array().map(Vec::as_slice) {
            None | Some([]) => Err(self
                .place
                .refuse_key(key, format!("`{key}` must be an array of at least one JSON Schema."))),
            Some(list) if list.len() > ALTERNATIVES => {
                Err(self.place.refuse_key(key, format!("`{key}` may have {ALTERNATIVES} schemas.")))
            }
            Some(list) => Ok(list),
        }
    }
}

/// What says something of the value, beside `but`.
fn constraints<'s>(schema: &'s Object, but: &'s str) -> impl Iterator<Item = (&'s String, &'s Value)> {
    schema.iter().filter(move |(key, _)| *key != but && *key != "nullable" && !is_note(key))
}

fn without(schema: &Object, key: &str) -> Object {
    let mut rest = schema.clone();
    rest.shift_remove(key);
    rest
}

fn why(conflict: &str) -> String {
    match conflict {
        "$ref" => "a reference leads nowhere or to itself".to_owned(),
        key => format!("they disagree in `{}`", key.chars().take(64).collect::<String>()),
    }
}
