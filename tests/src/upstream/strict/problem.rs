//! What is wrong with a request, in OpenAI's words, and the small checks that find it.

use std::fmt;

use serde_json::{Map, Value, json};

/// The longest text that there may be in one place, in characters.
const LONGEST_TEXT: usize = 10_485_760;

/// One thing that OpenAI refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::upstream) struct Problem {
    param: Option<String>,
    code: Option<&'static str>,
    message: String,
}

impl Problem {
    pub(in crate::upstream) fn unparsable(reason: &str) -> Self {
        let message = format!("We could not parse the JSON body of your request. ({reason})");
        Self { param: None, code: None, message }
    }

    /// The body of the 400.
    pub(in crate::upstream) fn envelope(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }})
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.param {
            Some(param) => write!(f, "{param}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The JSON types that a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    Whole,
    Number,
    Object,
    Array,
    TextOrObject,
    TextOrArray,
}

impl Kind {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Whole => value.is_u64() || value.is_i64(),
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::TextOrObject => value.is_string() || value.is_object(),
            Self::TextOrArray => value.is_string() || value.is_array(),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Flag => "a boolean",
            Self::Whole => "an integer",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::Array => "an array",
            Self::TextOrObject => "one of a string or object",
            Self::TextOrArray => "one of a string or array of objects",
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, param: &str, code: Option<&'static str>, message: impl Into<String>) {
        self.0.push(Problem { param: Some(param.to_owned()), code, message: message.into() });
    }

    pub(super) fn unknown(&mut self, at: &str, object: &Map<String, Value>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let param = join(at, key);
            self.add(&param, Some("unknown_parameter"), format!("Unknown parameter: '{param}'."));
        }
    }

    pub(super) fn wrong_type(&mut self, at: &str, kind: Kind, value: &Value) {
        let message = format!(
            "Invalid type for '{at}': expected {}, but got {} instead.",
            kind.expected(),
            name(value)
        );
        self.add(at, Some("invalid_type"), message);
    }

    pub(super) fn object<'a>(&mut self, at: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
        if !value.is_object() {
            self.wrong_type(at, Kind::Object, value);
        }
        value.as_object()
    }

    /// An absent or null member is fine; any other must have this type.
    pub(super) fn optional<'a>(
        &mut self,
        at: &str,
        object: &'a Map<String, Value>,
        key: &str,
        kind: Kind,
    ) -> Option<&'a Value> {
        let value = object.get(key).filter(|value| !value.is_null())?;
        if kind.holds(value) {
            return Some(value);
        }
        self.wrong_type(&join(at, key), kind, value);
        None
    }

    pub(super) fn required<'a>(
        &mut self,
        at: &str,
        object: &'a Map<String, Value>,
        key: &str,
        kind: Kind,
    ) -> Option<&'a Value> {
        let param = join(at, key);
        let Some(value) = object.get(key) else {
            let message = format!("Missing required parameter: '{param}'.");
            self.add(&param, Some("missing_required_parameter"), message);
            return None;
        };
        if kind.holds(value) {
            return Some(value);
        }
        self.wrong_type(&param, kind, value);
        None
    }

    /// An absent or null member is fine; any other must be one of these strings.
    pub(super) fn choice(&mut self, at: &str, object: &Map<String, Value>, key: &str, known: &[&str]) {
        if let Some(value) = self.optional(at, object, key, Kind::Text).and_then(Value::as_str) {
            self.one_of(&join(at, key), value, known);
        }
    }

    pub(super) fn one_of(&mut self, at: &str, value: &str, known: &[&str]) -> bool {
        let found = known.contains(&value);
        if !found {
            let quoted: Vec<String> = known.iter().map(|value| format!("'{value}'")).collect();
            let message = format!("Invalid value: '{value}'. Supported values are: {}.", quoted.join(", "));
            self.add(at, Some("invalid_value"), message);
        }
        found
    }

    /// `^[a-zA-Z0-9_-]{1,64}$`
    pub(super) fn name(&mut self, at: &str, value: &str) {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !value.chars().all(fits) {
            let message = format!(
                "Invalid '{at}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            );
            self.add(at, Some("invalid_value"), message);
        }
        self.length(at, value);
    }

    /// A text that is no longer than any may be.
    pub(super) fn long(&mut self, at: &str, value: Option<&Value>) {
        let count = value.and_then(Value::as_str).map_or(0, |text| text.chars().count());
        if count > LONGEST_TEXT {
            let message = format!(
                "Invalid '{at}': string too long. Expected a string with maximum length {LONGEST_TEXT}, but got a string with length {count} instead."
            );
            self.add(at, Some("string_above_max_length"), message);
        }
    }

    /// From 1 to 64 characters.
    pub(super) fn length(&mut self, at: &str, value: &str) {
        let count = value.chars().count();
        if count == 0 {
            let message = format!(
                "Invalid '{at}': empty string. Expected a string with minimum length 1, but got an empty string instead."
            );
            self.add(at, Some("empty_string"), message);
        } else if count > 64 {
            let message = format!(
                "Invalid '{at}': string too long. Expected a string with maximum length 64, but got a string with length {count} instead."
            );
            self.add(at, Some("string_above_max_length"), message);
        }
    }
}

pub(super) fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
