//! The items of `input` as messages.

use super::Paths;
use crate::error::{ApiError, Kind};
use serde_json::{Map, Value, json};

/// Appends the messages of `input`.
pub(super) fn messages(input: Value, messages: &mut Vec<Value>, paths: &mut Paths) -> Result<(), ApiError> {
    let items = match input {
        Value::String(text) => {
            messages.push(json!({"role": "user", "content": text}));
            paths.message("input".to_owned(), None);
            return Ok(());
        }
        Value::Array(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(ApiError::invalid("input", "`input` must be a string or an array of items."));
        }
    };
    for (at, item) in items.into_iter().enumerate() {
        let place = format!("input[{at}]");
        let Value::Object(item) = item else {
            return Err(ApiError::invalid(place, "An item must be an object."));
        };
        let kind = match item.get("type") {
            None | Some(Value::Null) => "message".to_owned(),
            Some(Value::String(kind)) => kind.clone(),
            Some(_) => return Err(ApiError::invalid(format!("{place}.type"), "`type` must be a string.")),
        };
        match kind.as_str() {
            "message" => {
                messages.push(message(item, &place)?);
                paths.message(place, Some("content"));
            }
            "function_call" => call(item, place, FUNCTION, messages, paths)?,
            "custom_tool_call" => call(item, place, CUSTOM, messages, paths)?,
            "function_call_output" | "custom_tool_call_output" => {
                messages.push(output(item, &place)?);
                paths.message(place, Some("output"));
            }
            // The model's own thoughts are of use to it in a thread that goes on; here every request is one of its own.
            "reasoning" => {}
            _ => {
                let text = "Items may be messages, `function_call`, `function_call_output`, `custom_tool_call`, \
                            `custom_tool_call_output` and `reasoning` here.";
                return Err(ApiError::new(Kind::UnsupportedValue, text).with_param(format!("{place}.type")));
            }
        }
    }
    Ok(())
}

fn message(mut item: Map<String, Value>, place: &str) -> Result<Value, ApiError> {
    let content = item.remove("content").unwrap_or_default();
    let content = parts(content, place, "content")?;
    let role = item.remove("role").unwrap_or_default();
    Ok(json!({"role": role, "content": content}))
}

/// What a call is of in a chat body, and the member of the item and of the call that has what it is called with.
type Called = (&'static str, &'static str);
const FUNCTION: Called = ("function", "arguments");
const CUSTOM: Called = ("custom", "input");

/// A call goes into the message of the model that it follows, as chat completions have it.
fn call(
    mut item: Map<String, Value>,
    place: String,
    (kind, with): Called,
    messages: &mut Vec<Value>,
    paths: &mut Paths,
) -> Result<(), ApiError> {
    let mut take = |name: &str| item.remove(name).unwrap_or_default();
    let (id, name, value) = (take("call_id"), take("name"), take(with));
    for (member, value) in [("call_id", &id), ("name", &name), (with, &value)] {
        if !value.is_string() {
            return Err(ApiError::invalid(
                format!("{place}.{member}"),
                format!("`{member}` must be a string."),
            ));
        }
    }
    let call = json!({"id": id, "type": kind, kind: {"name": name, with: value}});
    let open = messages.last_mut().filter(|message| message["role"] == "assistant");
    match open.and_then(Value::as_object_mut) {
        Some(message) => {
            let calls = message.entry("tool_calls").or_insert_with(|| json!([]));
            if let Some(calls) = calls.as_array_mut() {
                calls.push(call);
            }
        }
        None => {
            messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
            paths.message(place.clone(), None);
        }
    }
    paths.call(place);
    Ok(())
}

fn output(mut item: Map<String, Value>, place: &str) -> Result<Value, ApiError> {
    let id = item.remove("call_id").unwrap_or_default();
    if !id.is_string() {
        return Err(ApiError::invalid(format!("{place}.call_id"), "`call_id` must be a string."));
    }
    let content = parts(item.remove("output").unwrap_or_default(), place, "output")?;
    Ok(json!({"role": "tool", "tool_call_id": id, "content": content}))
}

/// A text stays one; the types of parts get the names that chat completions have for them.
fn parts(content: Value, place: &str, member: &str) -> Result<Value, ApiError> {
    let Value::Array(parts) = content else { return Ok(content) };
    let mut told = Vec::with_capacity(parts.len());
    for (at, part) in parts.into_iter().enumerate() {
        let path = || format!("{place}.{member}[{at}]");
        let Value::Object(mut part) = part else {
            return Err(ApiError::invalid(path(), "A part must be an object."));
        };
        match part.get("type").and_then(Value::as_str) {
            Some("input_text" | "output_text") => {
                part.insert("type".to_owned(), json!("text"));
            }
            Some("input_image") => {
                let Some(url) = part.remove("image_url").filter(Value::is_string) else {
                    let text = "An image needs `image_url`, a data URL; uploaded files are not served here.";
                    return Err(ApiError::invalid(format!("{}.image_url", path()), text));
                };
                let detail = part.remove("detail");
                part.insert("type".to_owned(), json!("image_url"));
                part.insert("image_url".to_owned(), json!({"url": url, "detail": detail}));
            }
            Some("input_file") => {
                part.insert("type".to_owned(), json!("file"));
            }
            Some(_) | None => {}
        }
        told.push(Value::Object(part));
    }
    Ok(Value::Array(told))
}
