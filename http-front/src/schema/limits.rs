//! OpenAI's limits of a strict schema, counted in the very schema that goes up.
//!
//! The conversion refuses what is too large by itself, with its place, before it takes long. What it adds (`null` where
//! a member may be absent, the object around a call) and how much text there is, is known only at the end.

use super::{
    Refusal,
    convert::{PROPERTIES, VALUES},
};
use serde_json::Value;

/// All names of properties and definitions, and all strings among the listed values, in characters.
const TEXT: usize = 120_000;
/// From so many values on, the strings of one `enum` may have so many characters.
const LONG_ENUM: (usize, usize) = (250, 15_000);

#[derive(Default)]
struct Counts {
    properties: usize,
    values: usize,
    text: usize,
    long: bool,
}

/// Checks a converted schema.
///
/// # Errors
/// Which limit it exceeds; the place is the schema itself.
pub(super) fn check(schema: &Value) -> Result<(), Refusal> {
    let mut counts = Counts::default();
    count(schema, &mut counts);
    let refused = |message: String| Err(Refusal { path: String::new(), message });
    if counts.properties > PROPERTIES {
        return refused(format!("Strict schemas may have {PROPERTIES} properties in all."));
    }
    if counts.values > VALUES {
        return refused(format!(
            "Strict schemas may list {VALUES} values in all, `null` for what is absent too."
        ));
    }
    if counts.text > TEXT {
        return refused(format!(
            "The names and the listed values of a strict schema may have {TEXT} characters."
        ));
    }
    if counts.long {
        let (many, most) = LONG_ENUM;
        return refused(format!("An `enum` of more than {many} values may have {most} characters."));
    }
    Ok(())
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, |text| text.chars().count())
}

fn count(schema: &Value, counts: &mut Counts) {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let text: usize = values.iter().map(length).sum();
        counts.values += values.len();
        counts.text += text;
        counts.long |= values.len() > LONG_ENUM.0 && text > LONG_ENUM.1;
    }
    for key in ["properties", "$defs"] {
        for (name, child) in schema.get(key).and_then(Value::as_object).into_iter().flatten() {
            counts.properties += usize::from(key == "properties");
            counts.text += name.chars().count();
            count(child, counts);
        }
    }
    schema.get("items").into_iter().for_each(|items| count(items, counts));
    for child in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        count(child, counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{
        Level,
        calls::{self, Callable},
        output,
    };
    use serde_json::json;

    fn texts(count: usize, length: usize) -> Vec<String> {
        (0..count).map(|n| format!("{n:0length$}")).collect()
    }

    fn made(property: &Value, required: &[&str]) -> Result<(), String> {
        let schema = json!({"type": "object", "properties": {"a": property}, "required": required});
        output::convert(&schema, Level::Guaranteed).map(drop).map_err(|refusal| refusal.message)
    }

    #[test]
    fn text_and_long_lists() {
        let listing = |count, length| json!({"type": "string", "enum": texts(count, length)});
        assert_eq!(made(&listing(250, 479), &["a"]), Ok(()));
        assert!(made(&listing(250, 481), &["a"]).expect_err("refused").contains("120000 characters"));
        assert_eq!(made(&listing(251, 59), &["a"]), Ok(()));
        assert!(made(&listing(251, 60), &["a"]).expect_err("refused").contains("more than 250"));
        let named = json!({"type": "object", "properties": {"n".repeat(120_000): {"type": "null"}}});
        assert!(made(&named, &["a"]).is_err());
    }

    #[test]
    fn what_the_conversion_adds_is_counted() {
        let full = json!({"type": "string", "enum": texts(1000, 4)});
        assert_eq!(made(&full, &["a"]), Ok(()));
        assert!(made(&full, &[]).expect_err("refused").contains("absent"), "one more for `null`");
        let wide: serde_json::Map<String, Value> =
            (0..5000).map(|n| (format!("p{n}"), json!({"type": "null"}))).collect();
        let parameters = json!({"type": "object", "properties": wide});
        assert!(output::convert(&parameters, Level::BestEffort).is_ok());
        let callable = Callable { name: "f", parameters: &parameters };
        assert!(calls::convert(&[callable], false).is_err(), "the name and the arguments are two more");
    }
}
