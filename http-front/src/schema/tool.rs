//! What becomes of the parameters of a function: a schema that codex carries as it is, and a text.
//!
//! codex keeps a part of JSON Schema in a tool's schema and removes or changes the rest without a word (measured;
//! the table in `docs/compatibility.md` says what is what). It owns the rewriting into that part. It promises that
//! the schema means what the client's meant, or less, and that the text has what is missing. It never looks at the
//! calls that a model makes.

mod root;
mod told;
mod tuple;

use super::{
    Object, Refusal, bounded,
    definitions::Definitions,
    keyword,
    place::Place,
    refs::Refs,
    types::{Types, same},
};
use serde_json::{Value, json};

/// Up to this many bytes of compact JSON the child leaves a schema's descriptions and references alone (measured).
const CARRIED: usize = 5000;
/// The most bytes of places that are listed: a longer list is no easier to follow than the schema itself, and with
/// long names it would be larger than the request.
const PLACES: usize = 16 * 1024;

/// What a function's schema becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The tool's `inputSchema`.
    pub schema: Value,
    /// What the schema can't say, for the end of the tool's description.
    pub told: Option<String>,
}

/// Makes the `inputSchema` of a function's `parameters`. A function without parameters has
/// `{"type":"object","properties":{}}`. `strict` is the client's: codex always sends `strict: false`, so the model
/// is told.
///
/// # Errors
/// A [`Refusal`] for what is no schema of an object, and for what is no JSON Schema.
pub fn carried(parameters: &Value, strict: bool) -> Result<Carried, Refusal> {
    bounded(parameters)?;
    let refs = Refs::new(parameters);
    let mut walk = Walk {
        refs: &refs,
        place: Place::default(),
        lost: Vec::new(),
        definitions: Definitions::default(),
        places: 0,
        whole: false,
    };
    let root = walk.root(parameters)?;
    let mut schema = walk.object(&root)?;
    walk.definitions(&mut schema)?;
    let schema = Value::Object(schema);
    // What is told may refer to definitions that are gone: then only the whole is complete.
    let whole = walk.whole
        || schema.to_string().len() > CARRIED
        || walk.lost.iter().any(|(_, value)| super::refs::has_any(value));
    let told = told::text(&walk.lost, whole.then_some(parameters), strict);
    Ok(Carried { schema, told })
}

/// One walk through one schema.
struct Walk<'a, 'r> {
    refs: &'r Refs<'a>,
    place: Place,
    /// The keywords that are not carried, by place.
    lost: Vec<(String, Value)>,
    definitions: Definitions<'a>,
    /// The bytes of the places in `lost`.
    places: usize,
    /// Whether the whole schema must be told.
    whole: bool,
}

impl Walk<'_, '_> {
    /// One schema.
    fn schema(&mut self, schema: &Value) -> Result<Value, Refusal> {
        match schema {
            Value::Bool(true) => Ok(json!({})),
            Value::Bool(false) => {
                self.lose(self.lost.len(), json!(false));
                Ok(json!({}))
            }
            Value::Object(schema) => Ok(Value::Object(self.object(schema)?)),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(self.place.refuse("A JSON Schema must be an object or a boolean."))
            }
        }
    }

    fn object(&mut self, schema: &Object) -> Result<Object, Refusal> {
        let at = self.lost.len();
        let mut lost = Object::new();
        // What leads nowhere is told, and the rest is a schema without it.
        let mut rest = None;
        if let Some(reference @ Value::String(to)) = schema.get("$ref")
            && self.refs.resolve(to).is_none()
        {
            lost.insert("$ref".to_owned(), reference.clone());
            rest.insert(schema.clone()).shift_remove("$ref");
        }
        let schema = rest.as_ref().unwrap_or(schema);
        let mut types = self.types(schema)?;
        let mut out = Object::new();
        let combined = ["anyOf", "oneOf", "allOf", "$ref"].iter().any(|key| schema.contains_key(*key));
        if let Some(types) = types.and_then(Types::written) {
            out.insert("type".to_owned(), types);
        }
        for (key, value) in schema {
            self.keyword(schema, (key, value), &mut out, &mut lost)?;
        }
        if schema.get("nullable") == Some(&json!(true)) {
            types = types.map(|types| types.or(Types::NULL));
            nullable(&mut out);
        }
        self.tuple(schema, &mut out, &mut lost)?;
        complete(&mut out, types);
        let named = ["type", "enum"].iter().any(|key| out.contains_key(*key));
        // The child makes `{}` of what has neither, and its description is gone.
        if !named
            && !combined
            && let Some(description) = out.shift_remove("description")
        {
            let title = schema.get("description").is_none();
            lost.insert(if title { "title" } else { "description" }.to_owned(), description);
        }
        if !lost.is_empty() {
            // Before what was found below: told from the outside in.
            self.lose(at, Value::Object(lost));
        }
        Ok(out)
    }

    /// Remembers what is not carried of the schema in hand, as number `at` of what is told.
    fn lose(&mut self, at: usize, keywords: Value) {
        if self.whole {
            return;
        }
        let place = self.place.told();
        self.places += place.len();
        if self.places > PLACES {
            self.whole = true;
            self.lost.clear();
            return;
        }
        self.lost.insert(at, (place, keywords));
    }

    /// The types that are carried: the declared ones, those of the listed values, or the meant ones.
    fn types(&self, schema: &Object) -> Result<Option<Types>, Refusal> {
        if let Some(types) = schema.get("type") {
            return Types::read(types).map(Some).ok_or_else(|| self.bad_type(types));
        }
        let values = match (schema.get("const"), schema.get("enum")) {
            (Some(value), _) => std::slice::from_ref(value),
            (None, Some(Value::Array(values))) => values.as_slice(),
            (None, _) => return Ok(keyword::meant(schema)),
        };
        Ok(Some(values.iter().fold(Types::NONE, |types, value| types.or(Types::of(value)))))
    }

    fn bad_type(&self, found: &Value) -> Refusal {
        let found: String = found.to_string().chars().take(64).collect();
        let message = format!("{found} is no type of JSON Schema, and no list of its types.");
        self.place.refuse_key("type", message)
    }

    fn keyword(
        &mut self,
        schema: &Object,
        (key, value): (&String, &Value),
        out: &mut Object,
        lost: &mut Object,
    ) -> Result<(), Refusal> {
        let carried = match key.as_str() {
            "type" | "nullable" if key == "type" || value.is_boolean() => return Ok(()),
            "title" => return self.title(schema, value, out, lost),
            "description" => value.as_str().map(Value::from),
            "const" => Some(json!([value])),
            "enum" => {
                let values = value.as_array().filter(|values| !values.is_empty());
                let values = values
                    .ok_or_else(|| self.place.refuse_key(key, "`enum` must list at least one value."))?;
                match schema.get("const") {
                    Some(one) if !(values.len() == 1 && same(one, &values[0])) => None,
                    Some(_) => return Ok(()),
                    None => Some(value.clone()),
                }
            }
            "properties" => Some(self.properties(value)?),
            "required" => {
                let names = value.as_array().filter(|names| names.iter().all(Value::is_string));
                let message = "`required` must be an array of the names of properties.";
                Some(names.ok_or_else(|| self.place.refuse_key(key, message))?.iter().cloned().collect())
            }
            "additionalProperties" if value.is_boolean() => Some(value.clone()),
            // A tuple: `Self::tuple` does it.
            "items" if value.is_array() || schema.contains_key("prefixItems") => return Ok(()),
            "prefixItems" | "additionalItems" if tuple::is_one(schema) => return Ok(()),
            "additionalProperties" | "items" => Some(self.below(&[key], value)?),
            "minItems" => keyword::count(value)
                .filter(|_| {
                    out.get("type").and_then(Types::read).is_some_and(|types| types.meets(Types::ARRAY))
                })
                .map(Value::from),
            "anyOf" | "oneOf" | "allOf" => Some(self.alternatives(key, value)?),
            "$ref" => {
                let Some(reference) = value.as_str() else {
                    return Err(self.place.refuse_key(key, "A reference must be a string."));
                };
                self.reference(reference)
            }
            key if keyword::role(key) == keyword::Role::Silent => return Ok(()),
            _ => None,
        };
        match carried {
            Some(carried) => {
                let key = if key == "const" { "enum" } else { key };
                out.insert(key.to_owned(), carried);
            }
            None => {
                lost.insert(key.clone(), value.clone());
            }
        }
        Ok(())
    }

    /// A title stands for a missing description. One that repeats the property's name says nothing.
    fn title(
        &self,
        schema: &Object,
        value: &Value,
        out: &mut Object,
        lost: &mut Object,
    ) -> Result<(), Refusal> {
        match value.as_str() {
            Some(title) if self.place.name().is_some_and(|name| keyword::repeats(title, name)) => {}
            Some(title) if !schema.contains_key("description") => {
                out.insert("description".to_owned(), title.into());
            }
            Some(_) | None => {
                lost.insert("title".to_owned(), value.clone());
            }
        }
        Ok(())
    }

    fn properties(&mut self, value: &Value) -> Result<Value, Refusal> {
        let properties = value.as_object().ok_or_else(|| {
            self.place.refuse_key("properties", "`properties` must be an object of JSON Schemas by name.")
        })?;
        let mut out = Object::new();
        for (name, schema) in properties {
            out.insert(name.clone(), self.below(&["properties", name], schema)?);
        }
        Ok(Value::Object(out))
    }

    fn alternatives(&mut self, key: &str, value: &Value) -> Result<Value, Refusal> {
        let schemas = value.as_array().filter(|schemas| !schemas.is_empty()).ok_or_else(|| {
            self.place.refuse_key(key, format!("`{key}` must be an array of at least one JSON Schema."))
        })?;
        let depth = self.place.depth();
        let mut out = Vec::new();
        for (at, schema) in schemas.iter().enumerate() {
            self.place.push(key);
            self.place.push(at);
            out.push(self.schema(schema)?);
            self.place.back(depth);
        }
        Ok(Value::Array(out))
    }

    fn reference(&mut self, reference: &str) -> Option<Value> {
        let target = self.refs.resolve(reference)?;
        if target.pointer.is_empty() {
            return Some(json!("#"));
        }
        let number = self.definitions.of(0, "", target);
        Some(json!(format!("#/$defs/{}", self.definitions.name(number))))
    }

    fn below(&mut self, steps: &[&str], schema: &Value) -> Result<Value, Refusal> {
        let depth = self.place.depth();
        for step in steps {
            self.place.push(*step);
        }
        let out = self.schema(schema)?;
        self.place.back(depth);
        Ok(out)
    }

    /// Adds the definitions that are referred to, and those that these refer to.
    fn definitions(&mut self, schema: &mut Object) -> Result<(), Refusal> {
        let mut out = Object::new();
        let mut at = 0;
        while let Some(definition) = self.definitions.get(at).cloned() {
            self.place = Place::default();
            self.place.push("$defs");
            self.place.push(definition.name.as_str());
            let converted = self
                .schema(definition.target.schema)
                .map_err(|refusal| definition.original(&refusal, "$defs"))?;
            out.insert(definition.name, converted);
            at += 1;
        }
        if !out.is_empty() {
            schema.insert("$defs".to_owned(), Value::Object(out));
        }
        Ok(())
    }
}

/// What the child would add by itself, and wrongly for arrays: it makes them arrays of strings.
fn complete(out: &mut Object, types: Option<Types>) {
    let types = types.unwrap_or(Types::NONE);
    for (part, kind) in [("properties", Types::OBJECT), ("items", Types::ARRAY)] {
        if types.meets(kind) && !out.contains_key(part) {
            out.insert(part.to_owned(), json!({}));
        }
    }
}

/// Lets a schema take `null` too.
fn nullable(out: &mut Object) {
    if let Some(types) = out.get("type").and_then(Types::read) {
        if let Some(types) = types.or(Types::NULL).written() {
            out.insert("type".to_owned(), types);
        }
        if let Some(values) = out.get_mut("enum").and_then(Value::as_array_mut)
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
    } else if ["anyOf", "oneOf", "allOf", "$ref"].iter().any(|key| out.contains_key(*key)) {
        let description = out.shift_remove("description");
        let inner = std::mem::take(out);
        if let Some(description) = description {
            out.insert("description".to_owned(), description);
        }
        out.insert("anyOf".to_owned(), json!([inner, {"type": "null"}]));
    }
}

#[cfg(test)]
mod tests;
