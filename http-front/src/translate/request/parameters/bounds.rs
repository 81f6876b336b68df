//! How many answers, and how long each may be. Pure.

use super::check;
use crate::{error::ApiError, openai::chat::ChatRequest, translate::limit::Limits};
use serde_json::Value;

/// The most stop texts: OpenAI's bound.
const STOPS: usize = 4;
/// The longest one, in bytes: an end of the answer that could become one is held back.
const STOP_BYTES: usize = 4096;

/// How many answers there are to be, `max` at most.
pub(in super::super) fn choices(request: &ChatRequest<'_>, max: usize) -> Result<usize, ApiError> {
    let Some(n) = &request.n else { return Ok(1) };
    let asked = check::whole(n).filter(|n| (1..=max).contains(n));
    asked.ok_or_else(|| {
        let message = format!(
            "`n` must be an integer from 1 to {max}. Ask for fewer answers at once, or ask the operator to raise PROXY_MAX_CHAT_CHOICES."
        );
        ApiError::invalid("n", message)
    })
}

/// What bounds each answer's text.
pub(in super::super) fn limits(request: &ChatRequest<'_>) -> Result<Limits, ApiError> {
    let new = check::positive("max_completion_tokens", request.max_completion_tokens.as_ref())?;
    let old = check::positive("max_tokens", request.max_tokens.as_ref())?;
    if new.is_some() && old.is_some() && new != old {
        let message =
            "`max_tokens` and `max_completion_tokens` are different. Send `max_completion_tokens` alone.";
        return Err(ApiError::invalid("max_tokens", message));
    }
    let stop = request.stop.as_ref().map_or_else(|| Ok(Vec::new()), stops)?;
    Ok(Limits { stop, max_tokens: new.or(old) })
}

fn stops(value: &Value) -> Result<Vec<String>, ApiError> {
    let stop = |path: &str, value: &Value| {
        let text = value.as_str().filter(|text| (1..=STOP_BYTES).contains(&text.len()));
        let must = || check::wrong(path, &format!("a string of 1 to {STOP_BYTES} bytes"));
        text.map(str::to_owned).ok_or_else(must)
    };
    match value {
        Value::String(_) => Ok(vec![stop("stop", value)?]),
        Value::Array(list) if list.len() <= STOPS => {
            list.iter().enumerate().map(|(at, value)| stop(&format!("stop[{at}]"), value)).collect()
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err(check::wrong("stop", &format!("a string, or an array of at most {STOPS} strings")))
        }
    }
}
