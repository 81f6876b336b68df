//! What a request asks of the child.

use bytes::Bytes;

/// One turn: a fresh thread, the items that go into it, and how it is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The model by its own name, or the child's default.
    pub model: Option<String>,
    /// The reasoning effort, or the model's own.
    pub effort: Option<String>,
    /// The conversation as JSON arrays of raw Responses items, each of a bounded size, in order.
    pub items: Vec<Bytes>,
}
