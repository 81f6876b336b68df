//! What clients and the model say, for spans of operators who want it: bounded, and in the shape of the GenAI
//! conventions. Pure.

use crate::translate::{answer::Closing, event::Delta};
use serde_json::{Value, json};

/// The most bytes of texts in one direction.
const MOST: usize = 16 * 1024;
/// The most choices whose texts are kept.
const CHOICES: usize = 16;
/// What stands behind a text that is cut.
const CUT: &str = "…[cut]";

/// The messages of a request's body; `None` of one that isn't understood.
pub(super) fn input(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let mut left = MOST;
    let mut messages = Vec::new();
    if let Some(said) = body["messages"].as_array() {
        for message in said {
            if left == 0 {
                break;
            }
            messages.push(json!({ "role": message["role"], "parts": parts(&message["content"], &mut left) }));
        }
    } else {
        messages.push(json!({ "role": "user", "parts": parts(&body["prompt"], &mut left) }));
    }
    Some(Value::Array(messages).to_string())
}

fn parts(content: &Value, left: &mut usize) -> Vec<Value> {
    match content {
        Value::String(said) => vec![text(said, left)],
        Value::Array(parts) => {
            let mut kept = Vec::new();
            for part in parts {
                if *left == 0 {
                    break;
                }
                match (part.as_str(), part["text"].as_str()) {
                    (Some(said), _) | (None, Some(said)) => kept.push(text(said, left)),
                    // An image's bytes have no place in a span.
                    (None, None) => kept.push(json!({ "type": "blob" })),
                }
            }
            kept
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn text(said: &str, left: &mut usize) -> Value {
    json!({ "type": "text", "content": cut(said, left) })
}

/// As much of a text as there is room for.
fn cut(said: &str, left: &mut usize) -> String {
    let end = said.floor_char_boundary((*left).min(said.len()));
    *left -= end;
    if end == said.len() {
        return said.to_owned();
    }
    *left = 0;
    format!("{}{CUT}", &said[..end])
}

/// What the model said in each choice.
#[derive(Debug)]
pub(super) struct Output {
    choices: Vec<Said>,
    left: usize,
}

#[derive(Debug, Default)]
struct Said {
    text: String,
    calls: Vec<Value>,
    reason: &'static str,
}

impl Default for Output {
    fn default() -> Self {
        Self { choices: Vec::new(), left: MOST }
    }
}

impl Output {
    fn at(&mut self, index: usize) -> Option<(&mut Said, &mut usize)> {
        if index >= CHOICES {
            return None;
        }
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Said::default);
        }
        self.choices.get_mut(index).map(|said| (said, &mut self.left))
    }

    /// Takes what is said.
    pub(super) fn take(&mut self, index: usize, delta: &Delta) {
        let Some((said, left)) = self.at(index) else { return };
        match delta {
            Delta::Text { text, .. } if *left > 0 => {
                if let Ok(text) = serde_json::from_slice::<String>(text) {
                    said.text.push_str(&cut(&text, left));
                }
            }
            // It is exact, where what went before came in pieces.
            Delta::Message { text } if said.text.is_empty() => said.text = cut(text, left),
            Delta::Alive
            | Delta::Text { .. }
            | Delta::Message { .. }
            | Delta::Reasoning { .. }
            | Delta::Reasoned { .. }
            | Delta::Thread(_)
            | Delta::Begun
            | Delta::Call { .. }
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(_)
            | Delta::Retry
            | Delta::End(_) => {}
        }
    }

    /// Takes what was held back until the end.
    pub(super) fn close(&mut self, index: usize, closing: &Closing, reason: &'static str) {
        let Some((said, left)) = self.at(index) else { return };
        said.reason = reason;
        for text in closing.text.iter().chain(Some(&closing.rest)) {
            said.text.push_str(&cut(text, left));
        }
        for call in &closing.calls {
            if *left == 0 {
                break;
            }
            said.calls.push(json!({
                "type": "tool_call",
                "id": call.id,
                "name": call.name,
                "arguments": cut(&call.arguments, left),
            }));
        }
    }

    /// The messages, where there are any.
    pub(super) fn json(self) -> Option<String> {
        if self.choices.is_empty() {
            return None;
        }
        let messages = self.choices.into_iter().map(|said| {
            let text = (!said.text.is_empty()).then(|| json!({ "type": "text", "content": said.text }));
            let parts: Vec<Value> = text.into_iter().chain(said.calls).collect();
            json!({ "role": "assistant", "parts": parts, "finish_reason": said.reason })
        });
        Some(Value::Array(messages.collect()).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_where_the_bound_is() {
        let long = "é".repeat(MOST);
        let body = json!({ "messages": [
            { "role": "user", "content": [{ "type": "text", "text": "hi" }, { "type": "image_url", "image_url": { "url": "data:," } }] },
            { "role": "user", "content": long },
            { "role": "user", "content": "never" },
        ] });
        let kept = input(body.to_string().as_bytes()).unwrap();
        assert!(kept.len() < MOST + 512, "{}", kept.len());
        let kept: Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(kept[0]["parts"], json!([{ "type": "text", "content": "hi" }, { "type": "blob" }]));
        assert!(kept[1]["parts"][0]["content"].as_str().unwrap().ends_with(CUT));
        assert_eq!(kept.as_array().unwrap().len(), 2);
        assert_eq!(input(b"{"), None);
    }

    #[test]
    fn what_is_said_is_cut_where_the_bound_is() {
        let mut output = Output::default();
        let piece = Delta::Text { item: "\"i\"".into(), text: format!("\"{}\"", "x".repeat(1000)).into() };
        for _ in 0..100 {
            output.take(0, &piece);
            output.take(CHOICES, &piece);
        }
        let json = output.json().unwrap();
        assert!((MOST..MOST + 512).contains(&json.len()), "{}", json.len());
    }
}
