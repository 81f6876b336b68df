//! What serde_json lets pass where nobody looks at a value, and codex does not.
//!
//! A member that is skipped, or kept raw, is checked for its grammar alone. Codex reads all of a line, and answers
//! nothing to one that it can't read; at a byte that is no UTF-8 it even ends. So a line that one client sends
//! must be one that codex can read.

/// Objects and arrays inside each other, the message itself counted: where serde_json ends reading a `Value`.
const MAX_DEPTH: usize = 127;

/// What is wrong with a line whose grammar is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Half of a surrogate pair alone, with the byte column behind it.
    Surrogate {
        /// Bytes up to the end of the escape.
        column: usize,
    },
    /// More than [`MAX_DEPTH`] objects and arrays inside each other.
    Depth,
}

/// Looks through `json`, which serde_json has found to be one JSON value.
pub(super) fn check(json: &str) -> Result<(), Fault> {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = string(bytes, at)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Fault::Depth);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Goes to the end of the string whose first byte is at `at`.
fn string(bytes: &[u8], mut at: usize) -> Result<usize, Fault> {
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
        at += found + 1;
        if bytes[at - 1] == b'"' {
            return Ok(at);
        }
        let fault = Err(Fault::Surrogate { column: at + 5 });
        match unit(bytes, at) {
            Some(0xd800..=0xdbff) => {
                let low = (bytes.get(at + 5) == Some(&b'\\')).then(|| unit(bytes, at + 6)).flatten();
                if !matches!(low, Some(0xdc00..=0xdfff)) {
                    return fault;
                }
                at += 11;
            }
            Some(0xdc00..=0xdfff) => return fault,
            Some(_) => at += 5,
            None => at += 1,
        }
    }
    Ok(bytes.len())
}

/// The number of a `uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let hex = bytes.get(at..at + 5)?.strip_prefix(b"u")?;
    u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn surrogates_must_come_in_pairs() {
        for good in [r#""\ud83d\ude00""#, r#""\\ud800""#, r#"["\"","\ue000\\"]"#, r#"{"\ud83d\ude00":1}"#] {
            assert_eq!(check(good), Ok(()), "{good}");
            assert!(serde_json::from_str::<Value>(good).is_ok(), "{good}");
        }
        for (bad, column) in [
            (r#""\ud800""#, 7),
            (r#""\uDC00""#, 7),
            (r#"["\ud800\n"]"#, 8),
            (r#"["\ud800","\udc00"]"#, 8),
            (r#""\ud800\ud800\udc00""#, 7),
            (r#"{"\udfff":1}"#, 8),
        ] {
            assert_eq!(check(bad), Err(Fault::Surrogate { column }), "{bad}");
            assert!(serde_json::from_str::<Value>(bad).is_err(), "{bad}");
        }
    }

    /// The bound is serde_json's own.
    #[test]
    fn what_is_too_deep_for_a_value_is_too_deep_here() {
        for depth in [1, 100, MAX_DEPTH, MAX_DEPTH + 1, 5000] {
            let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(check(&json).is_ok(), serde_json::from_str::<Value>(&json).is_ok(), "{depth}");
        }
        assert_eq!(check(&format!("[{}]", "[],{},".repeat(500) + "\"[[[[\"")), Ok(()));
    }
}
