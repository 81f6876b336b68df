//! A line on its way out, in up to five pieces.
//!
//! A forwarded message differs from the received one in its id, and in its trace where it has one, so it is sent as what
//! is new and the bytes around it: a 20 MB line is never copied to change eight bytes of it.

use bytes::Bytes;

/// The pieces of a line: what is around two values that are replaced, and these.
const PARTS: usize = 5;

/// One outgoing message without its line feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    parts: [Bytes; PARTS],
}

impl Line {
    /// A message that is already in one piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { parts: [bytes.into(), Bytes::new(), Bytes::new(), Bytes::new(), Bytes::new()] }
    }

    /// A message in three pieces that are sent one after the other.
    pub fn spliced(head: Bytes, middle: Bytes, tail: Bytes) -> Self {
        Self { parts: [head, middle, tail, Bytes::new(), Bytes::new()] }
    }

    /// A message in five pieces that are sent one after the other.
    pub fn pieces(parts: [Bytes; PARTS]) -> Self {
        Self { parts }
    }

    /// The message `value` as JSON. Our own payloads always serialize: they have string keys and no custom code.
    pub fn json<T: serde::Serialize>(value: &T) -> Self {
        Self::whole(serde_json::to_vec(value).expect("own payloads serialize"))
    }

    /// Length in bytes, the line feed not counted.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces in order; some may be empty.
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// The message in one piece; copies when it is in several.
    pub fn to_bytes(&self) -> Bytes {
        let [one, rest @ ..] = &self.parts;
        if rest.iter().all(Bytes::is_empty) { one.clone() } else { Bytes::from(self.parts.concat()) }
    }
}
