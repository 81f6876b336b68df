//! The messages of a chat completion request.
//!
//! Source: `ChatCompletionRequestMessage` of OpenAI's API description, and what clients send beside it: images in the
//! results of tools, refusals as parts.

use super::{
    object::{Object, optional, optional_array},
    tool::{Called, ToolCall},
};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess},
};
use serde_json::Value;
use shared::rpc::text::Text;
use std::{borrow::Cow, fmt};

/// One message.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    #[serde(borrow, default)]
    pub content: Option<Content<'a>>,
    /// Calls of the model.
    #[serde(borrow, default, deserialize_with = "optional_array")]
    pub tool_calls: Option<Vec<ToolCall<'a>>>,
    /// The old form of the same.
    #[serde(borrow, default, deserialize_with = "optional")]
    pub function_call: Option<Called<'a>>,
    /// Which call a tool's message is the result of.
    #[serde(default)]
    pub tool_call_id: Option<String>,
    /// The name of who speaks; for the role `function` the name of the function.
    #[serde(default)]
    pub name: Option<String>,
    /// Audio that the model said before.
    #[serde(default)]
    pub audio: Option<Value>,
    /// A refusal of the model.
    #[serde(default)]
    pub refusal: Option<String>,
    /// Whether it was put in before those of the client, which are counted without it.
    #[serde(skip)]
    pub added: bool,
}

impl<'a> Message<'a> {
    /// A message that says a text, and nothing else.
    pub fn saying(role: Role, text: String) -> Self {
        Self {
            role,
            content: Some(Content::Text(Cow::Owned(text))),
            tool_calls: None,
            function_call: None,
            tool_call_id: None,
            name: None,
            audio: None,
            refusal: None,
            added: false,
        }
    }
}

/// The messages, each with the number that it has in the client's request: errors name it. What was added before the
/// first one has number 0, too.
pub fn numbered<'m, 'a>(messages: &'m [Message<'a>]) -> impl Iterator<Item = (usize, &'m Message<'a>)> {
    let added = messages.iter().take_while(|message| message.added).count();
    messages.iter().enumerate().map(move |(at, message)| (at.saturating_sub(added), message))
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

impl Role {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::Function => "function",
        }
    }
}

const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool", "function"];

/// By hand: serde_json calls a number in the place of a unit variant bad JSON, and takes an object there.
impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(d)?;
        Ok(match &*name {
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
    pub text: Option<Text<'a>>,
    /// The text of a refusal.
    #[serde(borrow, default)]
    pub refusal: Option<Text<'a>>,
    /// The image of an image part.
    #[serde(borrow, default, deserialize_with = "optional")]
    pub image_url: Option<ImageUrl<'a>>,
}

/// An image: a data URL or a web address.
#[derive(Debug, Deserialize)]
pub struct ImageUrl<'a> {
    /// Where it is.
    #[serde(borrow)]
    pub url: Text<'a>,
    /// How closely the model is to look: `auto`, `low`, `high`.
    #[serde(default)]
    pub detail: Option<String>,
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
