//! A body of the Responses API that was posted to chat completions, as some clients do. Pure.
//!
//! It becomes the chat body that says the same, and is served as that: the answer is a chat completion. Whatever is
//! wrong is told with the field of the body that the client sent.

mod items;
mod paths;
#[cfg(test)]
mod tests;

use crate::error::{ApiError, Kind};
pub use paths::Paths;
use serde_json::{Map, Value, json};

/// The chat body that says the same.
#[derive(Debug)]
pub struct Converted {
    /// The body.
    pub body: Vec<u8>,
    /// From its fields to those that the client sent.
    pub paths: Paths,
}

/// Members that name what was stored: nothing is, for chat completions.
const STORED: &[&str] = &["previous_response_id", "conversation", "prompt"];

/// Converts `body`, which was refused as a chat body with `refused`.
///
/// # Errors
/// `refused`, where it has no `input` either; 400 with the field for what a chat body can't say.
pub fn convert(body: &[u8], refused: ApiError) -> Result<Converted, ApiError> {
    if refused.param() != Some("messages") {
        return Err(refused);
    }
    let Ok(Value::Object(mut sent)) = serde_json::from_slice(body) else { return Err(refused) };
    let lacks = |name: &str| sent.get(name).is_none_or(Value::is_null);
    if !lacks("messages") || lacks("input") {
        return Err(refused);
    }
    if let Some(name) = STORED.iter().find(|name| !lacks(name)) {
        let text =
            format!("`{name}` is not supported on this route: send the whole conversation as `input`.");
        return Err(ApiError::new(Kind::UnsupportedValue, text).with_param(*name));
    }
    if sent.get("background") == Some(&Value::Bool(true)) {
        let text = "`background` is not supported on this route; leave it out.";
        return Err(ApiError::new(Kind::UnsupportedValue, text).with_param("background"));
    }
    included(sent.remove("include").unwrap_or_default())?;
    let mut paths = Paths::default();
    paths.renamed("messages", "input");
    let mut messages = Vec::new();
    match sent.remove("instructions") {
        Some(Value::String(text)) => {
            messages.push(json!({"role": "system", "content": text}));
            paths.message("instructions".to_owned(), None);
        }
        Some(Value::Null) | None => {}
        Some(_) => return Err(ApiError::invalid("instructions", "`instructions` must be a string.")),
    }
    items::messages(sent.remove("input").unwrap_or_default(), &mut messages, &mut paths)?;
    sent.insert("messages".to_owned(), Value::Array(messages));
    text(&mut sent, &mut paths)?;
    if let Some(most) = sent.remove("max_output_tokens").filter(|most| !most.is_null()) {
        let same = |other: &Value| other.is_null() || *other == most;
        if !sent.get("max_completion_tokens").is_none_or(same) {
            let text = "`max_completion_tokens` and `max_output_tokens` are different. Send `max_output_tokens` alone.";
            return Err(ApiError::invalid("max_completion_tokens", text));
        }
        sent.insert("max_completion_tokens".to_owned(), most);
        paths.renamed("max_completion_tokens", "max_output_tokens");
    }
    let body = serde_json::to_vec(&sent).expect("JSON serializes into memory");
    Ok(Converted { body, paths })
}

/// `include`: what else the answer is to have. Reasoning for a later request and what OpenAI's own tools found are left
/// out without a word, for the answer is a chat completion, which has neither; how likely its tokens were is asked for
/// there, too, and can't be had.
fn included(include: Value) -> Result<(), ApiError> {
    const NAME: &str = "include";
    let list = match include {
        Value::Null => return Ok(()),
        Value::Array(list) if list.iter().all(Value::is_string) => list,
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return Err(ApiError::invalid(NAME, "`include` must be an array of strings."));
        }
    };
    match list.iter().position(|asked| asked == "message.output_text.logprobs") {
        Some(at) => {
            let message = format!("`{NAME}[{at}]` with this value is not supported here; leave it out.");
            Err(ApiError::new(Kind::UnsupportedParameter, message).with_param(format!("{NAME}[{at}]")))
        }
        None => Ok(()),
    }
}

/// `text`: the form of the answer, and how much there is of it.
fn text(sent: &mut Map<String, Value>, paths: &mut Paths) -> Result<(), ApiError> {
    let mut text = match sent.remove("text") {
        Some(Value::Object(text)) => text,
        Some(Value::Null) | None => return Ok(()),
        Some(_) => return Err(ApiError::invalid("text", "`text` must be an object.")),
    };
    if let Some(verbosity) = text.remove("verbosity") {
        sent.insert("verbosity".to_owned(), verbosity);
        paths.renamed("verbosity", "text.verbosity");
    }
    let format = match text.remove("format") {
        Some(Value::Object(mut format)) if format.get("type") == Some(&json!("json_schema")) => {
            format.remove("type");
            json!({"type": "json_schema", "json_schema": format})
        }
        Some(format) => format,
        None => return Ok(()),
    };
    sent.insert("response_format".to_owned(), format);
    paths.renamed("response_format.json_schema", "text.format");
    paths.renamed("response_format", "text.format");
    Ok(())
}
