//! What an argument is that was written as text. Pure.

use super::{entity::unescape, read::elements};
use crate::schema::kinds::Kinds;
use serde_json::Value;
use std::collections::HashMap;

/// The element of which arrays are made.
const ITEM: &str = "item";
/// How deep elements may stand inside one another and still be more than text.
const DEPTH: usize = 16;

/// A member of an object, its value as JSON.
pub(super) type Member = (String, String);

/// An argument as JSON, of the types that it may have. What fits none of them is a text: whoever is called knows best
/// what to say about it.
pub(super) fn json(written: &str, kinds: Kinds) -> String {
    let text = written.trim();
    if text.is_empty() && !kinds.text() {
        if kinds.array() {
            return "[]".to_owned();
        }
        if kinds.object() {
            return "{}".to_owned();
        }
    }
    if is_json(text, kinds) {
        return text.to_owned();
    }
    // Where a text may stand, markup is a text.
    if (kinds.any() || !kinds.text())
        && let Some(nested) = nested(text, DEPTH)
        && (if nested.starts_with('[') { kinds.array() } else { kinds.object() })
    {
        return nested;
    }
    string(&unescape(meant(written)))
}

/// Members as a JSON object. Of a name that comes twice, the last value stands, as in JavaScript.
pub(super) fn object(members: Vec<Member>) -> String {
    let mut all: Vec<Member> = Vec::with_capacity(members.len());
    let mut places = HashMap::new();
    for (name, value) in members {
        match places.get(&name).and_then(|at: &usize| all.get_mut(*at)) {
            Some(member) => member.1 = value,
            None => {
                places.insert(name.clone(), all.len());
                all.push((name, value));
            }
        }
    }
    let members: Vec<String> = all.iter().map(|(name, value)| format!("{}:{value}", string(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// A text as a JSON string.
fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// Whether a text is JSON that is meant as such: an array or object wherever one may stand; a number, `true` or `false`
/// where no text may stand, for those are texts, too; `null` where it may stand and is named.
fn is_json(text: &str, kinds: Kinds) -> bool {
    let first = text.as_bytes().first();
    // Spares reading every long text to its first mistake.
    let likely = first.is_some_and(|b| matches!(b, b'[' | b'{' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9'));
    let Some(value) = likely.then(|| serde_json::from_str::<Value>(text).ok()).flatten() else {
        return false;
    };
    kinds.takes(&value)
        && match value {
            Value::Array(_) | Value::Object(_) => true,
            Value::Number(_) | Value::Bool(_) => !kinds.text(),
            Value::Null => !kinds.any(),
            Value::String(_) => false,
        }
}

/// The text between two tags that is meant: without the whitespace around it. But where it stands on lines of its own, its
/// lines are taken as they are.
fn meant(written: &str) -> &str {
    match written.strip_prefix('\n').and_then(|text| text.strip_suffix('\n')) {
        Some(lines) => lines,
        None => written.trim(),
    }
}

/// Elements as an array, where all are items, or as an object; `None` where the text is anything else.
fn nested(text: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let all = elements(text).filter(|all| !all.is_empty())?;
    let inner = |text: &str| {
        let trimmed = text.trim();
        let json = is_json(trimmed, Kinds::ANY).then(|| trimmed.to_owned());
        json.or_else(|| nested(trimmed, depth)).unwrap_or_else(|| string(&unescape(meant(text))))
    };
    if all.iter().all(|(name, _)| *name == ITEM) {
        let items: Vec<String> = all.iter().map(|(_, text)| inner(text)).collect();
        return Some(format!("[{}]", items.join(",")));
    }
    Some(object(all.iter().map(|(name, text)| ((*name).to_owned(), inner(text))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::kinds::members;
    use serde_json::json;

    fn typed(written: &str, schema: &Value) -> Value {
        let kinds = members(&json!({ "properties": { "x": schema } }))["x"];
        serde_json::from_str(&json(written, kinds)).unwrap()
    }

    #[test]
    fn a_text_is_what_its_schema_says() {
        for (schema, written, read) in [
            (json!({"type": "string"}), "5", json!("5")),
            (json!({"type": "string"}), "[1]", json!("[1]")),
            (json!({"type": "string"}), "<b>x</b>", json!("<b>x</b>")),
            (json!({"type": "integer"}), " 5 ", json!(5)),
            (json!({"type": "integer"}), "5.5", json!("5.5")),
            (json!({"type": "number"}), "-0.5", json!(-0.5)),
            (json!({"type": "boolean"}), "true", json!(true)),
            (json!({"type": "boolean"}), "yes", json!("yes")),
            (json!({"type": ["string", "null"]}), "null", json!(null)),
            (json!({"type": ["string", "integer"]}), "5", json!("5")),
            (json!({"type": ["string", "object"]}), "{\"a\":1}", json!({"a": 1})),
            (json!({"type": ["string", "object"]}), "<a>1</a>", json!("<a>1</a>")),
            (json!({"type": "array"}), "", json!([])),
            (json!({"type": "object"}), " ", json!({})),
            (json!({"type": "array"}), "[\"a\", 1]", json!(["a", 1])),
            (json!({"type": "array"}), "{\"a\": 1}", json!("{\"a\": 1}")),
            (json!({"type": "array"}), "[1", json!("[1")),
            (json!({"type": "array"}), "<a>1</a>", json!("<a>1</a>")),
        ] {
            assert_eq!(typed(written, &schema), read, "{schema} {written:?}");
        }
    }

    #[test]
    fn without_a_schema_arrays_and_objects_alone_are_more_than_text() {
        for (written, read) in [
            ("5", json!("5")),
            ("true", json!("true")),
            ("null", json!("null")),
            ("\"a\"", json!("\"a\"")),
            (" [1] ", json!([1])),
            ("{\"a\": [1]}", json!({"a": [1]})),
            ("[[A note]]", json!("[[A note]]")),
            ("", json!("")),
            ("<item>a</item> <item>[1]</item>", json!(["a", [1]])),
            ("<item><role>user</role></item>", json!([{"role": "user"}])),
            ("<a>1</a><b>&lt;</b><a>2</a>", json!({"a": "2", "b": "<"})),
            ("<b>bold</b> text", json!("<b>bold</b> text")),
            ("a < b", json!("a < b")),
        ] {
            assert_eq!(typed(written, &json!({})), read, "{written:?}");
        }
    }

    #[test]
    fn lines_of_its_own_are_taken_as_they_are() {
        let text = json!({"type": "string"});
        for (written, read) in [
            ("  a  ", "a"),
            ("\na\n", "a"),
            ("\n  a\n\n", "  a\n"),
            ("\n  a\n  ", "a"),
            ("\r\na\r\n", "a"),
            ("\n", ""),
            ("\n\n\n", "\n"),
        ] {
            assert_eq!(typed(written, &text), json!(read), "{written:?}");
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_deep_elements_are_text() {
        let number = members(&json!({ "properties": { "x": {"type": "number"} } }))["x"];
        assert_eq!(json("12345678901234567890.5000", number), "12345678901234567890.5000");
        let tags: Vec<String> = (0..40).map(|n| format!("t{n}")).collect();
        let deep = tags.iter().rev().fold("x".to_owned(), |inner, tag| format!("<{tag}>{inner}</{tag}>"));
        let mut value = &typed(&deep, &json!({"type": "object"}));
        let levels = tags.iter().take_while(|tag| {
            let inner = value.get(tag.as_str());
            value = inner.unwrap_or(value);
            inner.is_some()
        });
        assert_eq!(levels.count(), DEPTH);
        assert!(value.as_str().is_some_and(|text| text.starts_with("<t16>")), "{value}");
    }
}
