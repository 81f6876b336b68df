//! The operator's prompt in a conversation. Pure.
//!
//! It changes the first system message (of the role `system` or `developer`) or puts one before all others. It promises
//! that every other message stays as it is, in its place, and that each keeps the number by which errors name it.

use super::mode::Injection;
use crate::openai::message::{Content, Message, Part, Role};
use shared::rpc::text::Text;
use std::borrow::Cow;

/// What stands between the client's text and the operator's.
const BETWEEN: &str = "\n\n";
/// What is filled in with the model that the request names.
const MODEL: &str = "{model}";
/// A longer name, in bytes, is no model's, and its request will be refused; it isn't filled in, for it may stand in the
/// prompt many times.
const LONGEST_MODEL: usize = 1024;

/// The operator's prompt for a request that names `model`.
pub fn filled<'p>(prompt: &'p str, model: &str) -> Cow<'p, str> {
    if prompt.contains(MODEL) && model.len() <= LONGEST_MODEL {
        prompt.replace(MODEL, model).into()
    } else {
        prompt.into()
    }
}

/// Puts `prompt` into the conversation. A prompt of nothing but whitespace changes nothing, and a conversation without
/// messages stays one.
pub fn inject(mode: Injection, prompt: &str, messages: &mut Vec<Message<'_>>) {
    if prompt.trim().is_empty() || messages.is_empty() || mode == Injection::Disabled {
        return;
    }
    let first = messages.iter_mut().find(|message| matches!(message.role, Role::System | Role::Developer));
    match (mode, first) {
        (Injection::Disabled, _) => {}
        (Injection::Override, Some(first)) => *first = Message::saying(first.role, prompt.to_owned()),
        (Injection::Append, Some(first)) => append(prompt, &mut first.content),
        (Injection::Override | Injection::Append, None) => {
            let added = Message { added: true, ..Message::saying(Role::System, prompt.to_owned()) };
            messages.insert(0, added);
        }
    }
}

/// Puts `prompt` behind what a message says; parts stay parts.
fn append(prompt: &str, content: &mut Option<Content<'_>>) {
    match content {
        Some(Content::Text(text)) if !text.is_empty() => *text = joined(text, prompt).into(),
        Some(Content::Parts(parts)) => {
            match parts.iter_mut().rev().find(|part| part.r#type == "text" && part.text.is_some()) {
                Some(part) => {
                    part.text = part.text.take().map(|text| Text(joined(&text, prompt).into()));
                }
                None => parts.push(text_part(prompt)),
            }
        }
        Some(Content::Text(_)) | None => *content = Some(Content::Text(prompt.to_owned().into())),
    }
}

fn joined(text: &str, prompt: &str) -> String {
    if text.is_empty() { prompt.to_owned() } else { [text, BETWEEN, prompt].concat() }
}

fn text_part<'a>(prompt: &str) -> Part<'a> {
    Part {
        r#type: "text".to_owned(),
        text: Some(Text(prompt.to_owned().into())),
        refusal: None,
        image_url: None,
    }
}

#[cfg(test)]
mod tests;
