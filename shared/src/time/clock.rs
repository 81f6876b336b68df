//! Times of the host's clock: as milliseconds since 1970 between our programs, and as RFC 3339 for people.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the host's clock says, in milliseconds since 1970; a clock before that counts as then.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time as RFC 3339 in UTC, `2026-11-21T19:45:00Z`; `None` beyond the year 9999.
pub fn rfc3339(ms: u64) -> Option<String> {
    super::rfc3339(UNIX_EPOCH.checked_add(Duration::from_millis(ms))?)
}

/// Milliseconds since 1970 of a time as RFC 3339, whose offset must be there; `None` where it is none, or before 1970.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let since = super::read(text)?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// How long from `now_ms` until `ms`; nothing when that has passed.
pub fn until(ms: u64, now_ms: u64) -> Duration {
    Duration::from_millis(ms.saturating_sub(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_written_in_utc_and_read_with_any_offset() {
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(rfc3339(1_790_000_000_250).as_deref(), Some("2026-09-21T14:13:20.25Z"));
        for text in ["2026-09-21T14:13:20Z", "2026-09-21T16:13:20+02:00", "2026-09-21t14:13:20z"] {
            assert_eq!(parse_rfc3339(text), Some(1_790_000_000_000), "{text}");
        }
        for odd in
            ["2026-09-21T14:13:20", "2026-09-21", "soon", "", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z"]
        {
            assert_eq!(parse_rfc3339(odd), None, "{odd}");
        }
        assert_eq!(rfc3339(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(ms in 0..253_402_300_799_999u64) {
            prop_assert_eq!(parse_rfc3339(&rfc3339(ms).unwrap()), Some(ms));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _read = parse_rfc3339(&text);
        }
    }
}
