//! The chat completion request. Tolerant: what clients send by habit is read, what we don't know is ignored.
//!
//! Source: `CreateChatCompletionRequest` of OpenAI's API description, and what clients of other servers send
//! (`reasoning`, `reasoning_summary`). A member that is `null` is an absent one. What is a [`Value`] here is checked by
//! `translate::request`, which has clearer words than a type.

use super::{
    format::ResponseFormat,
    message::Message,
    object::{array, optional, optional_array},
    tool::{Function, Tool},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A request for a chat completion.
#[derive(Debug, Deserialize)]
pub struct ChatRequest<'a> {
    /// The model's name or an alias.
    pub model: String,
    /// The conversation.
    #[serde(borrow, deserialize_with = "array")]
    pub messages: Vec<Message<'a>>,
    /// Whether the answer comes as a stream.
    #[serde(default)]
    pub stream: Option<bool>,
    /// How the stream is to be.
    #[serde(default, deserialize_with = "optional")]
    pub stream_options: Option<StreamOptions>,
    /// How many answers there are to be.
    #[serde(default)]
    pub n: Option<Value>,
    /// The texts that end an answer: one, or an array.
    #[serde(default)]
    pub stop: Option<Value>,
    /// The most tokens of an answer.
    #[serde(default)]
    pub max_completion_tokens: Option<Value>,
    /// The old name of that.
    #[serde(default)]
    pub max_tokens: Option<Value>,
    /// How hard the model thinks.
    #[serde(default)]
    pub reasoning_effort: Option<String>,
    /// The same, and what is told of it, as the Responses API has it.
    #[serde(default, deserialize_with = "optional")]
    pub reasoning: Option<Reasoning>,
    /// How much is told of the reasoning.
    #[serde(default)]
    pub reasoning_summary: Option<Value>,
    /// How much the model writes.
    #[serde(default)]
    pub verbosity: Option<Value>,
    /// How soon the request is served.
    #[serde(default)]
    pub service_tier: Option<Value>,
    /// What the model may call.
    #[serde(default, deserialize_with = "optional_array")]
    pub tools: Option<Vec<Tool>>,
    /// Which of it the model must call: a word, or an object that names functions.
    #[serde(default)]
    pub tool_choice: Option<Value>,
    /// Whether the model may call several functions at once.
    #[serde(default)]
    pub parallel_tool_calls: Option<bool>,
    /// The old form of `tools`.
    #[serde(default, deserialize_with = "optional_array")]
    pub functions: Option<Vec<Function>>,
    /// The old form of `tool_choice`.
    #[serde(default)]
    pub function_call: Option<Value>,
    /// The form of the answer's content.
    #[serde(default, deserialize_with = "optional")]
    pub response_format: Option<ResponseFormat>,
    /// The caller's name for its user. Checked, not carried: codex would put it into an HTTP header.
    #[serde(default)]
    pub user: Option<String>,
    /// The caller's notes. Checked, not carried, as `user`.
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,

    /// How likely each token was: can't be had.
    #[serde(default)]
    pub logprobs: Option<Value>,
    /// For how many others that is told, too: can't be had.
    #[serde(default)]
    pub top_logprobs: Option<Value>,
    /// What the answer consists of: text alone can be had.
    #[serde(default)]
    pub modalities: Option<Value>,
    /// How the answer sounds: can't be had.
    #[serde(default)]
    pub audio: Option<Value>,
    /// How the web is searched: can't be had.
    #[serde(default)]
    pub web_search_options: Option<Value>,
    /// How request and answer are judged: can't be had.
    #[serde(default)]
    pub moderation: Option<Value>,

    /// Codex has no field for it.
    #[serde(default)]
    pub temperature: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub top_p: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub presence_penalty: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub frequency_penalty: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub seed: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub logit_bias: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub prediction: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub store: Option<Value>,
    /// Codex chooses its own.
    #[serde(default)]
    pub prompt_cache_key: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub prompt_cache_retention: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub prompt_cache_options: Option<Value>,
    /// Codex has no field for it.
    #[serde(default)]
    pub safety_identifier: Option<Value>,
    /// Whether a conversation that is too long may lose its beginning, as the Responses API has it: it never does.
    #[serde(default)]
    pub truncation: Option<Value>,
    /// How often tools may be called, as the Responses API has it: nobody counts.
    #[serde(default)]
    pub max_tool_calls: Option<Value>,
}

/// `ChatCompletionStreamOptions`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct StreamOptions {
    /// Whether a chunk with the usage ends the stream.
    #[serde(default)]
    pub include_usage: Option<bool>,
}

/// `Reasoning`, as far as it is for us.
#[derive(Debug, Deserialize)]
pub struct Reasoning {
    /// How hard the model thinks.
    #[serde(default)]
    pub effort: Option<String>,
    /// How much is told of it.
    #[serde(default)]
    pub summary: Option<Value>,
}
