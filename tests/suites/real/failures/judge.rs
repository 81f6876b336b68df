//! What a client must be told for a kind of failure.

use crate::support::Got;
use http_front::error::{ApiError, Kind};
use serde_json::{Value, json};

/// What nobody but the operator may read.
const PRIVATE: [&str; 5] = ["https://", "http://", "req_", "127.0.0.1", "/responses"];

/// The headers that say when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// What the kind says by itself: a second where it is retryable, else none.
    Usual,
    /// So many milliseconds.
    Millis(u64),
    /// More than the SDKs wait, up to so many seconds.
    Long(u64),
}

/// The code of a kind that has one of its own.
pub(super) fn code(kind: Kind) -> Option<String> {
    ApiError::new(kind, "").code().map(str::to_owned)
}

/// What is wrong with the error object of a failure of this kind.
pub(super) fn object(kind: Kind, code: Option<&str>, error: &Value) -> Option<String> {
    let own: Value = serde_json::from_slice(&ApiError::new(kind, "").body()).expect("an envelope");
    let wanted = json!([own["error"]["type"], code, own["error"]["retryable"]]);
    let got = json!([error["type"], error["code"], error["retryable"]]);
    let mut names: Vec<&str> = error.as_object()?.keys().map(String::as_str).collect();
    names.sort_unstable();
    let whole = names == ["code", "message", "param", "retryable", "type"];
    let message = error["message"].as_str().unwrap_or_default();
    let private = PRIVATE.iter().any(|word| error.to_string().contains(word));
    let right = got == wanted && whole && !message.is_empty() && !private;
    (!right).then(|| format!("{kind:?}: {wanted} was wanted, and not {error}"))
}

/// What is wrong with an answer that is a failure of this kind: status, headers and body agree.
pub(super) fn answer(kind: Kind, code: Option<&str>, wait: Wait, got: &Got) -> Option<String> {
    let error = ApiError::new(kind, "");
    let number = |name| got.header(name).and_then(|value| value.parse::<u64>().ok());
    let (seconds, millis) = (number("retry-after"), number("retry-after-ms"));
    let waits = match wait {
        Wait::Usual => millis == error.is_retryable().then_some(1000),
        Wait::Millis(wanted) => millis == Some(wanted),
        Wait::Long(most) => seconds.is_some_and(|s| (121..=most).contains(&s)),
    };
    let agree = seconds == millis.map(|ms| ms.div_ceil(1000));
    let again = if error.is_retryable() { "true" } else { "false" };
    let named = number("openai-processing-ms").is_some()
        && got.header("x-request-id").is_some_and(|id| id.starts_with("req_"));
    let right = got.status == error.status().as_u16()
        && got.header("content-type") == Some("application/json")
        && got.header("x-should-retry") == Some(again)
        && waits
        && agree
        && named;
    if right {
        return object(kind, code, &got.json()["error"]);
    }
    Some(format!("{kind:?}, {wait:?}: retry-after {seconds:?}, retry-after-ms {millis:?}, {}", got.shown()))
}
