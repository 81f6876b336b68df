//! Types and ranges. Pure. Each error names the field and says what it may be, and never what was sent.

use crate::error::ApiError;
use serde_json::Value;
use std::{ops::RangeInclusive, str::FromStr};

/// A field that is none of what it must be.
pub(super) fn wrong(name: &str, must: &str) -> ApiError {
    ApiError::invalid(name, format!("`{name}` must be {must}."))
}

/// A boolean.
pub(super) fn boolean(name: &str, value: Option<&Value>) -> Result<Option<bool>, ApiError> {
    value.map(|value| value.as_bool().ok_or_else(|| wrong(name, "true or false"))).transpose()
}

/// A number of this range.
pub(super) fn number(
    name: &str,
    value: Option<&Value>,
    range: RangeInclusive<f64>,
) -> Result<Option<f64>, ApiError> {
    let read = |value: &Value| value.as_f64().filter(|number| range.contains(number));
    let must = || wrong(name, &format!("a number from {} to {}", range.start(), range.end()));
    value.map(|value| read(value).ok_or_else(must)).transpose()
}

/// A whole number. `4.0` is one as JSON Schema has it: languages with one type of numbers write it so.
pub(in super::super) fn whole<T: FromStr>(value: &Value) -> Option<T> {
    match value {
        // The text of a float has a point where there is a fraction, and never an exponent.
        Value::Number(number) if number.is_f64() => number.as_f64()?.to_string().parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An integer of this range.
pub(super) fn integer(
    name: &str,
    value: Option<&Value>,
    range: RangeInclusive<i64>,
) -> Result<Option<i64>, ApiError> {
    let read = |value: &Value| whole(value).filter(|number| range.contains(number));
    let must = || wrong(name, &format!("an integer from {} to {}", range.start(), range.end()));
    value.map(|value| read(value).ok_or_else(must)).transpose()
}

/// A positive integer.
pub(super) fn positive(name: &str, value: Option<&Value>) -> Result<Option<u64>, ApiError> {
    let read = |value: &Value| whole(value).filter(|number: &u64| *number > 0);
    value.map(|value| read(value).ok_or_else(|| wrong(name, "a positive integer"))).transpose()
}

/// A string of at most so many characters.
pub(super) fn string<'a>(
    name: &str,
    value: Option<&'a Value>,
    max: usize,
) -> Result<Option<&'a str>, ApiError> {
    let read = |value: &'a Value| value.as_str().filter(|text| text.chars().nth(max).is_none());
    let must = || match max {
        usize::MAX => wrong(name, "a string"),
        _ => wrong(name, &format!("a string of at most {max} characters")),
    };
    value.map(|value| read(value).ok_or_else(must)).transpose()
}

/// An object.
pub(super) fn object<'a>(
    name: &str,
    value: Option<&'a Value>,
) -> Result<Option<&'a serde_json::Map<String, Value>>, ApiError> {
    value.map(|value| value.as_object().ok_or_else(|| wrong(name, "an object"))).transpose()
}

/// One of these words.
pub(super) fn word(
    name: &str,
    value: Option<&Value>,
    words: &[&'static str],
) -> Result<Option<&'static str>, ApiError> {
    let read = |value: &Value| words.iter().copied().find(|word| value == *word);
    let must = || wrong(name, &format!("one of `{}`", words.join("`, `")));
    value.map(|value| read(value).ok_or_else(must)).transpose()
}
