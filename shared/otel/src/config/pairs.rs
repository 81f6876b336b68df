//! `key=value,key=value`, as the standard writes headers and attributes in a variable.

use http::{HeaderName, HeaderValue, header};
use percent_encoding::percent_decode_str;

/// The most pairs.
const MOST: usize = 128;

/// The pairs of a text, percent-decoded.
///
/// # Errors
/// What is wrong with which of them, without its text.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let entries = text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty());
    for (at, entry) in entries {
        let nth = at + 1;
        let Some((key, value)) = entry.split_once('=') else {
            return Err(format!("entry {nth} has no `=`: write name=value,name=value"));
        };
        let key = key.trim();
        if key.is_empty() {
            return Err(format!("entry {nth} has no name before its `=`"));
        }
        let Ok(value) = percent_decode_str(value.trim()).decode_utf8() else {
            return Err(format!("the value of entry {nth} is not UTF-8 once percent-decoded"));
        };
        pairs.push((key.to_owned(), value.into_owned()));
    }
    if pairs.len() > MOST {
        return Err(format!("must have at most {MOST} entries"));
    }
    Ok(pairs)
}

/// The headers of a text.
///
/// # Errors
/// As [`parse`]; what can be no header, or is one of the transport's own.
pub(super) fn headers(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let mut headers = Vec::new();
    for (at, (name, value)) in parse(text)?.into_iter().enumerate() {
        let nth = at + 1;
        let Ok(name) = HeaderName::try_from(name) else {
            return Err(format!("the name of entry {nth} is no name of a header"));
        };
        if is_the_transports(&name) {
            return Err(format!("entry {nth} sets {name}, which is sent by itself: take it away"));
        }
        let Ok(mut value) = HeaderValue::try_from(value) else {
            return Err(format!("the value of entry {nth} can't stand in a header"));
        };
        value.set_sensitive(true);
        headers.push((name, value));
    }
    Ok(headers)
}

fn is_the_transports(name: &HeaderName) -> bool {
    let own = [
        header::CONNECTION,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::USER_AGENT,
    ];
    // In gRPC names with this ending have binary values.
    own.contains(name) || name.as_str().starts_with("grpc-") || name.as_str().ends_with("-bin")
}
