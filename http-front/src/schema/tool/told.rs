//! The text that says what a tool's schema can't.
//!
//! It promises the same text for the same schema: prompts are cached by their beginning.

use serde_json::Value;
use std::fmt::Write;

/// The text for what was lost, or for the whole schema, where there is anything to say.
pub(super) fn text(lost: &[(String, Value)], whole: Option<&Value>, strict: bool) -> Option<String> {
    let mut parts = Vec::new();
    if strict {
        parts.push(
            "The arguments must match their schema exactly: every required property, and none that it does not name."
                .to_owned(),
        );
    }
    if let Some(whole) = whole {
        parts.push(format!("The arguments must match this JSON Schema: {whole}"));
    } else if !lost.is_empty() {
        let mut lines = String::from("The JSON Schema of the arguments also has these keywords:");
        for (place, keywords) in lost {
            match place.as_str() {
                "" => write!(lines, "\n- for the arguments as a whole: {keywords}"),
                place => write!(lines, "\n- `{place}`: {keywords}"),
            }
            .expect("a string takes any text");
        }
        parts.push(lines);
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}
