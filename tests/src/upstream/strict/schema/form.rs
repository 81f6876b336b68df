//! What OpenAI asks of every schema, strict or not: that it is one.

use serde_json::{Map, Value};

use super::{TYPES, Walk, has_type};

/// Keywords whose value is a schema, a list of schemas, schemas by name.
const SCHEMA: &[&str] = &[
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];
const BY_NAME: &[&str] = &["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];
/// Keywords by the kind of their value.
const COUNTS: &[&str] = &[
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
];
const NUMBERS: &[&str] = &["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];
const TEXTS: &[&str] = &["$ref", "description", "format", "pattern", "title"];

impl Walk<'_> {
    /// Checks this schema and those below it.
    pub(super) fn form(&mut self, path: &mut Vec<String>, schema: &Value) {
        let Some(object) = schema.as_object() else {
            if !schema.is_boolean() {
                self.refuse(path, &format!("{schema} is not of type 'object', 'boolean'"));
            }
            return;
        };
        if has_type(schema, "array") && !object.contains_key("items") {
            self.refuse(path, "array schema missing items");
        }
        self.types_exist(path, object);
        self.values_are_good(path, object);
        self.leads_somewhere(path, object);
        for key in SCHEMA.iter().filter(|key| object.contains_key(**key)) {
            self.deeper(path, &[key], &object[*key]);
        }
        for key in LIST.iter().filter(|key| object.contains_key(**key)) {
            match object[*key].as_array() {
                Some(list) if !list.is_empty() => {
                    for (place, child) in list.iter().enumerate() {
                        self.deeper(path, &[key, &place.to_string()], child);
                    }
                }
                Some(_) => self.refuse(path, &format!("'{key}' should be non-empty")),
                None => self.refuse(path, &format!("'{key}' is not of type 'array'")),
            }
        }
        for key in BY_NAME.iter().filter(|key| object.contains_key(**key)) {
            match object[*key].as_object() {
                Some(children) => {
                    for (name, child) in children {
                        self.deeper(path, &[key, name], child);
                    }
                }
                None => self.refuse(path, &format!("'{key}' is not of type 'object'")),
            }
        }
    }

    fn deeper(&mut self, path: &mut Vec<String>, steps: &[&str], child: &Value) {
        path.extend(steps.iter().map(|step| (*step).to_owned()));
        self.form(path, child);
        path.truncate(path.len() - steps.len());
    }

    fn types_exist(&mut self, path: &[String], object: &Map<String, Value>) {
        let known = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
        let good = match object.get("type") {
            None => true,
            Some(Value::Array(names)) => !names.is_empty() && names.iter().all(known),
            Some(name) => known(name),
        };
        if !good {
            let found = &object["type"];
            self.refuse(path, &format!("{found} is not valid under any of the given schemas"));
        }
    }

    fn values_are_good(&mut self, path: &[String], object: &Map<String, Value>) {
        let texts = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
        for (key, value) in object {
            let key = key.as_str();
            let (good, wanted) = match key {
                "required" => (texts(value), "array"),
                "enum" => (value.as_array().is_some_and(|list| !list.is_empty()), "array"),
                "uniqueItems" => (value.is_boolean(), "boolean"),
                key if COUNTS.contains(&key) => (value.is_u64(), "integer"),
                key if NUMBERS.contains(&key) => (value.is_number(), "number"),
                key if TEXTS.contains(&key) => (value.is_string(), "string"),
                _ => continue,
            };
            if !good {
                self.refuse(path, &format!("'{key}': {value} is not of type '{wanted}'"));
            }
        }
    }

    /// References within the schema lead to something; others are looked up by nobody.
    fn leads_somewhere(&mut self, path: &[String], object: &Map<String, Value>) {
        let Some(target) = object.get("$ref").and_then(Value::as_str) else { return };
        if target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).is_none() {
            self.refuse(
                path,
                &format!("reference to component '{target}' which was not found in the schema"),
            );
        }
    }
}
