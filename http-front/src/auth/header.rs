//! The key out of a request's headers. Pure.

use http::{HeaderMap, header};

/// Why there is no key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// No such header.
    Nothing,
    /// Something else than one header `Authorization: Bearer KEY`.
    Otherwise,
}

/// The bytes that one header `Authorization: Bearer KEY` carries, without spaces around them.
///
/// # Errors
/// [`Unsent`]; of two headers nobody says which is meant.
pub(super) fn token(headers: &HeaderMap) -> Result<&[u8], Unsent> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Unsent::Nothing)?;
    if values.next().is_some() {
        return Err(Unsent::Otherwise);
    }
    match value.as_bytes().split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
            Some(token.trim_ascii()).filter(|token| !token.is_empty()).ok_or(Unsent::Otherwise)
        }
        Some(_) | None => Err(Unsent::Otherwise),
    }
}
