//! Bodies of `/internal/maintenance` and `/internal/app-server`. Pure: each fault names its member and what to send instead.

use crate::error::{ApiError, Kind};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use shared::{
    control::toggles::{AppServer, MAX_RETRY_AFTER_S, MAX_UNTIL_MS, Maintenance, Setting},
    time::clock,
};
use std::{collections::HashSet, fmt};

/// The longest name of an unknown member that an answer repeats, in characters.
const MAX_NAME: usize = 64;

/// `{enabled, retry_after_s?, message?, until?}`; `null` is the same as leaving a member out.
///
/// # Errors
/// 400, naming the member.
pub(super) fn maintenance(body: &[u8], now_ms: u64) -> Result<Maintenance, ApiError> {
    const MEMBERS: &str = "`enabled`, `retry_after_s`, `message` and `until`";
    let mut set = Maintenance::default();
    let mut enabled = None;
    for (name, value) in object(body)? {
        match (name.as_str(), value) {
            ("enabled", value) => enabled = Some(boolean(&value)?),
            ("retry_after_s" | "message" | "until", Value::Null) => {}
            ("retry_after_s", value) => set.retry_after_s = Some(seconds(&value)?),
            ("message", Value::String(text)) => set.message = Some(text),
            ("message", _) => return Err(ApiError::invalid("message", "`message` must be a string.")),
            ("until", value) => set.until_ms = Some(until(&value, now_ms)?),
            (_, _) => return Err(unknown(&name, MEMBERS)),
        }
    }
    set.enabled = enabled.ok_or_else(missing)?;
    set.check()
        .map_err(|unfit| ApiError::invalid(unfit.member, format!("`{}` {}.", unfit.member, unfit.must)))?;
    Ok(set)
}

/// `{enabled}`.
///
/// # Errors
/// 400, naming the member.
pub(super) fn app_server(body: &[u8]) -> Result<AppServer, ApiError> {
    let mut enabled = None;
    for (name, value) in object(body)? {
        match name.as_str() {
            "enabled" => enabled = Some(boolean(&value)?),
            _ => return Err(unknown(&name, "`enabled`")),
        }
    }
    Ok(AppServer { enabled: enabled.ok_or_else(missing)? })
}

/// The members of an object as they stand there.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        d.deserialize_map(Reader)
    }
}

/// The members of a body, each of them once.
fn object(body: &[u8]) -> Result<Vec<(String, Value)>, ApiError> {
    const WANTED: &str = "The body must be a JSON object such as {\"enabled\": true}";
    match serde_json::from_slice(body) {
        Ok(Members(members)) => {
            let mut names = HashSet::new();
            match members.iter().find(|(name, _)| !names.insert(name.as_str())) {
                Some((name, _)) => Err(twice(name)),
                None => Ok(members),
            }
        }
        Err(error) if error.is_data() => Err(ApiError::new(Kind::InvalidRequest, format!("{WANTED}."))),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            Err(ApiError::new(Kind::InvalidRequest, format!("{WANTED}; it can't be read at {place}.")))
        }
    }
}

fn boolean(value: &Value) -> Result<bool, ApiError> {
    value.as_bool().ok_or_else(|| ApiError::invalid("enabled", "`enabled` must be true or false."))
}

fn missing() -> ApiError {
    ApiError::invalid("enabled", "`enabled` is missing; it must be true or false. DELETE ends the toggle.")
}

fn twice(name: &str) -> ApiError {
    let name = cut(name);
    let message = format!("`{}` is there more than once; send it once.", name.escape_debug());
    ApiError::invalid(name, message)
}

/// A name that can be repeated in an answer.
fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

fn unknown(name: &str, members: &str) -> ApiError {
    let name = cut(name);
    let message = format!("`{}` is no member here; there are {members}.", name.escape_debug());
    ApiError::invalid(name, message)
}

fn seconds(value: &Value) -> Result<u64, ApiError> {
    value.as_u64().filter(|seconds| *seconds <= MAX_RETRY_AFTER_S).ok_or_else(|| {
        ApiError::invalid(
            "retry_after_s",
            "`retry_after_s` must be a whole number of seconds from 0 to 86400.",
        )
    })
}

/// A time as RFC 3339 or in Unix seconds, which is still to come; in milliseconds.
fn until(value: &Value, now_ms: u64) -> Result<u64, ApiError> {
    let ms = match value {
        Value::String(text) => clock::parse_rfc3339(text),
        Value::Number(seconds) => seconds.as_u64().and_then(|seconds| seconds.checked_mul(1000)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let invalid = |message| Err(ApiError::invalid("until", message));
    match ms {
        None => invalid(
            "`until` must be a time as RFC 3339 with its offset, such as \"2030-01-31T18:00:00Z\", or whole Unix seconds.",
        ),
        Some(ms) if ms > MAX_UNTIL_MS => {
            invalid("`until` must be before the year 10000; Unix times are in seconds.")
        }
        Some(ms) if ms <= now_ms => {
            invalid("`until` has passed already; leave it out or name a time that is to come.")
        }
        Some(ms) => Ok(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// 2026-09-21T14:13:20Z.
    const NOW: u64 = 1_790_000_000_000;

    fn read(body: &Value) -> Result<Maintenance, ApiError> {
        maintenance(body.to_string().as_bytes(), NOW)
    }

    #[test]
    fn everything_is_taken() {
        let body =
            json!({"enabled": true, "retry_after_s": 60, "message": "Bis später ☕", "until": 1_790_000_001});
        let set = read(&body).unwrap();
        assert_eq!(set.retry_after_s, Some(60));
        assert_eq!(set.message.as_deref(), Some("Bis später ☕"));
        assert_eq!(set.until_ms, Some(NOW + 1000));
        let zoned = read(&json!({"enabled": false, "until": "2026-09-21T16:13:21.5+02:00"})).unwrap();
        assert_eq!((zoned.enabled, zoned.until_ms), (false, Some(NOW + 1500)));
        let null = json!({"enabled": true, "retry_after_s": null, "message": null, "until": null});
        assert_eq!(read(&null).unwrap(), Maintenance { enabled: true, ..Maintenance::default() });
        assert!(!app_server(br#"{"enabled":false}"#).unwrap().enabled);
    }

    #[test]
    fn each_fault_names_its_member() {
        let long = "x".repeat(501);
        for (body, param) in [
            (json!({}), "enabled"),
            (json!({"enabled": null}), "enabled"),
            (json!({"enabled": "on"}), "enabled"),
            (json!({"enabled": 1}), "enabled"),
            (json!({"enable": true}), "enable"),
            (json!({"enabled": true, "Message": "x"}), "Message"),
            (json!({"enabled": true, "retry_after_s": -1}), "retry_after_s"),
            (json!({"enabled": true, "retry_after_s": 1.5}), "retry_after_s"),
            (json!({"enabled": true, "retry_after_s": "60"}), "retry_after_s"),
            (json!({"enabled": true, "retry_after_s": 86_401}), "retry_after_s"),
            (json!({"enabled": true, "message": 7}), "message"),
            (json!({"enabled": true, "message": long}), "message"),
            (json!({"enabled": true, "message": "a\r\nb"}), "message"),
            (json!({"enabled": true, "message": "\u{1b}[31m"}), "message"),
            (json!({"enabled": true, "message": "\u{202e}x"}), "message"),
            (json!({"enabled": true, "message": "a\u{2028}b"}), "message"),
            (json!({"enabled": true, "until": true}), "until"),
            (json!({"enabled": true, "until": "tomorrow"}), "until"),
            (json!({"enabled": true, "until": "2030-01-01T00:00:00"}), "until"),
            (json!({"enabled": true, "until": -5}), "until"),
            (json!({"enabled": true, "until": 1_790_000_000}), "until"),
            (json!({"enabled": true, "until": "1999-01-01T00:00:00Z"}), "until"),
            (json!({"enabled": true, "until": NOW}), "until"),
            (json!({"enabled": true, "until": u64::MAX}), "until"),
        ] {
            let error = read(&body).unwrap_err();
            assert_eq!(error.param(), Some(param), "{body}");
            assert_eq!(error.kind(), Kind::InvalidRequest);
        }
        for body in ["", "{", "[]", "true", "null", "{\"enabled\":true}x"] {
            assert_eq!(maintenance(body.as_bytes(), NOW).unwrap_err().param(), None, "{body}");
            assert_eq!(app_server(body.as_bytes()).unwrap_err().param(), None, "{body}");
        }
        let error = app_server(br#"{"enabled":true,"message":"x"}"#).unwrap_err();
        assert_eq!(error.param(), Some("message"));
        // The last of two would win, and nobody can tell which one was meant.
        for (body, param) in [
            (r#"{"enabled":true,"enabled":false}"#, "enabled"),
            (r#"{"enabled":true,"\u0065nabled":true}"#, "enabled"),
            (r#"{"enabled":true,"message":"a","message":null}"#, "message"),
            (r#"{"enabled":true,"until":null,"until":null}"#, "until"),
        ] {
            let error = maintenance(body.as_bytes(), NOW).unwrap_err();
            assert_eq!((error.param(), error.kind()), (Some(param), Kind::InvalidRequest), "{body}");
            assert!(String::from_utf8(error.body()).unwrap().contains("more than once"), "{body}");
        }
        let error = app_server(br#"{"enabled":false,"enabled":false}"#).unwrap_err();
        assert_eq!(error.param(), Some("enabled"));
        let name = "y".repeat(10_000);
        let error = app_server(json!({ name: 1 }).to_string().as_bytes()).unwrap_err();
        assert_eq!(error.param().map(str::len), Some(MAX_NAME));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = (maintenance(&body, NOW).is_ok(), app_server(&body).is_ok());
        }

        /// What is taken is within the bounds, and what is out of them is refused.
        #[test]
        fn the_bounds_hold(enabled in any::<bool>(), wait in 0..200_000u64, until in 1_789_999_000..1_790_001_000u64) {
            let body = json!({"enabled": enabled, "retry_after_s": wait, "until": until});
            match read(&body) {
                Ok(set) => {
                    prop_assert!(wait <= 86_400 && until * 1000 > NOW);
                    prop_assert_eq!((set.enabled, set.retry_after_s, set.until_ms), (enabled, Some(wait), Some(until * 1000)));
                }
                Err(error) => {
                    let param = if wait > 86_400 { "retry_after_s" } else { "until" };
                    prop_assert_eq!(error.param(), Some(param));
                }
            }
        }
    }
}
