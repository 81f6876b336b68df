//! Server-sent events, as the OpenAI clients read them. Pure.
//!
//! A frame is `data: `, one line of JSON, and an empty line. JSON never holds a raw CR or LF, so nothing that a
//! model writes can end a line or forge a field. Source: WHATWG HTML, "Server-sent events".
//!
//! A comment is a line WITHOUT an empty line behind it. By the specification an empty line without data dispatches
//! nothing, but some clients (openai-go, older openai-python) make an event of it that they can't parse.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

/// The end of a chat or completions stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";
/// A comment that keeps the line alive; clients skip it. It stands between frames, before the next one's data.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n";

/// Appends a frame whose data is `parts`, one after the other. They must be JSON without raw line breaks.
pub fn raw(out: &mut BytesMut, parts: &[&[u8]]) {
    out.reserve(8 + parts.iter().map(|p| p.len()).sum::<usize>());
    out.put_slice(b"data: ");
    for part in parts {
        debug_assert!(!part.iter().any(|b| matches!(b, b'\r' | b'\n')), "a line break would end the frame");
        out.put_slice(part);
    }
    out.put_slice(b"\n\n");
}

/// Appends a frame with `value` as JSON.
pub fn json<T: Serialize>(out: &mut BytesMut, value: &T) {
    let text = serde_json::to_vec(value).expect("own types serialize");
    raw(out, &[&text]);
}

#[cfg(test)]
mod tests;
