//! The body of a request, read with the path of whatever is wrong. Pure.

use crate::{
    error::{ApiError, Kind},
    openai::{chat::ChatRequest, object::Object},
};

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

pub(super) fn not_json(error: &serde_json::Error) -> ApiError {
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
