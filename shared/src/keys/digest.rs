//! What is kept of a key. Pure.
//!
//! A key is 256 bits from the system's random source, so nobody finds it by trying: a slow hash with a salt, which is
//! for what people think up, would only make every request slow.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// How a digest begins in a file.
const SCHEME: &str = "sha256:";

/// The SHA-256 of a whole key.
///
/// `==` is not in constant time; it is for files, where both sides are known. Whoever holds a sent key against it
/// compares [`Digest::as_bytes`] in constant time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of a key.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Reads `sha256:` and 64 hexadecimal digits, of either case.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(SCHEME)?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(*pair.first()?)? << 4 | value(*pair.last()?)?;
        }
        Some(Self(bytes))
    }

    /// As it stands in a file.
    pub fn to_text(self) -> String {
        let digits = self.0.iter().map(|byte| format!("{byte:02x}"));
        std::iter::once(SCHEME.to_owned()).chain(digits).collect()
    }

    /// The bytes, for a comparison in constant time.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Nobody's to read in a log.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_prints() {
        let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_text(), known);
        assert_eq!(Digest::parse(known), Some(Digest::of(b"abc")));
        assert_eq!(
            Digest::parse(&known.to_uppercase().replace("SHA256", "sha256")),
            Some(Digest::of(b"abc"))
        );
        assert_eq!(format!("{:?}", Digest::of(b"abc")), "Digest(secret)");
    }

    #[test]
    fn nothing_else_is_one() {
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for wrong in [
            String::new(),
            digits.to_owned(),
            format!("sha256:{}", &digits[1..]),
            format!("sha256:{digits}0"),
            format!("sha512:{digits}"),
            format!("sha256: {digits}"),
            format!("sha256:{}", digits.replace('b', "g")),
            format!("sha256:{}", digits.replace("ba", "+a")),
            format!("sha256:{}", digits.replace("ba", "ü")),
        ] {
            assert_eq!(Digest::parse(&wrong), None, "{wrong}");
        }
    }
}
