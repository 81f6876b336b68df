//! A schema without alternatives: its types, its values and what limits them.

use super::{Converter, VALUES};
use crate::schema::{
    Object, Refusal,
    keyword::{self, Role},
    node::{Node, Plain},
    types::{Types, same},
};
use serde_json::{Value, json};

/// What OpenAI's regular expressions don't have.
const NO_PATTERN: [&str; 4] = ["(?=", "(?!", "(?<=", "(?<!"];
/// What listed values are checked for here, so that just those are listed that are valid.
const CHECKED: [&str; 7] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"];

impl Converter<'_> {
    /// A schema without `$ref`, `allOf`, `anyOf` and `oneOf`. `told` is what was lost of it already.
    pub(super) fn plain(&mut self, schema: &Object, mut told: Object) -> Result<Node, Refusal> {
        let values = self.listed(schema)?;
        let types = self.types(schema, values.as_deref())?;
        let limits = self.limits(schema, types.unwrap_or(Types::ALL), &mut told)?;
        let Some(types) = types else {
            let node = self.anything()?;
            return self.noted(node, schema, told);
        };
        if let Some(values) = values {
            let node = self.values(schema, (types, of(&limits, types.and(Types::SCALARS))), values)?;
            return self.noted(node, schema, told);
        }
        let mut nodes = Vec::new();
        let scalars = types.and(Types::SCALARS);
        if !scalars.is_empty() {
            nodes.push(Plain { limits: of(&limits, scalars), ..scalars.into() }.into());
        }
        if types.meets(Types::OBJECT) {
            let members = self.members(schema, &mut told)?;
            nodes.push(Plain { members, ..Types::OBJECT.into() }.into());
        }
        if types.meets(Types::ARRAY) {
            nodes.push(self.array(schema, of(&limits, Types::ARRAY), &mut told)?);
        }
        self.noted(Node::any(nodes), schema, told)
    }

    /// The types: the declared ones, those of the listed values, or the meant ones.
    fn types(&self, schema: &Object, values: Option<&[Value]>) -> Result<Option<Types>, Refusal> {
        let types = match (schema.get("type"), values) {
            (Some(types), _) => Some(Types::read(types).ok_or_else(|| {
                let found: String = types.to_string().chars().take(64).collect();
                self.place.refuse_key(
                    "type",
                    format!("{found} is no type of JSON Schema, and no list of its types."),
                )
            })?),
            (None, Some(values)) => {
                Some(values.iter().fold(Types::NONE, |types, value| types.or(Types::of(value))))
            }
            (None, None) => keyword::meant(schema),
        };
        let nullable = schema.get("nullable") == Some(&json!(true));
        Ok(types.map(|types| if nullable { types.or(Types::NULL) } else { types }))
    }

    /// The values that `const` and `enum` list.
    fn listed(&self, schema: &Object) -> Result<Option<Vec<Value>>, Refusal> {
        let listed = match schema.get("enum") {
            Some(Value::Array(values)) if !values.is_empty() => Some(values.clone()),
            Some(_) => return Err(self.place.refuse_key("enum", "`enum` must list at least one value.")),
            None => None,
        };
        Ok(match (schema.get("const"), listed) {
            (Some(only), Some(values)) => {
                Some(values.into_iter().filter(|value| same(value, only)).collect())
            }
            (Some(only), None) => Some(vec![only.clone()]),
            (None, listed) => listed,
        })
    }

    fn values(
        &mut self,
        schema: &Object,
        (types, limits): (Types, Object),
        listed: Vec<Value>,
    ) -> Result<Node, Refusal> {
        let key = if schema.contains_key("const") { "const" } else { "enum" };
        let mut values: Vec<Value> = Vec::new();
        let null = schema.get("nullable") == Some(&json!(true));
        let fits = |value: &Value| types.takes(value) && is_within(schema, value);
        for value in listed.into_iter().filter(fits).chain(null.then_some(Value::Null)) {
            if value.is_object() || value.is_array() {
                return Err(self
                    .place
                    .refuse_key(key, "Strict schemas can list strings, numbers, booleans and null only."));
            }
            if !values.contains(&value) {
                values.push(value);
            }
            if self.values + values.len() > VALUES {
                let message = format!("Strict schemas may list {VALUES} values in all.");
                return Err(self.place.refuse_key(key, message));
            }
        }
        if values.is_empty() {
            return Err(self.place.refuse_key(key, "No value is valid here."));
        }
        self.values += values.len();
        let found = values.iter().fold(Types::NONE, |found, value| found.or(Types::of(value)));
        Ok(Plain { values: Some(values), limits, ..types.and(Types::SCALARS).and(found).into() }.into())
    }

    /// The keywords that are carried as they are. What strict mode has nothing for is lost; what says nothing of
    /// these types, or nothing at all, is left out.
    fn limits(&mut self, schema: &Object, types: Types, told: &mut Object) -> Result<Object, Refusal> {
        let mut limits = Object::new();
        let listed = ["const", "enum"].iter().any(|key| schema.contains_key(*key));
        for (key, value) in schema {
            let subject = keyword::subject(key);
            if listed && CHECKED.contains(&key.as_str()) {
                continue;
            }
            // OpenAPI's formats of numbers are hints.
            if key == "format" && !types.meets(Types::STRING) {
                told.insert(key.clone(), value.clone());
            }
            if !subject.is_empty() && !types.meets(subject) || is_idle(schema, key, value) {
                continue;
            }
            match keyword::role(key) {
                Role::Limit => match self.limit(key, value)? {
                    Some(value) => {
                        limits.insert(key.clone(), value);
                    }
                    None => self.lose(key, value, told)?,
                },
                // Those of objects and of arrays are looked at with their members and elements.
                Role::Assertion if !subject.meets(Types::OBJECT.or(Types::ARRAY)) => {
                    self.lose(key, value, told)?
                }
                Role::Assertion | Role::Shape | Role::Silent | Role::Hint => {}
            }
        }
        Ok(limits)
    }

    /// The value as strict mode takes it; `None` where it doesn't.
    fn limit(&self, key: &str, value: &Value) -> Result<Option<Value>, Refusal> {
        let bad = |what: &str| self.place.refuse_key(key, format!("`{key}` must be {what}."));
        match key {
            "pattern" => {
                let text = value.as_str().ok_or_else(|| bad("a regular expression"))?;
                let known = !NO_PATTERN.iter().any(|part| text.contains(part));
                Ok(known.then(|| value.clone()))
            }
            "format" => Ok(keyword::is_format(value).then(|| value.clone())),
            "minItems" | "maxItems" => {
                keyword::count(value).map(Value::from).map(Some).ok_or_else(|| bad("a number of elements"))
            }
            "multipleOf" if !value.as_f64().is_some_and(|n| n > 0.0) => Err(bad("a number greater than 0")),
            _ if value.is_number() => Ok(Some(value.clone())),
            _ => Err(bad("a number")),
        }
    }

    /// An array. A tuple is one of what its elements may be, as far as the rest can be told.
    fn array(&mut self, schema: &Object, mut limits: Object, told: &mut Object) -> Result<Node, Refusal> {
        for (key, value) in schema {
            let known = keyword::role(key) == Role::Assertion && keyword::subject(key) == Types::ARRAY;
            if known && !is_idle(schema, key, value) {
                self.lose(key, value, told)?;
            }
        }
        let items = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(parts), rest) => self.tuple("prefixItems", parts, rest, told)?,
            (None, Some(Value::Array(parts))) if parts.is_empty() => {
                self.below(&["items"], 1, |this| this.anything())?
            }
            (None, Some(parts @ Value::Array(_))) => {
                self.lose("items", parts, told)?;
                self.tuple("items", parts, schema.get("additionalItems"), told)?
            }
            (None, Some(Value::Bool(false))) => {
                limits.insert("maxItems".to_owned(), json!(0));
                Plain::from(Types::NULL).into()
            }
            (None, Some(items)) => self.below(&["items"], 1, |this| this.node(items))?,
            (None, None) => self.below(&["items"], 1, |this| this.anything())?,
        };
        Ok(Plain { limits, items: Some(Box::new(items)), ..Types::ARRAY.into() }.into())
    }

    fn tuple(
        &mut self,
        key: &str,
        parts: &Value,
        rest: Option<&Value>,
        told: &mut Object,
    ) -> Result<Node, Refusal> {
        let Some(parts) = parts.as_array() else {
            return Err(self.place.refuse_key(key, format!("`{key}` must be an array of JSON Schemas.")));
        };
        if let Some(rest) = rest {
            self.lose(if key == "items" { "additionalItems" } else { "items" }, rest, told)?;
        }
        let mut nodes = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            nodes.push(self.below(&[key], 1, |this| {
                this.place.push(at);
                this.node(part)
            })?);
        }
        match rest {
            Some(Value::Bool(false)) if !nodes.is_empty() => {}
            Some(rest) => nodes.push(self.below(&["items"], 1, |this| this.node(rest))?),
            None => nodes.push(self.anything()?),
        }
        Ok(Node::any(nodes))
    }
}

/// The limits that say something of these types.
fn of(limits: &Object, types: Types) -> Object {
    let of_types = |key: &str| types.meets(keyword::subject(key));
    limits.iter().filter(|(key, _)| of_types(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a listed value is within the bounds of [`CHECKED`].
fn is_within(schema: &Object, value: &Value) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    if let Some(text) = value.as_str() {
        let count = text.chars().count() as u64;
        let bound = |key: &str| schema.get(key).and_then(keyword::count);
        return bound("minLength").is_none_or(|b| count >= b)
            && bound("maxLength").is_none_or(|b| count <= b);
    }
    value.as_f64().is_none_or(|n| {
        bound("minimum").is_none_or(|b| n >= b)
            && bound("maximum").is_none_or(|b| n <= b)
            && bound("exclusiveMinimum").is_none_or(|b| n > b)
            && bound("exclusiveMaximum").is_none_or(|b| n < b)
            && bound("multipleOf").is_none_or(|step| (n / step).fract() == 0.0)
    })
}

/// Whether a keyword says nothing with this value, or nothing beside the others.
fn is_idle(schema: &Object, key: &str, value: &Value) -> bool {
    let has = |key: &str| schema.contains_key(key);
    match key {
        "minLength" => keyword::count(value) == Some(0),
        "uniqueItems" => *value == false,
        "minContains" | "maxContains" => !has("contains"),
        "then" | "else" => !has("if"),
        "if" => !has("then") && !has("else"),
        "additionalItems" => !schema.get("items").is_some_and(Value::is_array) || *value == true,
        "unevaluatedItems" => {
            (has("items") && !has("prefixItems") && !schema.get("items").is_some_and(Value::is_array))
                || *value == true
        }
        _ => false,
    }
}
