//! The two forms of an answer.

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A chat completion: messages with calls, refusals and reasoning.
    Chat,
    /// A completion: texts.
    Text,
}

impl Form {
    /// The prefix of the answer's id.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Chat => "chatcmpl",
            Self::Text => "cmpl",
        }
    }

    /// The `object` of an answer in one piece.
    pub(super) fn whole(self) -> &'static str {
        match self {
            Self::Chat => "chat.completion",
            Self::Text => "text_completion",
        }
    }

    /// The `object` of a chunk.
    pub(super) fn chunk(self) -> &'static str {
        match self {
            Self::Chat => "chat.completion.chunk",
            Self::Text => "text_completion",
        }
    }
}
