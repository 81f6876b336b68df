//! The form of the answer's content: `response_format`. Pure.

use crate::{
    error::{ApiError, Kind},
    openai::{
        chat::ChatRequest,
        format::JsonSchema,
        message::{Content, Message},
    },
    schema::{
        Level,
        output::{self, Output},
    },
};
use serde_json::Value;

/// The longest name of a schema, in characters.
const NAME: usize = 64;

/// The form that the content must have.
#[derive(Debug)]
pub(super) enum Format {
    /// Any text.
    Text,
    /// A JSON object.
    Object,
    /// JSON of this schema.
    Schema(Box<Output>),
}

/// Reads the form.
///
/// # Errors
/// 400 with the path of what can't be carried.
pub(super) fn format(request: &ChatRequest<'_>) -> Result<Format, ApiError> {
    let Some(format) = &request.response_format else {
        return Ok(Format::Text);
    };
    match (format.r#type.as_str(), &format.json_schema) {
        ("text", _) => Ok(Format::Text),
        ("json_object", _) if request.messages.iter().any(says_json) => Ok(Format::Object),
        // Without the word a model has no reason to write JSON; OpenAI asks for it, too.
        ("json_object", _) => Err(ApiError::invalid(
            "messages",
            "The messages must hold the word `json` for a `response_format` of type `json_object`.",
        )),
        ("json_schema", Some(schema)) => json_schema(schema).map(|output| Format::Schema(Box::new(output))),
        ("json_schema", None) => Err(ApiError::invalid(
            "response_format.json_schema",
            "A `response_format` of type `json_schema` needs `json_schema`.",
        )),
        (_, _) => Err(ApiError::new(
            Kind::UnsupportedValue,
            "`response_format` is of type `text`, `json_object` or `json_schema`.",
        )
        .with_param("response_format.type")),
    }
}

fn json_schema(asked: &JsonSchema) -> Result<Output, ApiError> {
    let path = |name: &str| format!("response_format.json_schema.{name}");
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !(1..=NAME).contains(&asked.name.chars().count()) || !asked.name.chars().all(fits) {
        let text = "The name of a schema has 1 to 64 letters, digits, `_` and `-`.";
        return Err(ApiError::invalid(path("name"), text));
    }
    let Some(schema) = &asked.schema else {
        return Err(ApiError::invalid(path("schema"), "`json_schema` needs `schema`."));
    };
    let level = if asked.strict == Some(true) { Level::Guaranteed } else { Level::BestEffort };
    let described = describe(schema, asked.description.as_deref());
    output::convert(described.as_ref().unwrap_or(schema), level).map_err(|refusal| {
        ApiError::new(Kind::UnsupportedValue, refusal.message).with_param(format!(
            "{}{}",
            path("schema"),
            refusal.path
        ))
    })
}

/// The schema with the description beside it, which codex has no place for.
fn describe(schema: &Value, description: Option<&str>) -> Option<Value> {
    let description = description.filter(|text| !text.is_empty())?;
    let mut schema = schema.as_object()?.clone();
    let text = match schema.get("description").and_then(Value::as_str) {
        Some(own) => format!("{description}\n\n{own}"),
        None => description.to_owned(),
    };
    schema.insert("description".into(), text.into());
    Some(schema.into())
}

fn says_json(message: &Message<'_>) -> bool {
    let has = |text: &str| {
        let bytes = text.as_bytes();
        bytes.windows(4).any(|word| word.eq_ignore_ascii_case(b"json"))
    };
    match &message.content {
        None => false,
        Some(Content::Text(text)) => has(text),
        Some(Content::Parts(parts)) => parts.iter().any(|part| part.text.as_ref().is_some_and(|t| has(t))),
    }
}
