//! The operator's prompt in a conversation. Pure.
//!
//! It changes the first system message (of the role `system` or `developer`) or puts one before all others. It promises
//! that every other message stays as it is, in its place, that each keeps the number by which errors name it, and that
//! what would be refused without the prompt is refused with it.

use super::{history, items, mode::Injection};
use crate::{
    error::ApiError,
    openai::message::{Content, Message, Role},
};
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
///
/// # Errors
/// 400 with the path of what can't be carried of the message that is changed: nobody sees it behind the prompt.
pub fn inject(mode: Injection, prompt: &str, messages: &mut Vec<Message<'_>>) -> Result<(), ApiError> {
    if prompt.trim().is_empty() || messages.is_empty() || mode == Injection::Disabled {
        return Ok(());
    }
    let system = |message: &Message<'_>| matches!(message.role, Role::System | Role::Developer);
    let Some(at) = messages.iter().position(system) else {
        messages.insert(0, Message { added: true, ..Message::saying(Role::System, prompt.to_owned()) });
        return Ok(());
    };
    let first = &mut messages[at];
    items::check_message(at, first)?;
    history::said(at, first)?;
    match mode {
        Injection::Disabled => {}
        Injection::Override => first.content = Some(Content::Text(prompt.to_owned().into())),
        Injection::Append => append(prompt, &mut first.content),
    }
    Ok(())
}

/// Puts `prompt` behind what a message says; parts stay parts. Those of a message that can be carried are texts.
fn append(prompt: &str, content: &mut Option<Content<'_>>) {
    match content {
        Some(Content::Text(text)) => *text = joined(text, prompt).into(),
        Some(Content::Parts(parts)) => {
            if let Some(text) = parts.last_mut().and_then(|part| part.text.as_mut()) {
                *text = Text(joined(text, prompt).into());
            }
        }
        None => *content = Some(Content::Text(prompt.to_owned().into())),
    }
}

fn joined(text: &str, prompt: &str) -> String {
    if text.is_empty() { prompt.to_owned() } else { [text, BETWEEN, prompt].concat() }
}

#[cfg(test)]
mod tests;
