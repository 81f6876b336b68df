//! `x-ratelimit-*`, as OpenAI writes them. Pure.

use super::core::Quota;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{fmt::Write, time::Duration};

const fn names(limit: &'static str, left: &'static str, reset: &'static str) -> [HeaderName; 3] {
    [HeaderName::from_static(limit), HeaderName::from_static(left), HeaderName::from_static(reset)]
}

/// Tells what is left of the requests and of the tokens, where there is such a limit.
pub(super) fn tell(headers: &mut HeaderMap, requests: Option<Quota>, tokens: Option<Quota>) {
    let of_requests =
        names("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests");
    let of_tokens =
        names("x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens");
    for ([limit, left, reset], quota) in [(of_requests, requests), (of_tokens, tokens)] {
        let Some(quota) = quota else { continue };
        headers.insert(limit, quota.most.into());
        headers.insert(left, quota.left.into());
        if let Ok(value) = HeaderValue::from_str(&time(quota.reset)) {
            headers.insert(reset, value);
        }
    }
}

/// A time as OpenAI writes it: `0s`, `12ms`, `1.5s`, `6m0s`, `1h0m0s`; rounded up to milliseconds.
pub(super) fn time(time: Duration) -> String {
    let millis = time.as_nanos().div_ceil(1_000_000);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    if seconds == 0 && millis > 0 {
        return format!("{millis}ms");
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{seconds}");
    if millis > 0 {
        let fraction = format!(".{millis:03}");
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_openai_does() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ms"),
            (12_000_000, "12ms"),
            (999_000_001, "1s"),
            (1_000_000_000, "1s"),
            (8_640_000_000, "8.64s"),
            (1_001_000_000, "1.001s"),
            (60_000_000_000, "1m0s"),
            (90_951_000_000, "1m30.951s"),
            (360_000_000_000, "6m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (3_725_000_000_000, "1h2m5s"),
        ] {
            assert_eq!(time(Duration::from_nanos(nanos)), text);
        }
    }
}
