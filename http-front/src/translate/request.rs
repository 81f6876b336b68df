//! A chat completion request to a [`Plan`].

use super::{
    models::{Alias, Served},
    plan::Plan,
};
use crate::{
    error::{ApiError, Kind},
    openai::{
        chat::{ChatRequest, Content, Message, Part, Role},
        object::Object,
    },
};
use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeSeq};
use serde_json::Value;

/// Items are injected in lines of about this size, so that one long history doesn't hold up everybody's lines.
const INJECT_BYTES: usize = 1024 * 1024;
/// OpenAI's bounds for `metadata`: entries, characters of a key, characters of a value.
const METADATA: (usize, usize, usize) = (16, 64, 512);
/// The longest `user`, in characters.
const USER: usize = 512;

/// What a chat completion asks for.
#[derive(Debug)]
pub struct Chat {
    /// The turn.
    pub plan: Plan,
    /// The model as the client named it; the answer names the same.
    pub model: String,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Whether a usage chunk ends the stream.
    pub include_usage: bool,
    /// Parameters that were sent and have no effect.
    pub ignored: Vec<&'static str>,
}

/// Reads the body of a chat completion request.
///
/// # Errors
/// 400 with the path of the field in `param`.
pub fn parse(body: &[u8]) -> Result<ChatRequest<'_>, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(request) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                let message = format!("Invalid request: {}.", without_position(&inner));
                // A missing member is told by its own name: its path is that of the object around it.
                match missing(&inner) {
                    Some(field) if path == "." => ApiError::invalid(field, message),
                    Some(field) => ApiError::invalid(format!("{path}.{field}"), message),
                    None if path == "." => ApiError::new(Kind::InvalidRequest, message),
                    None => ApiError::invalid(path, message),
                }
            }
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => not_json(&inner),
        }
    })?;
    json.end().map_err(|e| not_json(&e))?;
    Ok(request)
}

fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::new(
        Kind::InvalidRequest,
        format!(
            "The body is not valid JSON: {} at line {}, column {}.",
            without_position(error),
            error.line(),
            error.column()
        ),
    )
}

/// serde_json's message without the place at its end, and without the text that it may quote.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rfind(" at line ").map_or(text.as_str(), |at| &text[..at]);
    text.chars().take(300).collect()
}

fn missing(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let field = text.strip_prefix("missing field `")?;
    Some(field.split('`').next()?.to_owned())
}

/// Turns a request into a plan.
///
/// # Errors
/// What codex can't carry exactly is refused, with the field; `model_not_found` for an unknown model.
pub fn plan(request: &ChatRequest<'_>, served: &Served, aliases: &[Alias]) -> Result<Chat, ApiError> {
    let ignored = parameters(request)?;
    notes(request)?;
    let resolved = served.resolve(&request.model, aliases)?;
    let effort = request.reasoning_effort.clone().or(resolved.effort);
    if let Some(effort) = &effort {
        served.check_effort(&resolved.model, effort)?;
    }
    Ok(Chat {
        plan: Plan { model: Some(resolved.model), effort, items: items(&request.messages)? },
        model: request.model.clone(),
        stream: request.stream.unwrap_or(false),
        include_usage: request.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
        ignored,
    })
}

/// Refuses parameters that would change the answer, and names those that have no effect.
fn parameters(request: &ChatRequest<'_>) -> Result<Vec<&'static str>, ApiError> {
    let mut ignored = Vec::new();
    if request.stream_options.is_some() && request.stream != Some(true) {
        return Err(ApiError::invalid(
            "stream_options",
            "`stream_options` is only allowed when `stream` is true.",
        ));
    }
    for (name, value) in request.others() {
        match effect(name, value) {
            Effect::None => {}
            Effect::Ignored => ignored.push(name),
            Effect::Refused => {
                let message = format!("`{name}` with this value is not supported here; leave it out.");
                return Err(ApiError::new(Kind::UnsupportedParameter, message).with_param(name));
            }
        }
    }
    Ok(ignored)
}

/// What becomes of a parameter that codex has no field for.
enum Effect {
    /// It asks for what is done anyway.
    None,
    /// It has no effect, and the answer says so.
    Ignored,
    /// Without it the answer would be wrong.
    Refused,
}

fn effect(name: &str, value: &Value) -> Effect {
    let harmless = match name {
        "n" => value == 1,
        "logprobs" => value == false,
        "tools" | "functions" | "stop" => value.as_array().is_some_and(Vec::is_empty),
        "tool_choice" | "function_call" => value == "none" || value == "auto",
        "response_format" => value["type"] == "text",
        "modalities" => value.as_array().is_some_and(|m| m.iter().all(|m| m == "text")),
        "top_logprobs" | "audio" | "web_search_options" => false,
        _ => return Effect::Ignored,
    };
    if harmless { Effect::None } else { Effect::Refused }
}

fn notes(request: &ChatRequest<'_>) -> Result<(), ApiError> {
    let (entries, key, value) = METADATA;
    if let Some(metadata) = &request.metadata {
        if metadata.len() > entries {
            return Err(ApiError::invalid("metadata", format!("`metadata` may have {entries} entries.")));
        }
        for (name, text) in metadata {
            if name.chars().count() > key || text.chars().count() > value {
                let message = format!("A key of `metadata` may have {key} characters, a value {value}.");
                return Err(ApiError::invalid("metadata", message));
            }
        }
    }
    if request.user.as_ref().is_some_and(|u| u.chars().count() > USER) {
        return Err(ApiError::invalid("user", format!("`user` may have {USER} characters.")));
    }
    Ok(())
}

/// The messages as raw Responses items, in order, cut into arrays of about [`INJECT_BYTES`].
fn items(messages: &[Message<'_>]) -> Result<Vec<Bytes>, ApiError> {
    if messages.is_empty() {
        return Err(ApiError::invalid("messages", "`messages` must have at least one message."));
    }
    let mut lines = Vec::new();
    let mut line = vec![b'['];
    for (at, message) in messages.iter().enumerate() {
        let item = item(at, message)?;
        if line.len() > 1 {
            line.push(b',');
        }
        serde_json::to_writer(&mut line, &item).expect("own types serialize into memory");
        if line.len() >= INJECT_BYTES {
            line.push(b']');
            lines.push(Bytes::from(std::mem::replace(&mut line, vec![b'['])));
        }
    }
    if line.len() > 1 {
        line.push(b']');
        lines.push(line.into());
    }
    Ok(lines)
}

/// A `message` item of the Responses API.
#[derive(Serialize)]
struct Item<'a> {
    r#type: &'static str,
    role: &'static str,
    content: Texts<'a>,
}

/// The texts of a message, each as a part of the type that its role has.
struct Texts<'a> {
    part: &'static str,
    content: &'a Content<'a>,
}

#[derive(Serialize)]
struct ItemPart<'a> {
    r#type: &'static str,
    text: &'a str,
}

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(None)?;
        let mut put = |text| seq.serialize_element(&ItemPart { r#type: self.part, text });
        match self.content {
            Content::Text(text) => put(text)?,
            Content::Parts(parts) => {
                for part in parts {
                    put(part.text.as_ref().map_or("", |t| &t.0))?;
                }
            }
        }
        seq.end()
    }
}

/// `system` goes as `developer`, in its place: codex drops `system` without a word.
fn item<'a>(at: usize, message: &'a Message<'a>) -> Result<Item<'a>, ApiError> {
    let field = |name: &str| format!("messages[{at}].{name}");
    let (role, part) = match message.role {
        Role::System | Role::Developer => ("developer", "input_text"),
        Role::User => ("user", "input_text"),
        Role::Assistant => ("assistant", "output_text"),
        Role::Tool | Role::Function => {
            let message =
                "Messages of tools are not supported here; roles are system, developer, user and assistant.";
            return Err(ApiError::new(Kind::UnsupportedValue, message).with_param(field("role")));
        }
    };
    let unsupported = |name: &str| {
        let message = format!("`{name}` in a message is not supported here; send its text as `content`.");
        ApiError::new(Kind::UnsupportedParameter, message).with_param(field(name))
    };
    if message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty()) {
        return Err(unsupported("tool_calls"));
    }
    if message.function_call.is_some() {
        return Err(unsupported("function_call"));
    }
    if message.refusal.is_some() {
        return Err(unsupported("refusal"));
    }
    let content = message.content.as_ref().ok_or_else(|| {
        ApiError::invalid(field("content"), "`content` must be a string or an array of content parts.")
    })?;
    if let Content::Parts(parts) = content {
        check_parts(parts, &field("content"))?;
    }
    Ok(Item { r#type: "message", role, content: Texts { part, content } })
}

fn check_parts(parts: &[Part<'_>], path: &str) -> Result<(), ApiError> {
    if parts.is_empty() {
        return Err(ApiError::invalid(path, "`content` must have at least one part."));
    }
    for (at, part) in parts.iter().enumerate() {
        if part.r#type != "text" {
            let message = "Only parts of type `text` are supported here.";
            return Err(
                ApiError::new(Kind::UnsupportedValue, message).with_param(format!("{path}[{at}].type"))
            );
        }
        if part.text.is_none() {
            return Err(ApiError::invalid(format!("{path}[{at}].text"), "A text part needs `text`."));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
