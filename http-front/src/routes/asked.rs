//! What the headers of a request ask for, beside its body.
//!
//! All of them are read alike: an empty one is none, and one that is sent twice is refused, for nothing says which is
//! meant.

use super::dispatch::Call;
use crate::{
    error::ApiError,
    translate::{
        mode::{OutputMode, Profile, Reasoning},
        profile,
    },
};
use http::HeaderMap;

/// The header that asks for `codex_metadata`.
const METADATA: &str = "x-codex-metadata";
/// The header that says how calls are to be told.
const OUTPUT: &str = "x-proxy-output-mode";

/// What a request asks for; where it says nothing, what the operator has set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Whether `codex_metadata` is told.
    pub(super) metadata: bool,
    /// How calls are told.
    pub(super) output: OutputMode,
    /// When the client reads the reasoning.
    pub(super) reasoning: Reasoning,
    /// What it runs as.
    pub(super) profile: Profile,
}

impl Asked {
    /// Reads the headers.
    ///
    /// # Errors
    /// 400 with the header whose value is none that there is; 403 for a profile that the key has no right to.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, ApiError> {
        let (config, headers) = (&call.app.config, call.headers);
        let metadata = match word(headers, METADATA)? {
            Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(ApiError::invalid(METADATA, "`x-codex-metadata` is `true` or `false`.")),
            None => config.codex_metadata,
        };
        let output = match word(headers, OUTPUT)? {
            Some(name) => OutputMode::named(name).ok_or_else(|| {
                let names = OutputMode::NAMES.join("`, `");
                ApiError::invalid(OUTPUT, format!("`{OUTPUT}` is one of `{names}`."))
            })?,
            None => config.output_mode,
        };
        let reasoning = config.reasoning;
        Ok(Self { metadata, output, reasoning, profile: profile(call)? })
    }
}

/// What the headers have a request run as.
///
/// # Errors
/// As [`Asked::of`].
pub(super) fn profile(call: &Call<'_>) -> Result<Profile, ApiError> {
    profile::choose(word(call.headers, profile::HEADER)?, call.rights())
}

/// The value of a header; an empty one is none.
fn word<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::invalid(
            name,
            format!("The header `{name}` must be sent once, or not at all."),
        ));
    }
    let value = value.to_str().map_err(|_| ApiError::invalid(name, format!("`{name}` must be a word.")))?;
    Ok(Some(value.trim()).filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn every_header_is_read_alike() {
        for name in [METADATA, OUTPUT, profile::HEADER] {
            let read = |values: &[&[u8]]| {
                let mut headers = HeaderMap::new();
                for value in values {
                    headers.append(name, HeaderValue::from_bytes(value).unwrap());
                }
                let read = word(&headers, name);
                read.map(|word| word.map(str::to_owned)).map_err(|error| error.param().map(str::to_owned))
            };
            let refused = Err(Some(name.to_owned()));
            assert_eq!(read(&[]), Ok(None));
            assert_eq!(read(&[b""]), Ok(None));
            assert_eq!(read(&[b" \t"]), Ok(None));
            assert_eq!(read(&[b" a "]), Ok(Some("a".to_owned())));
            assert_eq!(read(&[b"\xff"]), refused);
            for twice in [[b"a", b"a"], [b"a", b"b"], [b"a", b" "]] {
                assert_eq!(read(&twice.map(|value| &value[..])), refused);
            }
        }
    }
}
