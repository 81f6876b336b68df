//! The trace of one request as a file: what the front writes into its trace buffer and `codexctl trace` reads.
//!
//! Owns the form of the file and of its name. Reading is tolerant of members that it doesn't know, so that an older
//! `codexctl` reads what a newer front wrote. Nothing here decides what may stand in a trace: the front's redaction does.

use crate::time;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, time::SystemTime};

/// The form of the file that this code writes.
pub const FORMAT: u32 = 1;
/// What every request id begins with.
const REQUEST: &str = "req_";
/// The hexadecimal digits behind that.
const DIGITS: usize = 32;

/// A name of a closed list, or a text of a file that was read.
pub type Word = Cow<'static, str>;

/// The trace of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// [`FORMAT`] of whoever wrote it.
    pub format: u32,
    /// The request, as `x-request-id` has it.
    pub req_id: String,
    /// When it began, UTC.
    pub timestamp: String,
    /// The route's pattern.
    pub route: Word,
    /// The model that was asked, of those that are served.
    #[serde(default)]
    pub model: Option<String>,
    /// The HTTP status that went out; `null` where the client left before one did.
    #[serde(default)]
    pub status: Option<u16>,
    /// `ok`, `error` or `client_disconnect`.
    pub outcome: Word,
    /// The code of the error, where that is a plain word.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Milliseconds from the beginning to the end of the request.
    pub latency_ms: u64,
    /// What it used; `null` where that is not known exactly.
    #[serde(default)]
    pub usage: Option<Tokens>,
    /// Entries that were left out between the first and the last ones.
    #[serde(default)]
    pub frames_dropped: u64,
    /// What went over the socket, in order.
    pub frames: Vec<Frame>,
}

/// One message on the socket, or several notifications of one method that followed each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Which turn of the request, from 0.
    pub turn: u32,
    /// `to_daemon` or `from_daemon`.
    pub direction: Word,
    /// `request`, `notification`, `response`, `error`, or `unreadable`.
    pub kind: Word,
    /// The method, of an answer that of its request; `other` where it is none that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Word>,
    /// The id of the request, where it is a number or a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The thread, where it is a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// The turn by codex's name, where it is a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// How many messages this is.
    #[serde(default = "one")]
    pub count: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// Milliseconds behind the beginning of the request, of the first one.
    pub at_ms: u64,
    /// The same of the last one.
    #[serde(default)]
    pub last_ms: u64,
    /// The code of a JSON-RPC error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The name in `codexErrorInfo`, of those that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_info: Option<Word>,
    /// The upstream's HTTP status in `codexErrorInfo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Why the daemon ended a turn in codex's place, of the reasons that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Word>,
    /// Whether codex starts over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub will_retry: Option<bool>,
    /// How a turn is, of the words that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Word>,
    /// What a model call used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

fn one() -> u64 {
    1
}

/// Counts of tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// Input, cached input counted.
    pub prompt: u64,
    /// Output, reasoning counted.
    pub completion: u64,
    /// Everything, as the provider counts it.
    pub total: u64,
    /// Input that was read from a cache.
    pub cached: u64,
    /// Reasoning.
    pub reasoning: u64,
}

/// The name of a request: `req_` and 32 small hexadecimal digits. Never a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestName(String);

impl RequestName {
    /// The name that this text is.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(REQUEST)?;
        let fits = digits.len() == DIGITS
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a trace's file: `{timestamp}-{req_id}.json`. Names sort as the requests began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// When the request began, to the millisecond.
    pub at: SystemTime,
    /// Which request.
    pub request: RequestName,
}

/// What ends the name of a trace's file.
const EXTENSION: &str = ".json";
/// What a file is called until it is whole: readers never see a half.
const PART: &str = ".part";

impl FileName {
    /// Reads a whole file's name; any other text is none.
    pub fn read(name: &str) -> Option<Self> {
        let (at, request) = name.strip_suffix(EXTENSION)?.split_once('-')?;
        Some(Self { at: time::read_compact(at)?, request: RequestName::read(request)? })
    }

    /// Reads the name that a file has until it is whole.
    pub fn read_part(name: &str) -> Option<Self> {
        Self::read(name.strip_prefix('.')?.strip_suffix(PART)?)
    }

    /// What the file is called until it is whole.
    pub fn part(&self) -> String {
        format!(".{self}{PART}")
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{EXTENSION}", time::compact(self.at), self.request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    const ID: &str = "req_0192f0c1a2b37c4d8e5f60718293a4b5";

    #[test]
    fn names_are_exact() {
        let name = format!("20261121T193001.123Z-{ID}.json");
        let read = FileName::read(&name).unwrap();
        assert_eq!((read.to_string(), read.request.as_str()), (name.clone(), ID));
        assert_eq!(read.part(), format!(".{name}.part"));
        assert_eq!(FileName::read_part(&read.part()), Some(read));
        assert_eq!(FileName::read(&format!(".{name}.part")), None);
        for odd in [
            "../req_0192f0c1a2b37c4d8e5f60718293a4b5.json",
            "notes.json",
            "20261121T193001.123Z-req_0192F0C1A2B37C4D8E5F60718293A4B5.json",
            "20261121T193001.123Z-req_0192f0c1a2b37c4d8e5f60718293a4b5.json.gz",
            "20261121T193001.123Z-req_/etc/passwd.json",
            "20269921T193001.123Z-req_0192f0c1a2b37c4d8e5f60718293a4b5.json",
        ] {
            assert_eq!(FileName::read(odd), None, "{odd}");
        }
        for odd in ["", "req_", "../../etc/passwd", "req_0192f0c1a2b37c4d8e5f60718293a4bg", &ID[4..]] {
            assert_eq!(RequestName::read(odd), None, "{odd}");
        }
    }

    #[test]
    fn what_a_newer_front_writes_is_read() {
        let text = format!(
            r#"{{"format":9,"new":[1],"req_id":"{ID}","timestamp":"t","route":"r","outcome":"shed","latency_ms":1,
                "frames":[{{"turn":0,"direction":"sideways","kind":"k","bytes":3,"at_ms":0,"newer":{{}}}}]}}"#
        );
        let read: Trace = serde_json::from_str(&text).unwrap();
        assert_eq!((read.format, read.outcome.as_ref(), read.frames[0].count), (9, "shed", 1));
    }

    proptest! {
        #[test]
        fn a_name_that_is_written_is_read(ms in 0..253_402_300_799_999_u64, id in "req_[0-9a-f]{32}") {
            let at = UNIX_EPOCH + Duration::from_millis(ms);
            let name = FileName { at, request: RequestName::read(&id).unwrap() };
            prop_assert_eq!(FileName::read(&name.to_string()), Some(name.clone()));
            prop_assert!(!name.to_string().contains('/'));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,80}") {
            let _any = (FileName::read(&text), FileName::read_part(&text), RequestName::read(&text));
        }
    }
}
