//! Refuses what OpenAI's Responses API refuses, so that a test can say that a request was a good one.
//!
//! It owns the top level of a request. It knows OpenAI's parameters and, on top, what codex sends
//! (`client_metadata`). It never repairs anything.

mod input;
mod problem;
mod schema;
mod tools;

use serde_json::{Map, Value};

pub(super) use problem::Problem;
use problem::{Kind, Problems, join};

const PARAMETERS: &[(&str, Kind)] = &[
    ("background", Kind::Flag),
    ("client_metadata", Kind::Object),
    ("context_management", Kind::Array),
    ("conversation", Kind::TextOrObject),
    ("include", Kind::Array),
    ("input", Kind::TextOrArray),
    ("instructions", Kind::Text),
    ("max_output_tokens", Kind::Whole),
    ("max_tool_calls", Kind::Whole),
    ("metadata", Kind::Object),
    ("model", Kind::Text),
    ("moderation", Kind::Object),
    ("parallel_tool_calls", Kind::Flag),
    ("previous_response_id", Kind::Text),
    ("prompt", Kind::Object),
    ("prompt_cache_key", Kind::Text),
    ("prompt_cache_options", Kind::Object),
    ("prompt_cache_retention", Kind::Text),
    ("reasoning", Kind::Object),
    ("safety_identifier", Kind::Text),
    ("service_tier", Kind::Text),
    ("store", Kind::Flag),
    ("stream", Kind::Flag),
    ("stream_options", Kind::Object),
    ("temperature", Kind::Number),
    ("text", Kind::Object),
    ("tool_choice", Kind::TextOrObject),
    ("tools", Kind::Array),
    ("top_logprobs", Kind::Whole),
    ("top_p", Kind::Number),
    ("truncation", Kind::Text),
    ("user", Kind::Text),
];
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const SUMMARIES: &[&str] = &["auto", "concise", "detailed"];
const CONTEXTS: &[&str] = &["auto", "current_turn", "all_turns"];
const VERBOSITIES: &[&str] = &["low", "medium", "high"];
const TIERS: &[&str] = &["auto", "default", "fast", "flex", "priority", "scale"];
const TRUNCATIONS: &[&str] = &["auto", "disabled"];
const INCLUDES: &[&str] = &[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
];

/// Everything that is wrong with this body, the first thing first.
pub(super) fn check(body: &Value) -> Vec<Problem> {
    let mut problems = Problems::default();
    if let Some(request) = problems.object("body", body) {
        top_level(&mut problems, request);
        if let Some(items) = request.get("input") {
            input::check(&mut problems, items);
        }
        if let Some(list) = request.get("tools").and_then(Value::as_array) {
            tools::check(&mut problems, list);
        }
        tools::check_choice(&mut problems, request);
        if let Some(text) = request.get("text").and_then(Value::as_object) {
            check_text(&mut problems, text);
        }
        if let Some(reasoning) = request.get("reasoning").and_then(Value::as_object) {
            check_reasoning(&mut problems, reasoning);
        }
    }
    problems.0
}

fn top_level(problems: &mut Problems, request: &Map<String, Value>) {
    let known: Vec<&str> = PARAMETERS.iter().map(|(name, _)| *name).collect();
    problems.unknown("", request, &known);
    for (name, kind) in PARAMETERS {
        if matches!(*name, "model" | "input") {
            problems.required("", request, name, *kind);
        } else {
            problems.optional("", request, name, *kind);
        }
    }
    if let Some(model) = request.get("model").and_then(Value::as_str) {
        problems.length("model", model);
    }
    if let Some(key) = request.get("prompt_cache_key").and_then(Value::as_str) {
        problems.length("prompt_cache_key", key);
    }
    for (name, known) in [("service_tier", TIERS), ("truncation", TRUNCATIONS)] {
        if let Some(value) = request.get(name).and_then(Value::as_str) {
            problems.one_of(name, value, known);
        }
    }
    for (place, value) in array(request, "include").iter().enumerate() {
        let at = format!("include[{place}]");
        match value.as_str() {
            Some(value) => {
                problems.one_of(&at, value, INCLUDES);
            }
            None => problems.wrong_type(&at, Kind::Text, value),
        }
    }
    for name in ["client_metadata", "metadata"] {
        for (key, value) in request.get(name).and_then(Value::as_object).into_iter().flatten() {
            if !value.is_string() {
                problems.wrong_type(&join(name, key), Kind::Text, value);
            }
        }
    }
    if request.get("stream") != Some(&Value::Bool(true)) {
        problems.add(
            "stream",
            Some("unsupported_value"),
            "This upstream only streams: 'stream' must be true.",
        );
    }
}

fn check_reasoning(problems: &mut Problems, reasoning: &Map<String, Value>) {
    let at = "reasoning";
    problems.unknown(at, reasoning, &["context", "effort", "generate_summary", "mode", "summary"]);
    problems.choice(at, reasoning, "effort", EFFORTS);
    problems.choice(at, reasoning, "summary", SUMMARIES);
    problems.choice(at, reasoning, "generate_summary", SUMMARIES);
    problems.choice(at, reasoning, "context", CONTEXTS);
    problems.optional(at, reasoning, "mode", Kind::Text);
}

fn check_text(problems: &mut Problems, text: &Map<String, Value>) {
    problems.unknown("text", text, &["format", "verbosity"]);
    problems.choice("text", text, "verbosity", VERBOSITIES);
    let Some(format) = problems.optional("text", text, "format", Kind::Object).and_then(Value::as_object)
    else {
        return;
    };
    let at = "text.format";
    let kind = problems.required(at, format, "type", Kind::Text).and_then(Value::as_str);
    match kind {
        Some("text" | "json_object") => problems.unknown(at, format, &["type"]),
        Some("json_schema") => {
            problems.unknown(at, format, &["description", "name", "schema", "strict", "type"]);
            let name = problems.required(at, format, "name", Kind::Text).and_then(Value::as_str);
            if let Some(name) = name {
                problems.name("text.format.name", name);
            }
            problems.optional(at, format, "description", Kind::Text);
            problems.optional(at, format, "strict", Kind::Flag);
            let schema = problems.required(at, format, "schema", Kind::Object);
            if let (Some(schema), Some(Value::Bool(true))) = (schema, format.get("strict")) {
                let subject = format!("response_format '{}'", name.unwrap_or_default());
                schema::check(problems, "text.format.schema", &subject, "invalid_json_schema", schema);
            }
        }
        Some(other) => {
            problems.one_of("text.format.type", other, &["json_object", "json_schema", "text"]);
        }
        None => {}
    }
}

fn array<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
