//! The parameters of a request that have no part of their own. Pure.

use crate::{
    error::{ApiError, Kind},
    openai::chat::ChatRequest,
};
use serde_json::Value;

/// OpenAI's bounds for `metadata`: entries, characters of a key, characters of a value.
const METADATA: (usize, usize, usize) = (16, 64, 512);
/// The longest `user`, in characters.
const USER: usize = 512;

/// Refuses parameters that would change the answer, and names those that have no effect.
pub(super) fn parameters(request: &ChatRequest<'_>) -> Result<Vec<&'static str>, ApiError> {
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
        "stop" => value.as_array().is_some_and(Vec::is_empty),
        "modalities" => value.as_array().is_some_and(|m| m.iter().all(|m| m == "text")),
        "top_logprobs" | "audio" | "web_search_options" => false,
        _ => return Effect::Ignored,
    };
    if harmless { Effect::None } else { Effect::Refused }
}

pub(super) fn notes(request: &ChatRequest<'_>) -> Result<(), ApiError> {
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
