//! Text to values, with messages that name the remedy.

use super::Kind;
use std::time::Duration;

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("must be one of 1, true, yes, on, 0, false, no, off".into()),
    }
}

pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "must be a whole number that is not negative".into())
}

pub(super) fn millis(text: &str) -> Result<Duration, String> {
    count(text).map(Duration::from_millis).map_err(|_| "must be a whole number of milliseconds".into())
}

pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let wrong = || "must be a number of bytes, or one with KiB, MiB or GiB".to_owned();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: usize = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    digits.parse::<usize>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)
}

pub(super) fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| "must be an octal file mode such as 0660".into())
}

/// Whether `text` can be read as `kind`, for settings that a binary knows but doesn't use itself.
pub(super) fn check(kind: Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Text | Kind::Path | Kind::Address => Ok(()),
        Kind::Bool => boolean(text).map(drop),
        Kind::Millis => millis(text).map(drop),
        Kind::Count => count(text).map(drop),
        Kind::Bytes => bytes(text).map(drop),
        Kind::Mode => mode(text).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit_and_refuses_the_rest() {
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("64 MiB"), Ok(64 << 20));
        assert_eq!(bytes("7"), Ok(7));
        for wrong in ["", "MiB", "1.5MiB", "-1", "1MB", "99999999999999999999"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(mode("0660"), Ok(0o660));
        assert!(mode("0999").is_err());
        assert!(mode("7777").is_err());
        assert_eq!(boolean("YES"), Ok(true));
        assert!(boolean("maybe").is_err());
        assert!(millis("1s").is_err());
    }
}
