//! What clients send by habit and codex has no field for: checked, and named where it would have changed anything. Pure.

use super::{Ignored, check};
use crate::{error::ApiError, openai::chat::ChatRequest};
use serde_json::Value;

/// OpenAI's bound for `safety_identifier`, in characters.
const SAFETY_IDENTIFIER: usize = 64;

/// Checks them.
///
/// # Errors
/// 400 with the field, for a type or a range that OpenAI's description doesn't have.
pub(super) fn habits(request: &ChatRequest<'_>, ignored: &mut Ignored) -> Result<(), ApiError> {
    for (name, value, range, usual) in [
        ("temperature", &request.temperature, 0.0..=2.0, 1.0),
        ("top_p", &request.top_p, 0.0..=1.0, 1.0),
        ("presence_penalty", &request.presence_penalty, -2.0..=2.0, 0.0),
        ("frequency_penalty", &request.frequency_penalty, -2.0..=2.0, 0.0),
    ] {
        // Only exactly what is done anyway is that.
        if check::number(name, value.as_ref(), range)?.is_some_and(|number| number != usual) {
            ignored.add(name);
        }
    }
    if check::integer("seed", request.seed.as_ref(), i64::MIN..=i64::MAX)?.is_some() {
        ignored.add("seed");
    }
    if biases(request.logit_bias.as_ref())? {
        ignored.add("logit_bias");
    }
    if let Some(prediction) = &request.prediction {
        predicted(prediction)?;
        ignored.add("prediction");
    }
    if check::boolean("store", request.store.as_ref())? == Some(true) {
        ignored.add("store");
    }
    for (name, value, max) in [
        ("prompt_cache_key", &request.prompt_cache_key, usize::MAX),
        ("prompt_cache_retention", &request.prompt_cache_retention, usize::MAX),
        ("safety_identifier", &request.safety_identifier, SAFETY_IDENTIFIER),
    ] {
        if check::string(name, value.as_ref(), max)?.is_some() {
            ignored.add(name);
        }
    }
    if check::object("prompt_cache_options", request.prompt_cache_options.as_ref())?.is_some() {
        ignored.add("prompt_cache_options");
    }
    if check::word("truncation", request.truncation.as_ref(), &["auto", "disabled"])? == Some("auto") {
        ignored.add("truncation");
    }
    if check::positive("max_tool_calls", request.max_tool_calls.as_ref())?.is_some() {
        ignored.add("max_tool_calls");
    }
    Ok(())
}

/// Whether there is any bias.
fn biases(value: Option<&Value>) -> Result<bool, ApiError> {
    const NAME: &str = "logit_bias";
    let Some(biases) = check::object(NAME, value)? else { return Ok(false) };
    let fits = |(token, bias): (&String, &Value)| {
        let number = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        number && bias.as_f64().is_some_and(|bias| (-100.0..=100.0).contains(&bias))
    };
    if biases.iter().all(fits) {
        return Ok(!biases.is_empty());
    }
    Err(ApiError::invalid(NAME, "`logit_bias` must map token ids to numbers from -100 to 100."))
}

/// `PredictionContent`: a text, or parts that are texts.
fn predicted(prediction: &Value) -> Result<(), ApiError> {
    const CONTENT: &str = "prediction.content";
    check::object("prediction", Some(prediction))?;
    let kind = prediction.get("type").unwrap_or(&Value::Null);
    check::word("prediction.type", Some(kind), &["content"])?;
    let is_text = |part: &Value| {
        part.get("type").is_some_and(|kind| kind == "text") && part.get("text").is_some_and(Value::is_string)
    };
    match prediction.get("content") {
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) if !parts.is_empty() => {
            match parts.iter().position(|part| !is_text(part)) {
                Some(at) => Err(ApiError::invalid(
                    format!("{CONTENT}[{at}]"),
                    "A part of a prediction must be a text.",
                )),
                None => Ok(()),
            }
        }
        Some(_) | None => Err(ApiError::invalid(
            CONTENT,
            "`prediction.content` must be a string, or an array with at least one text part.",
        )),
    }
}
