//! The name of a key. Pure.

use std::fmt;

/// The longest name, in bytes.
const MAX: usize = 64;
/// The name of the one key that is no entry of a file.
const RESERVED: &str = "PROXY_API_KEY";
/// How keys begin, ours and those of the upstream.
const KEY: &str = "sk-";

/// The name of a key: up to 64 letters, digits, dots, underscores and hyphens.
///
/// It stands in logs and headers, so what begins as keys do is none: somebody has put a key in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX || !text.bytes().all(fits) {
            return Err("must be 1 to 64 letters, digits, dots, underscores or hyphens");
        }
        if text.eq_ignore_ascii_case(RESERVED) {
            return Err("must be another one: `PROXY_API_KEY` is the key of the environment");
        }
        if text.get(..KEY.len()).is_some_and(|start| start.eq_ignore_ascii_case(KEY)) {
            return Err("must not begin with `sk-`, as keys do: a name is no secret");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_short_word_and_no_key() {
        for good in ["ci", "a", "A.b_c-9", "0", &"n".repeat(64)] {
            assert_eq!(Name::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for wrong in [
            "",
            " ",
            "a b",
            "ü",
            "a\n",
            "a/b",
            &"n".repeat(65),
            "PROXY_API_KEY",
            "proxy_api_key",
            "sk-x",
            "SK-",
        ] {
            let message = Name::parse(wrong).unwrap_err();
            assert!(message.starts_with("must "), "{wrong}: {message}");
        }
    }
}
