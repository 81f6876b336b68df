//! What the model said in each choice.

use super::{MESSAGES, PARTS, Room};
use crate::translate::{
    answer::{Closing, FinishReason},
    event::Delta,
};
use serde_json::{Value, json};

/// What the model said in each choice.
#[derive(Debug, Default)]
pub(in crate::spans) struct Output {
    choices: Vec<Said>,
    room: Room,
}

#[derive(Debug, Default)]
struct Said {
    /// Whether there was room for its text.
    text_fits: bool,
    text: String,
    calls: Vec<Value>,
    reason: Option<&'static str>,
}

impl Said {
    fn add(&mut self, text: &str, room: &mut Room) {
        if self.text.is_empty() && !text.is_empty() {
            self.text_fits = room.open();
        }
        if self.text_fits {
            self.text.push_str(&room.cut(text));
        }
    }
}

impl Output {
    fn at(&mut self, index: usize) -> Option<(&mut Said, &mut Room)> {
        if index >= MESSAGES {
            return None;
        }
        while self.choices.len() <= index && self.room.open() {
            self.choices.push(Said::default());
        }
        self.choices.get_mut(index).map(|said| (said, &mut self.room))
    }

    /// Takes what is said.
    pub(in crate::spans) fn take(&mut self, index: usize, delta: &Delta) {
        let Some((said, room)) = self.at(index) else { return };
        match delta {
            Delta::Text { text, .. } => {
                if !room.over
                    && let Ok(text) = serde_json::from_slice::<String>(text)
                {
                    said.add(&text, room);
                }
            }
            // It is exact, where what went before came in pieces.
            Delta::Message { text } if said.text.is_empty() => said.add(text, room),
            Delta::Alive
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
    pub(in crate::spans) fn close(&mut self, index: usize, closing: &Closing) {
        let Some((said, room)) = self.at(index) else { return };
        said.reason = Some(match closing.reason {
            FinishReason::ToolCalls | FinishReason::FunctionCall => "tool_call",
            FinishReason::Stop | FinishReason::Length | FinishReason::ContentFilter => closing.text_reason(),
        });
        for text in closing.text.iter().chain(Some(&closing.rest)) {
            said.add(text, room);
        }
        for call in &closing.calls {
            if said.calls.len() >= PARTS || !room.open() {
                break;
            }
            said.calls.push(json!({
                "type": "tool_call",
                "id": room.cut(&call.id),
                "name": room.cut(&call.name),
                "arguments": room.cut(&call.arguments),
            }));
        }
    }

    /// The messages, where there are any. A choice that never came to its end has the reason `error`.
    pub(in crate::spans) fn json(self) -> Option<String> {
        if self.choices.is_empty() {
            return None;
        }
        let messages = self.choices.into_iter().map(|said| {
            let text = (!said.text.is_empty()).then(|| json!({ "type": "text", "content": said.text }));
            let parts: Vec<Value> = text.into_iter().chain(said.calls).collect();
            json!({ "role": "assistant", "parts": parts, "finish_reason": said.reason.unwrap_or("error") })
        });
        Some(Value::Array(messages.collect()).to_string())
    }
}
