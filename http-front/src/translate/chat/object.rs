//! The answer as one object.

use super::{FinishReason, Identity, SEPARATOR};
use crate::{
    openai::usage::{CompletionUsage, Tokens},
    translate::event::Delta,
};
use serde::Serialize;
use shared::rpc::text::Text;

/// Collects the messages of a turn.
#[derive(Debug, Default)]
pub struct Whole {
    content: String,
    /// What the deltas told of a message that is not complete.
    partial: String,
    usage: Option<Tokens>,
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
    content: &'a str,
    refusal: Option<()>,
    annotations: [(); 0],
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
            Delta::Usage(tokens) => *self.usage.get_or_insert_default() += *tokens,
            Delta::Alive | Delta::End(_) => {}
        }
    }

    fn message(&mut self, text: &str) {
        if !text.is_empty() && !self.content.is_empty() {
            self.content.push_str(SEPARATOR);
        }
        self.content.push_str(text);
    }

    /// What the turn used, if it told.
    pub fn usage(&self) -> Option<Tokens> {
        self.usage
    }

    /// The object as JSON.
    pub fn finish(mut self, identity: &Identity, reason: FinishReason) -> Vec<u8> {
        let partial = std::mem::take(&mut self.partial);
        self.message(&partial);
        let completion = Completion {
            id: &identity.id,
            object: "chat.completion",
            created: identity.created,
            model: &identity.model,
            choices: [Choice {
                index: 0,
                message: Answer { role: "assistant", content: &self.content, refusal: None, annotations: [] },
                logprobs: None,
                finish_reason: reason.as_str(),
            }],
            usage: self.usage.map(CompletionUsage::from),
        };
        serde_json::to_vec(&completion).expect("own types serialize")
    }
}
