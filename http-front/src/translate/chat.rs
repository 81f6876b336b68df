//! Deltas to a chat completion, as chunks or as one object. Pure.
//!
//! The two folds agree: the contents of all chunks, put together, are the content of the object. Several messages
//! of one turn are joined by an empty line.

mod object;
mod stream;

pub use object::Whole;
pub use stream::{Chunks, Effect};

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
