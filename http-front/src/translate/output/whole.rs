//! The answer as one object.

use super::{CalledCustom, Form, Head, Identity};
use crate::{
    openai::usage::{CompletionUsage, Tokens},
    translate::{
        answer::{Call, Closing, SEPARATOR},
        event::{Delta, PARTS},
    },
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::rpc::text::Text;
use std::sync::Arc;

/// Collects what one turn says.
#[derive(Debug, Default)]
pub struct Choice {
    /// What stands before the content and isn't the model's.
    echo: Option<Arc<str>>,
    content: String,
    /// What the deltas told of a message that is not complete.
    partial: String,
    reasoning: String,
    /// What the deltas told of an item of reasoning that is not complete, and its last part.
    thought: Option<(Bytes, u32, String)>,
}

/// An answer with all its choices.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// What it is.
    pub form: Form,
    /// Its name and model.
    pub identity: &'a Identity,
    /// What its turns used, if all of them told.
    pub usage: Option<Tokens>,
    /// `codex_metadata`.
    pub metadata: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Completion<'a, C> {
    #[serde(flatten)]
    head: Head<'a>,
    choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<CompletionUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codex_metadata: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct ChatChoice<'a> {
    index: usize,
    message: Answer<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct TextChoice {
    text: String,
    index: usize,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Answer<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
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
    #[serde(flatten)]
    called: Which<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Which<'a> {
    Function { function: Called<'a> },
    Custom { custom: CalledCustom<'a> },
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl Choice {
    /// A choice whose text begins with this, which the model doesn't write.
    pub fn behind(echo: Option<Arc<str>>) -> Self {
        Self { echo, ..Self::default() }
    }

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
                join(&mut self.content, text, SEPARATOR);
            }
            Delta::Reasoning { item, part, text } => {
                let Ok(text) = serde_json::from_slice::<Text<'_>>(text) else { return };
                match &mut self.thought {
                    Some((at, of, told)) if at == item => {
                        let between = if *of == *part { "" } else { PARTS };
                        *of = *part;
                        told.push_str(between);
                        told.push_str(&text);
                    }
                    Some(_) | None => self.thought = Some((item.clone(), *part, text.to_string())),
                }
            }
            Delta::Reasoned { text } => {
                self.thought = None;
                join(&mut self.reasoning, text, PARTS);
            }
            Delta::Retry => {
                self.partial.clear();
                self.thought = None;
            }
            Delta::Alive
            | Delta::Begun
            | Delta::Thread(_)
            | Delta::Call { .. }
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(_)
            | Delta::End(_) => {}
        }
    }

    /// The choice is complete.
    pub fn close(&mut self, closing: &Closing) {
        let partial = std::mem::take(&mut self.partial) + &closing.rest;
        join(&mut self.content, &partial, SEPARATOR);
        if let Some(text) = &closing.text {
            join(&mut self.content, text, SEPARATOR);
        }
        if let Some((_, _, told)) = self.thought.take() {
            join(&mut self.reasoning, &told, PARTS);
        }
    }
}

fn join(all: &mut String, text: &str, between: &str) {
    if !text.is_empty() && !all.is_empty() {
        all.push_str(between);
    }
    all.push_str(text);
}

impl Whole<'_> {
    /// The object as JSON, of choices that are complete, in their order.
    pub fn json(&self, choices: &[(Choice, Closing)]) -> Vec<u8> {
        let choices = choices.iter().enumerate();
        match self.form {
            Form::Chat => self.object(choices.map(|(index, (choice, closing))| chat(index, choice, closing))),
            Form::Text => self.object(choices.map(|(index, (choice, closing))| TextChoice {
                text: choice.echo.as_deref().unwrap_or_default().to_owned() + &choice.content,
                index,
                logprobs: None,
                finish_reason: closing.text_reason(),
            })),
        }
    }

    fn object<C: Serialize>(&self, choices: impl Iterator<Item = C>) -> Vec<u8> {
        let completion = Completion {
            head: Head::new(self.identity, self.form.whole()),
            choices: choices.collect(),
            usage: self.usage.map(CompletionUsage::from),
            codex_metadata: self.metadata,
        };
        serde_json::to_vec(&completion).expect("own types serialize")
    }
}

fn chat<'a>(index: usize, choice: &'a Choice, closing: &'a Closing) -> ChatChoice<'a> {
    let instead = !closing.calls.is_empty() || closing.refusal.is_some();
    let function = |call: &'a Call| Called { name: &call.name, arguments: &call.arguments };
    let called = |call: &'a Call| match call.custom {
        true => Which::Custom { custom: CalledCustom { name: &call.name, input: &call.arguments } },
        false => Which::Function { function: function(call) },
    };
    let (tool_calls, function_call) = match closing.legacy {
        true => (Vec::new(), closing.calls.first().map(function)),
        false => {
            let calls = closing.calls.iter().map(|call| ToolCall { id: &call.id, called: called(call) });
            (calls.collect(), None)
        }
    };
    let message = Answer {
        role: "assistant",
        content: Some(choice.content.as_str()).filter(|text| !(instead && text.is_empty())),
        reasoning_content: Some(choice.reasoning.as_str()).filter(|text| !text.is_empty()),
        refusal: closing.refusal,
        annotations: [],
        tool_calls,
        function_call,
    };
    ChatChoice { index, message, logprobs: None, finish_reason: closing.reason.as_str() }
}
