//! What an answer of the front must be like: as OpenAI's own description of its API says (`data/openapi-subset.json`,
//! version 2.3.0), and a failure as the schema of our envelope, too.
//!
//! Owns which of the two an object is held against. Promises that every object of an answer is looked at, and that a
//! member which the description does not name is a fault. It never says anything about texts, order or headers.

mod asked;
mod openapi;
mod schemas;

pub use openapi::openapi;

use serde_json::Value;

/// What an object of an answer claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A chat completion.
    Completion,
    /// A chunk of one.
    Chunk,
    /// A completion.
    Texts,
    /// A frame of a stream of one: only its place tells it from a whole one.
    TextsChunk,
    /// The list of models.
    Models,
    /// One model.
    Model,
    /// A failure, in place of an answer or as the last frame of a stream.
    Failure,
}

impl Shape {
    /// By the member that the SDKs look at; `None` for what is not of OpenAI's API, such as health.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        if object.get("error").is_some() {
            return Some(Self::Failure);
        }
        match object.get("object")?.as_str()? {
            "chat.completion" => Some(Self::Completion),
            "chat.completion.chunk" => Some(Self::Chunk),
            "text_completion" => Some(Self::Texts),
            "list" => Some(Self::Models),
            "model" => Some(Self::Model),
            _ => None,
        }
    }

    /// What is wrong with an object that should be one.
    #[must_use]
    pub fn faults(self, object: &Value) -> Vec<String> {
        let validators: &[&jsonschema::Validator] = match self {
            Self::Completion => &[&schemas::COMPLETION],
            Self::Chunk => &[&schemas::CHUNK],
            Self::Texts => &[&schemas::TEXTS],
            Self::TextsChunk => &[&schemas::TEXTS_CHUNK],
            Self::Models => &[&schemas::MODELS],
            Self::Model => &[&schemas::MODEL],
            Self::Failure => &[&schemas::FAILURE, &schemas::ENVELOPE],
        };
        // The quick question first: nearly every object is as it should be.
        let odd = validators.iter().filter(|validator| !validator.is_valid(object));
        let faults = odd.flat_map(|validator| validator.iter_errors(object));
        faults.map(|fault| format!("{self:?}, at `{}`: {fault}", fault.instance_path())).collect()
    }
}

/// What is wrong with the whole body of an answer of `/v1`.
#[must_use]
pub fn faults(status: u16, content_type: Option<&str>, body: &str) -> Vec<String> {
    if content_type.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        return stream_faults(body);
    }
    let object: Value = match serde_json::from_str(body) {
        Ok(object) => object,
        Err(error) => return vec![format!("no JSON: {error}")],
    };
    match (Shape::of(&object), status) {
        (Some(shape @ (Shape::Completion | Shape::Texts | Shape::Models | Shape::Model)), 200)
        | (Some(shape @ Shape::Failure), 400..) => shape.faults(&object),
        (shape, _) => vec![format!("status {status} with {shape:?}")],
    }
}

/// What is wrong with the frames of a stream, up to its last line.
#[must_use]
pub fn stream_faults(body: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut first = None;
    for data in body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]") {
        let frame: Value = match serde_json::from_str(data) {
            Ok(frame) => frame,
            Err(error) => {
                faults.push(format!("no JSON: {error}: {data}"));
                continue;
            }
        };
        match Shape::of(&frame) {
            Some(shape @ (Shape::Chunk | Shape::Texts)) => {
                let shape = if shape == Shape::Texts { Shape::TextsChunk } else { shape };
                faults.extend(shape.faults(&frame));
                let whole = ["id", "created", "model"].map(|name| frame[name].clone());
                if *first.get_or_insert_with(|| whole.clone()) != whole {
                    faults.push(format!("of another answer: {data}"));
                }
            }
            Some(Shape::Failure) => faults.extend(Shape::Failure.faults(&frame)),
            shape => faults.push(format!("a frame with {shape:?}: {data}")),
        }
    }
    faults
}

/// Fails the test with everything that is wrong with a body.
///
/// # Panics
/// When anything is.
pub fn check(status: u16, content_type: Option<&str>, body: &str) {
    let faults = faults(status, content_type, body);
    let shown: String = body.chars().take(4000).collect();
    assert!(faults.is_empty(), "status {status}, not as described:\n{}\n{shown}", faults.join("\n"));
}

#[cfg(test)]
mod tests;
