//! The chat completion request. Tolerant: what clients send by habit is read, what we don't know is ignored.
//!
//! Source: `CreateChatCompletionRequest` of OpenAI's API description. A member that is `null` is an absent one.

use super::object::{Object, array, optional};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess},
};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, fmt};

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
    tools,
    /// Changes the output.
    tool_choice,
    /// Changes the output.
    functions,
    /// Changes the output.
    function_call,
    /// Changes the output.
    response_format,
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
    parallel_tool_calls,
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

/// One message.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    #[serde(borrow, default)]
    pub content: Option<Content<'a>>,
    /// Calls of the model.
    #[serde(default)]
    pub tool_calls: Option<Vec<Value>>,
    /// The old form of the same.
    #[serde(default)]
    pub function_call: Option<Value>,
    /// A refusal of the model.
    #[serde(default)]
    pub refusal: Option<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The operator of the application, in the older word.
    System,
    /// The operator of the application.
    Developer,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// The result of a tool.
    Tool,
    /// The older form of the same.
    Function,
}

const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];

/// By hand: serde_json calls a number in the place of a unit variant bad JSON, and takes an object there.
impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = d.deserialize_str(TextVisitor)?;
        Ok(match name.as_ref() {
            "system" => Self::System,
            "developer" => Self::Developer,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" => Self::Tool,
            "function" => Self::Function,
            other => return Err(de::Error::unknown_variant(other, ROLES)),
        })
    }
}

/// What is said: a text, or parts.
#[derive(Debug)]
pub enum Content<'a> {
    /// One text.
    Text(Cow<'a, str>),
    /// Several parts.
    Parts(Vec<Part<'a>>),
}

/// A part of a message.
#[derive(Debug, Deserialize)]
pub struct Part<'a> {
    /// `text`, `image_url`, ….
    pub r#type: String,
    /// The text of a text part.
    #[serde(borrow, default)]
    pub text: Option<PartText<'a>>,
}

/// The text of a part, borrowed where it can be.
#[derive(Debug)]
pub struct PartText<'a>(pub Cow<'a, str>);

struct TextVisitor;

impl<'de> de::Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(v.to_owned()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PartText<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(TextVisitor).map(PartText)
    }
}

struct ContentVisitor;

impl<'de> de::Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of content parts")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Borrowed(v)))
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Owned(v.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(Object(part)) = seq.next_element()? {
            parts.push(part);
        }
        Ok(Content::Parts(parts))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ContentVisitor)
    }
}
