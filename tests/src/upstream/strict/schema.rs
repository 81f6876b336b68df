//! OpenAI's strict subset of JSON Schema, and the little it asks of a schema that is not strict.

mod form;

use serde_json::{Map, Value};

use super::problem::Problems;

const MAX_DEPTH: usize = 10;
const MAX_PROPERTIES: usize = 5000;
const MAX_ENUM: usize = 1000;
/// All names of properties and definitions, and all strings among the listed values, in characters.
const MAX_TEXT: usize = 120_000;
/// From so many values on, the strings of one `enum` may have so many characters.
const LONG_ENUM: (usize, usize) = (250, 15_000);
/// What the root may not have: it must be an object, and just that.
const NOT_AT_THE_TOP: &[&str] = &["oneOf", "anyOf", "allOf", "enum", "not"];
const KEYWORDS: &[&str] = &[
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "definitions",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];
const TYPES: &[&str] = &["array", "boolean", "integer", "null", "number", "object", "string"];
const FORMATS: &[&str] =
    &["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

/// One check of one schema.
struct Walk<'a> {
    problems: &'a mut Problems,
    param: &'a str,
    subject: &'a str,
    code: &'static str,
    root: &'a Value,
    properties: usize,
    values: usize,
    text: usize,
}

/// Checks a schema that is sent with `strict: true`.
pub(super) fn check(problems: &mut Problems, param: &str, subject: &str, code: &'static str, schema: &Value) {
    let mut walk = Walk { problems, param, subject, code, root: schema, properties: 0, values: 0, text: 0 };
    if !has_type(schema, "object") || schema.get("type").is_some_and(Value::is_array) {
        let found = schema.get("type").map_or_else(|| "\"None\"".to_owned(), Value::to_string);
        walk.refuse(&[], &format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {found}'"));
    }
    walk.top(schema);
    walk.form(&mut Vec::new(), schema);
    walk.visit(&mut Vec::new(), schema, 1);
    if walk.text > MAX_TEXT {
        walk.refuse(&[], &format!("the schema has more than {MAX_TEXT} characters of names and values"));
    }
    if walk.properties > MAX_PROPERTIES {
        walk.refuse(&[], &format!("the schema has more than {MAX_PROPERTIES} properties"));
    }
    if walk.values > MAX_ENUM {
        walk.refuse(&[], &format!("the schema has more than {MAX_ENUM} enum values"));
    }
}

/// Checks a function's schema that is not strict.
pub(super) fn check_loose(
    problems: &mut Problems,
    param: &str,
    subject: &str,
    code: &'static str,
    schema: &Value,
) {
    let mut walk = Walk { problems, param, subject, code, root: schema, properties: 0, values: 0, text: 0 };
    // OpenAI takes an empty schema for a function without parameters.
    if !has_type(schema, "object") && schema.as_object().is_some_and(|schema| !schema.is_empty()) {
        let found = schema.get("type").map_or_else(|| "\"None\"".to_owned(), Value::to_string);
        walk.refuse(&[], &format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {found}'"));
    }
    walk.top(schema);
    walk.form(&mut Vec::new(), schema);
}

impl Walk<'_> {
    fn refuse(&mut self, path: &[String], what: &str) {
        let path: Vec<String> = path.iter().map(|step| format!("'{step}'")).collect();
        let comma = if path.len() == 1 { "," } else { "" };
        let message =
            format!("Invalid schema for {}: In context=({}{comma}), {what}.", self.subject, path.join(", "));
        self.problems.add(self.param, Some(self.code), message);
    }

    fn top(&mut self, schema: &Value) {
        if NOT_AT_THE_TOP.iter().any(|key| schema.get(*key).is_some()) {
            let what = "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level";
            self.refuse(&[], what);
        }
    }

    fn visit(&mut self, path: &mut Vec<String>, schema: &Value, depth: usize) {
        let Some(object) = schema.as_object() else {
            return self.refuse(path, "a schema must be an object");
        };
        if depth > MAX_DEPTH {
            return self.refuse(path, &format!("the schema has more than {MAX_DEPTH} levels of nesting"));
        }
        for key in object.keys().filter(|key| !KEYWORDS.contains(&key.as_str())) {
            self.refuse(path, &format!("'{key}' is not permitted"));
        }
        self.reference(path, object);
        self.types(path, object);
        if let Some(format) = object.get("format").and_then(Value::as_str)
            && !FORMATS.contains(&format)
        {
            self.refuse(path, &format!("'{format}' is not a valid format"));
        }
        if let Some(values) = object.get("enum") {
            match values.as_array() {
                Some(values) if !values.is_empty() => self.listed(path, object, values),
                Some(_) | None => self.refuse(path, "'enum' must be an array with at least one value"),
            }
        }
        if let Some(value) = object.get("const") {
            self.fits(path, object, value);
            self.text += value.as_str().map_or(0, |text| text.chars().count());
        }
        if has_type(schema, "object") {
            self.object(path, object);
        }
        self.children(path, object, depth);
    }

    fn listed(&mut self, path: &[String], object: &Map<String, Value>, values: &[Value]) {
        self.values += values.len();
        let text = values.iter().filter_map(Value::as_str).map(|text| text.chars().count()).sum::<usize>();
        self.text += text;
        let (many, most) = LONG_ENUM;
        if values.len() > many && text > most {
            self.refuse(path, &format!("an enum of more than {many} values may have {most} characters"));
        }
        for value in values {
            self.fits(path, object, value);
        }
    }

    /// A listed value must be of the type beside it.
    fn fits(&mut self, path: &[String], object: &Map<String, Value>, value: &Value) {
        let kinds = match value {
            Value::Null => &["null"][..],
            Value::Bool(_) => &["boolean"],
            Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0) => {
                &["integer", "number"]
            }
            Value::Number(_) => &["number"],
            Value::String(_) => &["string"],
            Value::Array(_) => &["array"],
            Value::Object(_) => &["object"],
        };
        let schema = Value::Object(object.clone());
        if object.contains_key("type") && !kinds.iter().any(|kind| has_type(&schema, kind)) {
            let types = &object["type"];
            self.refuse(path, &format!("enum value {value} does not validate against {{'type': {types}}}"));
        }
    }

    fn reference(&mut self, path: &[String], object: &Map<String, Value>) {
        let Some(target) = object.get("$ref") else { return };
        if object.len() > 1 {
            let others: Vec<&str> = object
                .keys()
                .map(String::as_str)
                .filter(|key| *key != "$ref" && !key.starts_with("$defs"))
                .collect();
            if !others.is_empty() {
                self.refuse(path, &format!("$ref cannot have keywords {others:?}"));
            }
        }
        let pointer = target.as_str().and_then(|target| target.strip_prefix('#'));
        if pointer.and_then(|pointer| self.root.pointer(pointer)).is_none() {
            self.refuse(path, &format!("reference to component {target} which was not found in the schema"));
        }
    }

    fn types(&mut self, path: &[String], object: &Map<String, Value>) {
        let named: Vec<&Value> = match object.get("type") {
            Some(Value::Array(names)) => names.iter().collect(),
            Some(name) => vec![name],
            None => {
                if !["$ref", "anyOf", "const", "enum"].iter().any(|key| object.contains_key(*key)) {
                    self.refuse(path, "schema must have a 'type' key");
                }
                return;
            }
        };
        for name in named {
            if !name.as_str().is_some_and(|name| TYPES.contains(&name)) {
                self.refuse(path, &format!("{name} is not a valid type"));
            }
        }
    }

    fn object(&mut self, path: &[String], object: &Map<String, Value>) {
        if object.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.refuse(path, "'additionalProperties' is required to be supplied and to be false");
        }
        let empty = Map::new();
        let properties = object.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required: Vec<&str> = object
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let rule =
            "'required' is required to be supplied and to be an array including every key in properties";
        for key in properties.keys().filter(|key| !required.contains(&key.as_str())) {
            self.refuse(path, &format!("{rule}. Missing '{key}'"));
        }
        for key in required.iter().filter(|key| !properties.contains_key(**key)) {
            self.refuse(path, &format!("{rule}. Extra required key '{key}' supplied"));
        }
        self.properties += properties.len();
    }

    fn children(&mut self, path: &mut Vec<String>, object: &Map<String, Value>, depth: usize) {
        for (key, deeper) in [("properties", 1), ("$defs", 0), ("definitions", 0)] {
            for (name, child) in object.get(key).and_then(Value::as_object).into_iter().flatten() {
                self.text += name.chars().count();
                path.extend([key.to_owned(), name.clone()]);
                self.visit(path, child, depth + deeper);
                path.truncate(path.len() - 2);
            }
        }
        if let Some(items) = object.get("items") {
            path.push("items".to_owned());
            self.visit(path, items, depth + 1);
            path.pop();
        }
        for (place, child) in object.get("anyOf").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            path.extend(["anyOf".to_owned(), place.to_string()]);
            self.visit(path, child, depth);
            path.truncate(path.len() - 2);
        }
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(names)) => names.iter().any(|found| found.as_str() == Some(name)),
        Some(found) => found.as_str() == Some(name),
        None => false,
    }
}
