//! The JSON object in a text. Pure.

use serde::de::IgnoredAny;
use std::collections::HashMap;

/// The object that a text is: alone, or as the one block of code, as models write it that were not held to JSON.
pub(super) fn read(text: &str) -> Option<&str> {
    let text = text.trim();
    let inside = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")).map(|block| {
        // What stands behind the fence names the language.
        block.split_once('\n').map_or(block, |(_, code)| code).trim()
    });
    [Some(text), inside].into_iter().flatten().find(|text| is_object(text))
}

/// What there is of the object in a text that was cut off: without the fence in front of it.
pub(super) fn cut(text: &str) -> &str {
    match text.trim_start().strip_prefix("```") {
        Some(block) => block.split_once('\n').map_or("", |(_, code)| code.trim_start()),
        None => text,
    }
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<HashMap<String, IgnoredAny>>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{cut, read};

    #[test]
    fn an_object_alone_or_in_a_fence() {
        assert_eq!(read(" {\"a\": 1}\n"), Some("{\"a\": 1}"));
        assert_eq!(read("```json\n{\"a\": 1}\n```"), Some("{\"a\": 1}"));
        assert_eq!(read("```\n{}\n```\n"), Some("{}"));
        for (text, left) in [
            ("{\"a", "{\"a"),
            ("```json\n {\"a", "{\"a"),
            ("```\n", ""),
            ("```js", ""),
            ("Here", "Here"),
            ("", ""),
        ] {
            assert_eq!(cut(text), left, "{text}");
        }
        for other in
            ["", "[1]", "1", "\"{}\"", "{\"a\": 1} and more", "Here: {}", "```json\n[1]\n```", "{\"a\":"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
