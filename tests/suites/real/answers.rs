//! What an answer is beside one text: several choices, bounded ones, reasoning, metadata, completions.

mod blocks;
mod bounds;
mod choices;
mod completions;
mod cursor;
mod metadata;
mod thoughts;

use serde_json::{Value, json};

use crate::support::Got;

/// A request with what else `more` says.
fn asking(more: &Value) -> Value {
    let mut body = json!({"model": "codex-5", "messages": [{"role": "user", "content": "Go."}]});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// The texts of all choices of an answer in one piece or as a stream, by their indexes, each with its reason.
fn choices(got: &Got, stream: bool, count: usize) -> Vec<(String, String)> {
    let owned = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if !stream {
        let object = got.json();
        let choices = object["choices"].as_array().unwrap_or_else(|| panic!("{}", got.shown()));
        assert!(choices.iter().enumerate().all(|(at, choice)| choice["index"] == at), "{}", got.shown());
        return choices
            .iter()
            .map(|choice| (owned(&choice["message"]["content"]), owned(&choice["finish_reason"])))
            .collect();
    }
    let stream = got.stream();
    let reasons = |index: usize| {
        let all = stream.chunks().into_iter().map(|chunk| &chunk["choices"][0]);
        all.filter(|choice| choice["index"] == index && !choice["finish_reason"].is_null())
            .map(|choice| owned(&choice["finish_reason"]))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    (0..count).map(|index| (stream.of(index, "content"), reasons(index))).collect()
}
