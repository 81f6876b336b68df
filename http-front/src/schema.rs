//! JSON Schemas of clients, as codex and the upstream take them.
//!
//! It owns what becomes of a schema on its way: [`tool`] for the parameters of a function, [`output`] for a
//! structured answer, [`calls`] for an answer that is a function call. It promises that what is carried has the
//! meaning that the client gave it or a narrower one, and that nothing is lost in silence: it is told to the
//! model, or refused with its place. It never panics, whatever JSON it is given, and never looks anything up
//! elsewhere: a reference that leaves the schema is one that can't be resolved.

pub mod calls;
mod convert;
mod definitions;
mod keyword;
pub mod kinds;
mod limits;
mod merge;
mod node;
pub mod output;
mod place;
mod refs;
mod restore;
pub mod samples;
pub mod tool;
mod types;

pub use restore::members;
use serde_json::{Map, Value};
use std::fmt;

/// How deep the JSON of a schema may be nested. The child answers nothing at all to a line that is nested deeper
/// than 127 levels (measured); conversion may double the levels, and the request around it has some too.
const NESTING: usize = 64;

/// An object of JSON, its members in order.
type Object = Map<String, Value>;

/// Why a schema can't be used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The place below the schema, as in `.properties.x.items`; empty for the schema itself.
    pub path: String,
    /// What is wrong there, for people.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// What is guaranteed of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every answer is valid under the schema; what can't be guaranteed is refused.
    Guaranteed,
    /// What can't be guaranteed is told to the model in a description.
    BestEffort,
}

/// Refuses what is nested so deep that the walks below, or the child's parser, would not get to its end.
fn bounded(schema: &Value) -> Result<(), Refusal> {
    if within(schema, NESTING) {
        return Ok(());
    }
    Err(Refusal {
        path: String::new(),
        message: format!("The schema is nested deeper than {NESTING} levels of JSON."),
    })
}

fn within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels > 0 && values.iter().all(|v| within(v, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|v| within(v, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}
