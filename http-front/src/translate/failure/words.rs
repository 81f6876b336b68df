//! The upstream's own words, as the child hands them on. Pure.

use crate::error::{ApiError, Kind, Source};
use serde::Deserialize;
use shared::app_server::failure::TurnError;
use std::time::Duration;

/// The time in OpenAI's "Please try again in 5.2s", "in 300ms" or "in 1m30s".
pub(super) fn try_again_in(message: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
    let (_, mut rest) = message.split_once("try again in ")?;
    let mut seconds = None;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let unit = UNITS.iter().find(|(unit, _)| behind.starts_with(unit));
        let (Ok(number), Some((unit, factor))) = (number.parse::<f64>(), unit) else {
            return seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        };
        seconds = Some(seconds.unwrap_or_default() + number * factor);
        rest = &behind[unit.len()..];
    }
}

#[derive(Deserialize)]
struct Body {
    error: BodyError,
}

#[derive(Deserialize)]
struct BodyError {
    message: String,
    #[serde(default)]
    param: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

/// What the upstream said itself, cleaned of hosts and ids: its body, where the child hands it on, or what the child
/// took from it.
pub(super) fn said(status: u16, message: &str) -> Option<ApiError> {
    body(status, message).or_else(|| {
        let (_, said) = message.strip_prefix("unexpected status ")?.split_once(": ")?;
        let said = said.find(", url: ").map_or(said, |at| &said[..at]);
        // A page of some gateway before the upstream says nothing to a client.
        (!said.is_empty() && !said.starts_with('<')).then(|| refusal(status, clean(said)))
    })
}

/// How the child begins what it says itself under the name `other`.
const OWN: &[&str] = &[
    "stream disconnected",
    "unexpected status ",
    "exceeded retry limit",
    "Connection failed",
    "Error while reading the server response",
    "Incomplete response returned",
    "Fatal error",
    "internal error",
    "timeout waiting",
    "request timed out",
    "turn aborted",
    "interrupted",
    "no thread with id",
    "agent thread limit",
    "session configured event",
    "spawn failed",
    "unsupported operation",
    "codex-linux-sandbox",
    "failed to ",
];
/// What errors of the system, of JSON and of tasks hold somewhere; the child hands them on as they are.
const FAULTS: &[&str] = &["(os error ", " at line ", "panicked"];

/// A refusal in the upstream's own words. For the codes that it knows as a judgement on the content
/// (`invalid_prompt`, `content_policy_violation`, `bio_policy`, …) the child gives the kind `other` and the bare
/// message; everything else that is `other` begins with words of its own.
pub(super) fn judged(error: &TurnError) -> Option<ApiError> {
    let message = error.message.as_str();
    let other = error.codex_error_info.as_ref().and_then(|info| info.as_str()) == Some("other");
    let own =
        OWN.iter().any(|begin| message.starts_with(begin)) || FAULTS.iter().any(|f| message.contains(f));
    let page = message.starts_with('<');
    (other && !own && !page && !message.trim().is_empty()).then(|| refusal(400, clean(message)))
}

/// What stands in the upstream's JSON body, if the message holds one.
pub(super) fn body(status: u16, message: &str) -> Option<ApiError> {
    let start = message.find('{')?;
    let mut json = serde_json::Deserializer::from_str(&message[start..]).into_iter::<Body>();
    let BodyError { message, param, code } = json.next()?.ok()?.error;
    let error = refusal(status, clean(&message)).with_code(code.map(|c| clean(&c)));
    Some(match param {
        Some(param) => error.with_param(clean(&param)),
        None => error,
    })
}

/// What the upstream refused, in these words. A 403 or 404 is about the account or a model that is offered, and not about
/// what a client wrote.
pub(super) fn refusal(status: u16, message: String) -> ApiError {
    let error = ApiError::new(Kind::UpstreamRefused(status), message);
    if matches!(status, 403 | 404) { error.caused_by(Source::Provider) } else { error }
}

/// Words that look like an address or an id of a request, a response, an organisation or a key are left out.
fn clean(text: &str) -> String {
    let private = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.contains("://")
            || ["req_", "resp_", "org-", "user-", "proj_", "sk-"].iter().any(|p| word.starts_with(p))
    };
    let words: Vec<&str> =
        text.split(' ').map(|word| if private(word) { "[removed]" } else { word }).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(1_000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_took_from_a_body_is_told() {
        let message =
            "unexpected status 403 Forbidden: Country not supported, url: http://127.0.0.1/v1, request id: r";
        assert_eq!(said(403, message).unwrap().to_string(), "Country not supported");
        assert!(said(403, "unexpected status 403 Forbidden: , url: x").is_none());
        assert!(said(403, "unexpected status 403 Forbidden: <html>, url: x").is_none());
    }

    #[test]
    fn the_time_to_wait_is_read() {
        assert_eq!(try_again_in("Please try again in 5s."), Some(Duration::from_secs(5)));
        assert_eq!(try_again_in("try again in 1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(try_again_in("try again in 300ms"), Some(Duration::from_millis(300)));
        assert_eq!(try_again_in("try again in 1m30s. Visit"), Some(Duration::from_secs(90)));
        assert_eq!(try_again_in("try again in 1h0m1.5s"), Some(Duration::from_millis(3_601_500)));
        assert_eq!(try_again_in("try again in 20 apples"), None);
        assert_eq!(try_again_in("try again in 99999999999999999999999s"), None);
        assert_eq!(try_again_in("try again in soon"), None);
        assert_eq!(try_again_in("try again later"), None);
    }

    #[test]
    fn a_refused_account_or_model_is_no_fault_of_a_client() {
        let sources = [400, 403, 404, 422].map(|status| refusal(status, "No.".into()).fault());
        assert_eq!(sources, [Source::Client, Source::Provider, Source::Provider, Source::Client]);
    }
}
