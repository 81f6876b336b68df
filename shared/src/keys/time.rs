//! Moments and spans as operators write them. Pure.

use super::{MAX_WINDOW, MIN_WINDOW};
use crate::time;
pub use crate::time::read as moment;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads a time in UTC, such as `2026-12-31T23:59:59Z`.
pub fn utc(text: &str) -> Option<SystemTime> {
    let is_utc = text.ends_with(['Z', 'z']) || text.ends_with("+00:00");
    is_utc.then(|| moment(text)).flatten()
}

/// The moment to the second, in UTC; `None` outside of the years 1970 to 9999.
pub fn rfc3339(moment: SystemTime) -> Option<String> {
    let since = moment.duration_since(UNIX_EPOCH).ok()?;
    time::rfc3339(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
}

/// Reads a span with its units, such as `90d` or `1h 30m`.
pub fn span(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// Reads the window of limits: a number with a unit, such as `60s`, `15m`, `1h` or `1500ms`.
///
/// # Errors
/// What would be right.
pub fn window(text: &str) -> Result<Duration, &'static str> {
    match span(text) {
        Some(window) if (MIN_WINDOW..=MAX_WINDOW).contains(&window) => Ok(window),
        Some(_) => Err("must be from 1s to 31d"),
        None => Err("must be a text with a number and its unit, such as \"60s\", \"15m\" or \"1h\""),
    }
}

/// A window as [`window`] reads it.
pub fn shown(window: Duration) -> String {
    humantime::format_duration(window).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_to_the_second() {
        let utc_text = "2026-12-31T23:59:59Z";
        let known = moment(utc_text).unwrap();
        assert_eq!(rfc3339(known + Duration::from_millis(900)).unwrap(), utc_text);
        assert_eq!((utc(utc_text), utc("2027-01-01T01:59:59+02:00")), (Some(known), None));
    }

    #[test]
    fn a_window_has_a_unit_and_bounds() {
        for (text, seconds) in [("60s", 60), ("1m", 60), ("1h", 3600), ("1000ms", 1), ("31d", 31 * 86_400)] {
            assert_eq!(window(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(window(&shown(Duration::from_secs(seconds))), window(text));
        }
        for wrong in ["", "60", "999ms", "32d", "-1s", "a while", "99999999999999999999s"] {
            assert!(window(wrong).is_err(), "{wrong}");
        }
    }
}
