//! A line on its way out, in up to three pieces.
//!
//! A forwarded message differs from the received one in its id alone, so it is sent as the bytes before the id,
//! the new id, and the bytes behind it: a 20 MB line is never copied to change eight bytes of it.

use bytes::Bytes;

/// One outgoing message without its line feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    parts: [Bytes; 3],
}

impl Line {
    /// A message that is already in one piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { parts: [bytes.into(), Bytes::new(), Bytes::new()] }
    }

    /// A message in three pieces that are sent one after the other.
    pub fn spliced(head: Bytes, middle: Bytes, tail: Bytes) -> Self {
        Self { parts: [head, middle, tail] }
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
    pub fn parts(&self) -> &[Bytes; 3] {
        &self.parts
    }

    /// The message in one piece; copies when it is in several.
    pub fn to_bytes(&self) -> Bytes {
        match &self.parts {
            [one, middle, tail] if middle.is_empty() && tail.is_empty() => one.clone(),
            parts => Bytes::from(parts.concat()),
        }
    }
}
