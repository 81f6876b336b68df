//! Checks the items of `input`: their types, roles and parts, and that calls and outputs belong together.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::problem::{Kind, Problems, join};

/// Items that codex can send but that need no closer look here.
const OTHER_ITEMS: &[&str] = &[
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "file_search_call",
    "image_generation_call",
    "item_reference",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
];
const CHECKED_ITEMS: &[&str] = &[
    "custom_tool_call",
    "custom_tool_call_output",
    "function_call",
    "function_call_output",
    "message",
    "reasoning",
];
const ROLES: &[&str] = &["assistant", "system", "developer", "user"];
const STATUSES: &[&str] = &["in_progress", "completed", "incomplete"];
const DETAILS: &[&str] = &["low", "high", "auto", "original"];
const SAID: &[&str] = &["output_text", "refusal"];
const GIVEN: &[&str] = &["input_text", "input_image", "input_file"];

/// Checks `input`, a string or a list of items.
pub(super) fn check(problems: &mut Problems, input: &Value) {
    if input.as_str().is_some_and(str::is_empty) || input.as_array().is_some_and(Vec::is_empty) {
        problems.add(
            "input",
            Some("missing_required_parameter"),
            "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.",
        );
    }
    let items = input.as_array().map_or(&[][..], Vec::as_slice);
    for (place, item) in items.iter().enumerate() {
        let at = format!("input[{place}]");
        if let Some(item) = problems.object(&at, item) {
            check_item(problems, &at, item);
        }
    }
    check_pairs(problems, items, "function_call", "function_call_output", "function call");
    check_pairs(problems, items, "custom_tool_call", "custom_tool_call_output", "custom tool call");
}

fn check_item(problems: &mut Problems, at: &str, item: &Map<String, Value>) {
    match item.get("type").and_then(Value::as_str) {
        None if item.contains_key("role") && !item.contains_key("type") => check_message(problems, at, item),
        None => {
            problems.required(at, item, "type", Kind::Text);
        }
        Some("message") => check_message(problems, at, item),
        Some("function_call") => check_call(problems, at, item, "arguments", "fc"),
        Some("custom_tool_call") => check_call(problems, at, item, "input", "ctc"),
        Some("function_call_output" | "custom_tool_call_output") => check_output(problems, at, item),
        Some("reasoning") => check_reasoning(problems, at, item),
        Some(other) if OTHER_ITEMS.contains(&other) => {}
        Some(other) => {
            let known: Vec<&str> = CHECKED_ITEMS.iter().chain(OTHER_ITEMS).copied().collect();
            problems.one_of(&join(at, "type"), other, &known);
        }
    }
}

fn check_message(problems: &mut Problems, at: &str, item: &Map<String, Value>) {
    problems.unknown(at, item, &["content", "id", "phase", "role", "status", "type"]);
    check_id(problems, at, item, "msg");
    problems.choice(at, item, "status", STATUSES);
    problems.choice(at, item, "phase", &["commentary", "final_answer"]);
    let Some(role) = problems.required(at, item, "role", Kind::Text).and_then(Value::as_str) else {
        return;
    };
    if !problems.one_of(&join(at, "role"), role, ROLES) {
        return;
    }
    let allowed = if role == "assistant" { SAID } else { GIVEN };
    if let Some(content) = problems.required(at, item, "content", Kind::TextOrArray) {
        check_parts(problems, &join(at, "content"), content, allowed);
    }
}

fn check_parts(problems: &mut Problems, at: &str, content: &Value, allowed: &[&str]) {
    for (place, part) in content.as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}[{place}]");
        let Some(part) = problems.object(&at, part) else {
            continue;
        };
        let Some(kind) = problems.required(&at, part, "type", Kind::Text).and_then(Value::as_str) else {
            continue;
        };
        if !problems.one_of(&join(&at, "type"), kind, allowed) {
            continue;
        }
        match kind {
            "input_text" => {
                problems.unknown(&at, part, &["prompt_cache_breakpoint", "text", "type"]);
                let text = problems.required(&at, part, "text", Kind::Text);
                problems.long(&join(&at, "text"), text);
            }
            "output_text" => {
                problems.unknown(&at, part, &["annotations", "logprobs", "text", "type"]);
                let text = problems.required(&at, part, "text", Kind::Text);
                problems.long(&join(&at, "text"), text);
                problems.optional(&at, part, "annotations", Kind::Array);
            }
            "refusal" => {
                problems.unknown(&at, part, &["refusal", "type"]);
                problems.required(&at, part, "refusal", Kind::Text);
            }
            "input_image" => check_image(problems, &at, part),
            _ => {
                problems.unknown(
                    &at,
                    part,
                    &[
                        "detail",
                        "file_data",
                        "file_id",
                        "file_url",
                        "filename",
                        "prompt_cache_breakpoint",
                        "type",
                    ],
                );
            }
        }
    }
}

fn check_image(problems: &mut Problems, at: &str, part: &Map<String, Value>) {
    problems.unknown(at, part, &["detail", "file_id", "image_url", "prompt_cache_breakpoint", "type"]);
    problems.choice(at, part, "detail", DETAILS);
    let url = problems.optional(at, part, "image_url", Kind::Text).and_then(Value::as_str);
    let file = problems.optional(at, part, "file_id", Kind::Text);
    let at = join(at, "image_url");
    match url {
        None if file.is_none() => {
            let message = format!("Missing required parameter: '{at}'.");
            problems.add(&at, Some("missing_required_parameter"), message);
        }
        None => {}
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {}
        Some(url) if url.starts_with("data:image/") && url.contains(";base64,") => {}
        Some(_) => {
            let message =
                format!("Invalid '{at}'. Expected a valid URL, but got a value with an invalid format.");
            problems.add(&at, Some("invalid_value"), message);
        }
    }
}

fn check_call(problems: &mut Problems, at: &str, item: &Map<String, Value>, payload: &str, prefix: &str) {
    problems.unknown(at, item, &["call_id", "caller", "id", "name", "namespace", "status", "type", payload]);
    check_id(problems, at, item, prefix);
    check_call_id(problems, at, item);
    problems.choice(at, item, "status", STATUSES);
    let said = problems.required(at, item, payload, Kind::Text);
    problems.long(&join(at, payload), said);
    if let Some(name) = problems.required(at, item, "name", Kind::Text).and_then(Value::as_str) {
        problems.name(&join(at, "name"), name);
    }
}

fn check_output(problems: &mut Problems, at: &str, item: &Map<String, Value>) {
    problems.unknown(at, item, &["call_id", "caller", "id", "output", "status", "type"]);
    check_call_id(problems, at, item);
    problems.choice(at, item, "status", STATUSES);
    if let Some(output) = problems.required(at, item, "output", Kind::TextOrArray) {
        problems.long(&join(at, "output"), Some(output));
        check_parts(problems, &join(at, "output"), output, GIVEN);
    }
}

fn check_reasoning(problems: &mut Problems, at: &str, item: &Map<String, Value>) {
    problems.unknown(at, item, &["content", "encrypted_content", "id", "status", "summary", "type"]);
    check_id(problems, at, item, "rs");
    problems.choice(at, item, "status", STATUSES);
    problems.optional(at, item, "encrypted_content", Kind::Text);
    for (key, kind) in [("summary", "summary_text"), ("content", "reasoning_text")] {
        let parts = if key == "summary" {
            problems.required(at, item, key, Kind::Array)
        } else {
            problems.optional(at, item, key, Kind::Array)
        };
        for (place, part) in parts.and_then(Value::as_array).into_iter().flatten().enumerate() {
            let at = format!("{}[{place}]", join(at, key));
            let Some(part) = problems.object(&at, part) else {
                continue;
            };
            problems.unknown(&at, part, &["text", "type"]);
            problems.required(&at, part, "text", Kind::Text);
            if let Some(found) = problems.required(&at, part, "type", Kind::Text).and_then(Value::as_str) {
                problems.one_of(&join(&at, "type"), found, &[kind]);
            }
        }
    }
}

fn check_id(problems: &mut Problems, at: &str, item: &Map<String, Value>, prefix: &str) {
    let Some(id) = problems.optional(at, item, "id", Kind::Text).and_then(Value::as_str) else {
        return;
    };
    let at = join(at, "id");
    problems.length(&at, id);
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        let message = format!(
            "Invalid '{at}': '{id}'. Expected an ID that contains letters, numbers, underscores, or dashes, but this value contained additional characters."
        );
        problems.add(&at, Some("invalid_value"), message);
    }
    if !id.starts_with(prefix) {
        let message = format!("Invalid '{at}': '{id}'. Expected an ID that begins with '{prefix}'.");
        problems.add(&at, Some("invalid_value"), message);
    }
}

fn check_call_id(problems: &mut Problems, at: &str, item: &Map<String, Value>) {
    if let Some(id) = problems.required(at, item, "call_id", Kind::Text).and_then(Value::as_str) {
        problems.length(&join(at, "call_id"), id);
    }
}

/// Every output follows its call, every call has its output, and none comes twice.
fn check_pairs(problems: &mut Problems, items: &[Value], call: &str, output: &str, noun: &str) {
    let mut called: HashMap<&str, usize> = HashMap::new();
    let mut answered: HashSet<&str> = HashSet::new();
    for (place, item) in items.iter().enumerate() {
        let Some(kind) = item.get("type").and_then(Value::as_str) else {
            continue;
        };
        let Some(id) = item.get("call_id").and_then(Value::as_str) else {
            continue;
        };
        if kind == call {
            if called.insert(id, place).is_some() {
                problems.add(
                    &format!("input[{place}]"),
                    None,
                    format!("Duplicate {noun} with call_id {id}."),
                );
            }
        } else if kind == output {
            if !called.contains_key(id) {
                problems.add(
                    "input",
                    None,
                    format!("No tool call found for {noun} output with call_id {id}."),
                );
            } else if !answered.insert(id) {
                problems.add(
                    &format!("input[{place}]"),
                    None,
                    format!("Duplicate {noun} output with call_id {id}."),
                );
            }
        }
    }
    let mut open: Vec<(usize, &str)> =
        called.iter().filter(|(id, _)| !answered.contains(*id)).map(|(id, place)| (*place, *id)).collect();
    open.sort_unstable();
    for (_, id) in open {
        problems.add("input", None, format!("No tool output found for {noun} {id}."));
    }
}
