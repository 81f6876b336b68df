//! Deltas to the answer of a client: as chunks or as one object, as a chat completion or as a completion. Pure.
//!
//! The two folds agree: the texts of all chunks of a choice, put together, are the text of the object's choice. Several
//! messages of one turn are joined by an empty line.

mod chunks;
mod form;
mod progress;
mod whole;

pub use chunks::{Chunks, Effect};
pub use form::Form;
pub use progress::Sent;
pub use whole::{Choice, Whole};

use serde::Serialize;

/// What every chunk, or the object, says of the answer as a whole.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `chatcmpl-…` or `cmpl-…`.
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: String,
}

/// What an answer, or the chunks of one, begin with.
#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
}

/// A call of a custom tool.
#[derive(Serialize)]
struct CalledCustom<'a> {
    name: &'a str,
    input: &'a str,
}

impl<'a> Head<'a> {
    fn new(identity: &'a Identity, object: &'static str) -> Self {
        Self { id: &identity.id, object, created: identity.created, model: &identity.model }
    }
}

#[cfg(test)]
mod tests;
