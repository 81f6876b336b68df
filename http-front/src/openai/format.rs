//! The form of the answer's content.
//!
//! Source: `ResponseFormatText`, `ResponseFormatJsonObject` and `ResponseFormatJsonSchema` of OpenAI's API description.

use super::object::optional;
use serde::Deserialize;
use serde_json::Value;

/// `response_format`.
#[derive(Debug, Deserialize)]
pub struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    pub r#type: String,
    /// The schema, for `json_schema`.
    #[serde(default, deserialize_with = "optional")]
    pub json_schema: Option<JsonSchema>,
}

/// A named schema.
#[derive(Debug, Deserialize)]
pub struct JsonSchema {
    /// Its name.
    pub name: String,
    /// What it is for, for the model.
    #[serde(default)]
    pub description: Option<String>,
    /// The schema.
    #[serde(default)]
    pub schema: Option<Value>,
    /// Whether the content must match it.
    #[serde(default)]
    pub strict: Option<bool>,
}
