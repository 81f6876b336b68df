//! What an answer must be like.

use crate::{
    schema::{calls::Calls, output::Output},
    translate::{blocks::Blocks, custom::Customs, limit::Limits, mode::OutputMode, names::Names},
};

/// Which functions the model may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Allowed {
    /// Any; a name that the request doesn't have is handed on, and the client tells the model.
    Any,
    /// These alone.
    Only(Vec<String>),
    /// None.
    #[default]
    None,
}

/// How the model's calls are taken.
#[derive(Debug, Clone, Default)]
pub struct Calling {
    /// Which there may be.
    pub allowed: Allowed,
    /// Whether the first call alone is handed on.
    pub single: bool,
    /// Whether the answer has the old form, `function_call`.
    pub legacy: bool,
    /// The tools whose calls have a text in the place of arguments.
    pub customs: Customs,
}

/// What the model's text is.
#[derive(Debug, Default)]
pub enum Shape {
    /// Text.
    #[default]
    Text,
    /// A JSON object.
    Object,
    /// JSON of a schema.
    Schema(Box<Output>),
    /// A call, if the model doesn't call by itself; with the functions by their names.
    Calls(Box<Calls>, Vec<String>),
}

/// What an answer must be like.
#[derive(Debug, Default)]
pub struct Expect {
    /// The text.
    pub shape: Shape,
    /// The calls.
    pub calling: Calling,
    /// The names of the functions.
    pub names: Names,
    /// What bounds the text.
    pub limits: Limits,
    /// Whether what is told of the reasoning goes out.
    pub reasoning: bool,
    /// How calls are told.
    pub output: OutputMode,
    /// Reads calls that are written as text.
    pub blocks: Option<Blocks>,
    /// Whether an agent answers. It may say much before its answer, and is never run twice.
    pub agent: bool,
}
