//! Answers of a form that the client asks for: `response_format`, and refusals.

mod objects;
mod refusals;
mod schemas;

use crate::support::Got;
use serde_json::{Value, json};

/// A request for an answer of this form.
pub(crate) fn asking_for(format: &Value, stream: bool) -> Value {
    let message = json!({"role": "user", "content": "Go. Answer in JSON."});
    json!({"model": "codex-5", "messages": [message], "response_format": format, "stream": stream})
}

/// The text of a complete answer, however it came.
pub(crate) fn text(got: &Got, stream: bool) -> String {
    if stream { got.stream().complete("stop") } else { got.content() }
}
