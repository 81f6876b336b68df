//! Moments as text of RFC 3339, and as parts of names; [`clock`] has them as numbers between our programs.

pub mod clock;

use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last moment that has a four-digit year.
const LAST: Duration = Duration::from_millis(253_402_300_799_999);

/// Reads a moment with its offset, such as `2026-12-31T23:59:59Z` or `2027-01-01T01:59:59+02:00`.
pub fn read(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}

/// A moment in UTC, with a part of a second where it has one: `2026-12-31T23:59:59Z`. `None` outside of the years 0 to 9999.
pub fn rfc3339(at: SystemTime) -> Option<String> {
    let nanos = match at.duration_since(UNIX_EPOCH) {
        Ok(since) => i128::try_from(since.as_nanos()).ok()?,
        Err(before) => -i128::try_from(before.duration().as_nanos()).ok()?,
    };
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(&Rfc3339).ok()
}

/// A moment as `2026-11-21T19:30:01.123Z`. What a clock says that is not of the years 1970 to 9999 becomes the nearest
/// moment that is.
pub fn utc(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST);
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

/// The same without the characters that shells and file systems stumble on, sorted as the moments are:
/// `20261121T193001.123Z`.
pub fn compact(at: SystemTime) -> String {
    utc(at).replace(['-', ':'], "")
}

/// Reads what [`compact`] writes, and nothing else.
pub fn read_compact(text: &str) -> Option<SystemTime> {
    if text.len() != 20 || !text.is_ascii() {
        return None;
    }
    let (date, time) = text.split_once('T').filter(|(date, _)| date.len() == 8)?;
    let long = format!(
        "{}-{}-{}T{}:{}:{}",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    );
    let at = humantime::parse_rfc3339(&long).ok()?;
    (compact(at) == text).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn moments_are_utc_to_the_millisecond() {
        let at = UNIX_EPOCH + Duration::from_millis(1_795_289_401_123);
        assert_eq!(
            (utc(at).as_str(), compact(at).as_str()),
            ("2026-11-21T19:30:01.123Z", "20261121T193001.123Z")
        );
        assert_eq!(utc(UNIX_EPOCH - Duration::from_secs(9)), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(1 << 42)), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn moments_have_an_offset() {
        let known = read("2026-12-31T23:59:59Z").unwrap();
        assert_eq!(rfc3339(known).unwrap(), "2026-12-31T23:59:59Z");
        assert_eq!(read("2027-01-01T01:59:59+02:00"), Some(known));
        for wrong in ["", "2026-12-31", "2026-12-31T23:59:59", "2026-13-31T23:59:59Z", "tomorrow"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read(&rfc3339(UNIX_EPOCH).unwrap()), Some(UNIX_EPOCH));
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(1 << 40)), None);
    }

    #[test]
    fn nothing_else_is_a_moment() {
        for odd in [
            "",
            "20261121T193001.123z",
            "20261321T193001.123Z",
            "20261121T193001.1234",
            "2026-11-21T19:30:01Z",
            "20261121T193060.123Z",
            "2026112€T19300.1Z",
        ] {
            assert_eq!(read_compact(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ms in 0..253_402_300_799_999_u64) {
            let at = UNIX_EPOCH + Duration::from_millis(ms);
            prop_assert_eq!(read_compact(&compact(at)), Some(at));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,24}", other in "[0-9TZ.:-]{20}") {
            let _any = (read_compact(&text), read_compact(&other));
        }
    }
}
