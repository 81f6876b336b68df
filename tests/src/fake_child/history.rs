//! What a thread's items ask of its next turn. PURE.

use serde_json::Value;

use super::directive::Directives;

/// Reads the last user message; function outputs after it are echoed instead, as a model would go on with them.
pub(crate) fn told(items: &[Value]) -> Directives {
    let last_user = items.iter().rposition(|item| item["type"] == "message" && item["role"] == "user");
    let after = last_user.map_or(0, |at| at + 1);
    let outputs: Vec<String> = items
        .iter()
        .skip(after)
        .filter(|item| item["type"] == "function_call_output")
        .map(|item| text_of(&item["output"]))
        .collect();
    if !outputs.is_empty() {
        return Directives::plain(outputs.join("\n"));
    }
    match last_user.and_then(|at| items.get(at)) {
        Some(message) => Directives::parse(&text_of(&message["content"])),
        None => Directives::plain(String::new()),
    }
}

/// A string, or the text parts of an array.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
