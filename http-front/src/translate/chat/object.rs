//! The answer as one object.

use super::Identity;
use crate::{
    openai::usage::{CompletionUsage, Tokens},
    translate::{
        answer::{Closing, SEPARATOR},
        event::Delta,
    },
};
use serde::Serialize;
use shared::rpc::text::Text;

/// Collects the messages of a turn.
#[derive(Debug, Default)]
pub struct Whole {
    content: String,
    /// What the deltas told of a message that is not complete.
    partial: String,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<CompletionUsage>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Answer<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Answer<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    annotations: [(); 0],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Called<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl Whole {
    /// Takes a delta. A complete message stands for its deltas, and what the child starts over is dropped, so
    /// nothing is ever doubled.
    pub fn take(&mut self, delta: &Delta) {
        match delta {
            Delta::Text { text, .. } => {
                if let Ok(text) = serde_json::from_slice::<Text<'_>>(text) {
                    self.partial.push_str(&text);
                }
            }
            Delta::Message { text } => {
                self.partial.clear();
                self.message(text);
            }
            Delta::Retry => self.partial.clear(),
            Delta::Alive
            | Delta::Begun
            | Delta::Call { .. }
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(_)
            | Delta::End(_) => {}
        }
    }

    fn message(&mut self, text: &str) {
        if !text.is_empty() && !self.content.is_empty() {
            self.content.push_str(SEPARATOR);
        }
        self.content.push_str(text);
    }

    /// The object as JSON.
    pub fn finish(mut self, identity: &Identity, closing: &Closing, usage: Option<Tokens>) -> Vec<u8> {
        let partial = std::mem::take(&mut self.partial);
        self.message(&partial);
        if let Some(text) = &closing.text {
            self.message(text);
        }
        let instead = !closing.calls.is_empty() || closing.refusal.is_some();
        let called = closing.calls.iter().map(|call| {
            let function = Called { name: &call.name, arguments: &call.arguments };
            ToolCall { id: &call.id, r#type: "function", function }
        });
        let mut tool_calls: Vec<ToolCall<'_>> = called.collect();
        let function_call =
            if closing.legacy { tool_calls.drain(..).next().map(|c| c.function) } else { None };
        let completion = Completion {
            id: &identity.id,
            object: "chat.completion",
            created: identity.created,
            model: &identity.model,
            choices: [Choice {
                index: 0,
                message: Answer {
                    role: "assistant",
                    content: Some(self.content.as_str()).filter(|text| !(instead && text.is_empty())),
                    refusal: closing.refusal,
                    annotations: [],
                    tool_calls,
                    function_call,
                },
                logprobs: None,
                finish_reason: closing.reason.as_str(),
            }],
            usage: usage.map(CompletionUsage::from),
        };
        serde_json::to_vec(&completion).expect("own types serialize")
    }
}
