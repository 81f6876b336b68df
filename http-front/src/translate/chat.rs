//! Deltas to a chat completion, as chunks or as one object. Pure.
//!
//! The two folds agree: the contents of all chunks, put together, are the content of the object. Several messages
//! of one turn are joined by an empty line.

mod object;
mod stream;

use super::event::{Cut, End};
pub use object::Whole;
pub use stream::{Chunks, Effect};

/// What stands between two messages of one turn.
const SEPARATOR: &str = "\n\n";

/// Why an answer ended, in the words of chat completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// A bound was reached.
    Length,
    /// A filter stopped it.
    ContentFilter,
}

impl FinishReason {
    /// The reason for a turn that ended well, or early.
    pub fn of(end: &End) -> Self {
        match end {
            End::Incomplete(Cut::Length) => Self::Length,
            End::Incomplete(Cut::ContentFilter) => Self::ContentFilter,
            End::Completed
            | End::Interrupted
            | End::Failed(_)
            | End::Refused(_)
            | End::Lost
            | End::Unavailable
            | End::Stopped => Self::Stop,
        }
    }

    /// As JSON strings have it, without the quotes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// What every chunk, or the object, says of the answer as a whole.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `chatcmpl-…`.
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: String,
}

#[cfg(test)]
mod tests;
