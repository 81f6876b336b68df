//! Server-sent events, as the OpenAI clients read them. Pure.
//!
//! A frame is `data: `, one line of JSON, and an empty line. JSON never holds a raw CR or LF, so nothing that a
//! model writes can end a line or forge a field. Source: WHATWG HTML, "Server-sent events".

use bytes::{BufMut, BytesMut};
use serde::Serialize;

/// The end of a chat or completions stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";
/// A comment that keeps the line alive; clients skip it.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

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
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the specification makes of a stream: the data of each event.
    fn events(bytes: &[u8]) -> Vec<String> {
        let text = std::str::from_utf8(bytes).unwrap().replace("\r\n", "\n").replace('\r', "\n");
        let mut events = Vec::new();
        let mut data: Option<String> = None;
        for line in text.split('\n') {
            if line.is_empty() {
                events.extend(data.take());
            } else if let Some(value) = line.strip_prefix("data:") {
                let value = value.strip_prefix(' ').unwrap_or(value);
                data = Some(data.map_or(value.to_owned(), |d| format!("{d}\n{value}")));
            }
        }
        events
    }

    proptest! {
        /// Whatever the text holds, one frame is one event with exactly that text.
        #[test]
        fn round_trip(texts in proptest::collection::vec(".*|[\r\n\u{2028}\u{85}:d at{}\"\\\\]{0,20}", 0..8)) {
            let mut out = BytesMut::new();
            for text in &texts {
                json(&mut out, text);
                out.extend_from_slice(KEEP_ALIVE);
            }
            let got: Vec<String> = events(&out).iter().map(|e| serde_json::from_str(e).unwrap()).collect();
            prop_assert_eq!(got, texts);
        }
    }
}
