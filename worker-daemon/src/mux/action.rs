//! What the core wants done. The actor does it; the core never does I/O.

use shared::{
    id::{ConnId, Generation},
    line::Line,
};

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write a line to the child of this generation.
    ToChild(Generation, Line),
    /// Queue a line for a client. A client whose queue is full is cut off by the actor.
    ToClient(ConnId, Line),
}
