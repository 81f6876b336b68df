//! The chat completion request. Tolerant: what clients send by habit is read, what we don't know is ignored.
//!
//! Source: `CreateChatCompletionRequest` of OpenAI's API description. A member that is `null` is an absent one.

use super::{
    format::ResponseFormat,
    message::Message,
    object::{array, optional, optional_array},
    tool::{Function, Tool},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

macro_rules! request {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
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
            /// How hard the model thinks.
            #[serde(default)]
            pub reasoning_effort: Option<String>,
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
            $($(#[$doc])* #[serde(default)] pub $name: Option<Value>,)*
        }

        impl ChatRequest<'_> {
            /// The parameters that are there and have no field of their own above, by name.
            pub fn others(&self) -> impl Iterator<Item = (&'static str, &Value)> {
                [$((stringify!($name), &self.$name)),*].into_iter().filter_map(|(name, v)| Some((name, v.as_ref()?)))
            }
        }
    };
}

request! {
    /// Changes the output: refused unless it asks for what is done anyway.
    n,
    /// Changes the output.
    stop,
    /// Changes the output.
    logprobs,
    /// Changes the output.
    top_logprobs,
    /// Changes the output.
    modalities,
    /// Changes the output.
    audio,
    /// Changes the output.
    web_search_options,
    /// A habit of clients.
    max_tokens,
    /// A habit of clients.
    max_completion_tokens,
    /// A habit of clients.
    temperature,
    /// A habit of clients.
    top_p,
    /// A habit of clients.
    presence_penalty,
    /// A habit of clients.
    frequency_penalty,
    /// A habit of clients.
    seed,
    /// A habit of clients.
    logit_bias,
    /// A habit of clients.
    prediction,
    /// A habit of clients.
    verbosity,
    /// A habit of clients.
    service_tier,
    /// A habit of clients.
    store,
    /// A habit of clients.
    prompt_cache_key,
    /// A habit of clients.
    prompt_cache_retention,
    /// A habit of clients.
    safety_identifier,
}

/// `ChatCompletionStreamOptions`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct StreamOptions {
    /// Whether a chunk with the usage ends the stream.
    #[serde(default)]
    pub include_usage: Option<bool>,
}
