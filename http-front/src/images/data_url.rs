//! Data URLs, read leniently and written in the one form that codex passes on untouched. Pure.
//!
//! Promises that [`write()`] makes a URL that [`read`] finds canonical, and that [`read`] never panics. Looks at no
//! image: what the bytes are is [`inspect`](super::inspect)'s to say, and the media type in the URL is not believed.

use super::{inspect::Format, problem::Problem};
use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
    },
};
use percent_encoding::percent_decode;

/// Reads what other encoders write, too: no padding, or bits left over in the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a data URL holds.
#[derive(Debug)]
pub(super) struct DataUrl<'a> {
    /// The decoded bytes.
    pub(super) bytes: Vec<u8>,
    /// The base64 text, where it is exactly what [`write()`] would make of the bytes.
    canonical: Option<&'a str>,
    /// The URL as it came.
    url: &'a str,
}

impl DataUrl<'_> {
    /// The canonical URL for bytes of this format; `None` when the URL that was read is it already.
    pub(super) fn canonical(&self, format: Format) -> Option<String> {
        match self.canonical {
            Some(payload)
                if self.url.starts_with(format.prefix())
                    && self.url.len() == format.prefix().len() + payload.len() =>
            {
                None
            }
            Some(payload) => Some([format.prefix(), payload].concat()),
            None => Some(write(format, &self.bytes)),
        }
    }
}

/// Whether this is meant to be a data URL.
pub(super) fn is(url: &str) -> bool {
    url.trim_ascii_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Reads a data URL: scheme, media type and `base64` in any case, with any parameters; base64 with whitespace, without
/// padding, in either alphabet, or percent-encoded.
///
/// # Errors
/// Not base64, empty, or over `max` bytes.
pub(super) fn read(url: &str, max: usize) -> Result<DataUrl<'_>, Problem> {
    let (head, payload) = url.trim_ascii().split_once(',').ok_or(Problem::NotBase64)?;
    let last = head.rsplit_once(';').map_or("", |(_, last)| last);
    if !is(head) || !last.trim_ascii().eq_ignore_ascii_case("base64") {
        return Err(Problem::NotBase64);
    }
    // Refused before memory is taken for it; not nearer, because whitespace makes a text longer than its bytes.
    if payload.len() / 4 > max {
        return Err(Problem::TooManyBytes { max });
    }
    let read = match STANDARD.decode(payload) {
        Ok(bytes) => DataUrl { bytes, canonical: Some(payload), url },
        Err(_) => DataUrl { bytes: lenient(payload)?, canonical: None, url },
    };
    if read.bytes.is_empty() {
        return Err(Problem::Empty);
    }
    if read.bytes.len() > max {
        return Err(Problem::TooManyBytes { max });
    }
    Ok(read)
}

/// The canonical URL.
pub(super) fn write(format: Format, bytes: &[u8]) -> String {
    let prefix = format.prefix();
    let mut url = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4);
    url.push_str(prefix);
    STANDARD.encode_string(bytes, &mut url);
    url
}

fn lenient(payload: &str) -> Result<Vec<u8>, Problem> {
    let mut text: Vec<u8> = percent_decode(payload.as_bytes()).collect();
    text.retain(|b| !b.is_ascii_whitespace());
    for byte in &mut text {
        match byte {
            b'-' => *byte = b'+',
            b'_' => *byte = b'/',
            _ => {}
        }
    }
    LENIENT.decode(&text).map_err(|error| Problem::Base64(what_is_wrong(&error)))
}

/// In words that repeat nothing of what was sent.
fn what_is_wrong(error: &base64::DecodeError) -> &'static str {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol, InvalidLength, InvalidPadding};
    match error {
        InvalidByte(..) => "it has a character that base64 has not",
        InvalidLength(_) => "its length is wrong, as if it was cut off",
        InvalidLastSymbol { .. } | InvalidPadding => "its end is wrong",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 1024;

    fn bytes(url: &str) -> Result<Vec<u8>, Problem> {
        read(url, MAX).map(|read| read.bytes)
    }

    #[test]
    fn the_canonical_form_is_left_alone() {
        let url = write(Format::Png, b"\x89PNG and more");
        assert!(url.starts_with("data:image/png;base64,"));
        assert_eq!(read(&url, MAX).expect("it can be read").canonical(Format::Png), None);
    }

    #[test]
    fn every_other_form_becomes_the_canonical_one() {
        let want = [0xfb, 0xff, 0xfe, 1];
        let canonical = "data:image/png;base64,+//+AQ==";
        for url in [
            "DATA:image/png;base64,+//+AQ==",
            "data:image/PNG;BASE64,+//+AQ==",
            "data:image/jpeg;base64,+//+AQ==",
            "data:image/png;charset=utf-8;name=a.png;base64,+//+AQ==",
            "data:;base64,+//+AQ==",
            "data:application/octet-stream; base64 ,+//+AQ==",
            " data:image/png;base64,+//+AQ==",
            "data:image/png;base64,+//+AQ==\n",
            "data:image/png;base64, +//+\r\n\tAQ= =",
            "data:image/png;base64,+//+AQ",
            "data:image/png;base64,+//+AQ=",
            "data:image/png;base64,-__-AQ",
            "data:image/png;base64,%2B//%2bAQ%3D%3d",
            "data:image/png;base64,+//+AR==",
        ] {
            let read = read(url, MAX).unwrap_or_else(|e| panic!("{url}: {e}"));
            assert_eq!(read.bytes, want, "{url}");
            assert_eq!(read.canonical(Format::Png).as_deref(), Some(canonical), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (url, problem) in [
            ("data:image/png,abc", Problem::NotBase64),
            ("data:image/png;base64", Problem::NotBase64),
            ("data:", Problem::NotBase64),
            ("data:base64,AAAA", Problem::NotBase64),
            ("data:image/png;base64,", Problem::Empty),
            ("data:image/png;base64, \n", Problem::Empty),
            ("data:image/png;base64,ab*d", Problem::Base64("it has a character that base64 has not")),
            ("data:image/png;base64,abcde", Problem::Base64("its length is wrong, as if it was cut off")),
        ] {
            assert_eq!(bytes(url), Err(problem), "{url}");
        }
    }

    #[test]
    fn the_bound_is_exact() {
        assert!(bytes(&write(Format::Png, &[1; MAX])).is_ok());
        let over = Err(Problem::TooManyBytes { max: MAX });
        assert_eq!(bytes(&write(Format::Png, &[1; MAX + 1])), over);
        assert_eq!(bytes(&write(Format::Png, &[1; 100 * MAX])), over);
    }

    proptest! {
        #[test]
        fn reading_never_panics(url in "(data:)?[a-z/;,]{0,20}\\PC{0,60}") {
            let _ = is(&url);
            let _ = read(&url, 16);
        }

        #[test]
        fn a_payload_of_anything_never_panics(payload in "\\PC{0,60}") {
            let _ = read(&format!("data:image/png;base64,{payload}"), 16);
        }

        #[test]
        fn bytes_come_back(content in proptest::collection::vec(any::<u8>(), 1..200)) {
            let url = write(Format::Webp, &content);
            let read = read(&url, MAX).expect("it can be read");
            prop_assert_eq!(&read.bytes, &content);
            prop_assert_eq!(read.canonical(Format::Webp), None);
            let other = read.canonical(Format::Gif).expect("another prefix");
            prop_assert_eq!(other, write(Format::Gif, &content));
        }
    }
}
