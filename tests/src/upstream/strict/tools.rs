//! Checks `tools` and `tool_choice`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::problem::{Kind, Problems, join};
use super::schema;

const MAX_TOOLS: usize = 128;
const HOSTED: &[&str] = &[
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "custom",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "namespace",
    "programmatic_tool_calling",
    "shell",
    "tool_search",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
];
const FUNCTION: &[&str] = &[
    "allowed_callers",
    "defer_loading",
    "description",
    "name",
    "output_schema",
    "parameters",
    "strict",
    "type",
];

/// Checks the list of tools.
pub(super) fn check(problems: &mut Problems, tools: &[Value]) {
    if tools.len() > MAX_TOOLS {
        let message = format!(
            "Invalid 'tools': array too long. Expected an array with maximum length {MAX_TOOLS}, but got an array with length {} instead.",
            tools.len()
        );
        problems.add("tools", Some("array_above_max_length"), message);
    }
    let mut names = HashSet::new();
    for (place, tool) in tools.iter().enumerate() {
        let at = format!("tools[{place}]");
        let Some(tool) = problems.object(&at, tool) else {
            continue;
        };
        let Some(kind) = problems.required(&at, tool, "type", Kind::Text).and_then(Value::as_str) else {
            continue;
        };
        if kind == "function" {
            check_function(problems, &at, tool);
        } else if !HOSTED.contains(&kind) {
            let known: Vec<&str> = std::iter::once("function").chain(HOSTED.iter().copied()).collect();
            problems.one_of(&join(&at, "type"), kind, &known);
        }
        if let Some(name) = tool.get("name").and_then(Value::as_str)
            && !names.insert(name)
        {
            problems.add(
                &join(&at, "name"),
                Some("invalid_value"),
                format!("Duplicate tool name: '{name}'."),
            );
        }
    }
}

/// Checks that the choice is known and names a tool of the request.
pub(super) fn check_choice(problems: &mut Problems, request: &Map<String, Value>) {
    let tools = super::array(request, "tools");
    match request.get("tool_choice") {
        Some(Value::String(choice)) => {
            problems.one_of("tool_choice", choice, &["none", "auto", "required"]);
            if choice == "required" && tools.is_empty() {
                problems.add(
                    "tool_choice",
                    None,
                    "Tool choice 'required' must be specified with 'tools' parameter.",
                );
            }
        }
        Some(Value::Object(choice)) if choice.get("type").and_then(Value::as_str) == Some("function") => {
            let name = problems.required("tool_choice", choice, "name", Kind::Text);
            if name.is_some() && !tools.iter().any(|tool| tool.get("name") == name) {
                problems.add("tool_choice", None, "Tool choice 'function' not found in 'tools' parameter.");
            }
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => {
        }
    }
}

fn check_function(problems: &mut Problems, at: &str, tool: &Map<String, Value>) {
    problems.unknown(at, tool, FUNCTION);
    problems.optional(at, tool, "description", Kind::Text);
    problems.optional(at, tool, "strict", Kind::Flag);
    let name = problems.required(at, tool, "name", Kind::Text).and_then(Value::as_str);
    if let Some(name) = name {
        problems.name(&join(at, "name"), name);
    }
    let Some(parameters) = problems.optional(at, tool, "parameters", Kind::Object) else {
        return;
    };
    let at = join(at, "parameters");
    let subject = format!("function '{}'", name.unwrap_or_default());
    let code = "invalid_function_parameters";
    if tool.get("strict") == Some(&Value::Bool(true)) {
        schema::check(problems, &at, &subject, code, parameters);
    } else {
        schema::check_loose(problems, &at, &subject, code, parameters);
    }
}
