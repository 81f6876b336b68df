//! What was sent of a text that comes in pieces.

use crate::translate::answer::SEPARATOR;
use bytes::Bytes;
use std::hash::{DefaultHasher, Hasher};

/// The length and a hash of the text that was sent of an item: enough to tell whether the complete text begins
/// with it, without keeping it.
#[derive(Debug, Default, Clone)]
pub struct Sent {
    length: usize,
    hash: DefaultHasher,
}

impl Sent {
    /// This was sent, too.
    pub fn add(&mut self, text: &str) {
        self.length += text.len();
        self.hash.write(text.as_bytes());
    }

    /// Bytes that were sent.
    pub fn length(&self) -> usize {
        self.length
    }

    /// What of the complete text is still to be sent; `None` when something else was sent.
    pub fn rest<'t>(&self, whole: &'t str) -> Option<&'t str> {
        let (start, rest) = (whole.get(..self.length)?, whole.get(self.length..)?);
        let mut hash = DefaultHasher::new();
        hash.write(start.as_bytes());
        (hash.finish() == self.hash.finish()).then_some(rest)
    }
}

/// The messages of one choice, as far as they were sent.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The item whose text is being sent.
    item: Option<Bytes>,
    /// What of the item was sent.
    sent: Sent,
    /// Whether any text was sent.
    pub(super) any: bool,
}

/// What a complete message adds to what its deltas said.
pub(super) enum Missing<'t> {
    /// Nothing.
    Nothing,
    /// This; a separator stands before it when it begins a message.
    Rest {
        /// Whether it begins a message.
        begins: bool,
        /// The text.
        text: &'t str,
    },
    /// The deltas said something else, by this many bytes.
    Differs(usize),
}

impl Progress {
    /// A text of this item is sent. True when it begins another message, behind a separator.
    pub(super) fn begin(&mut self, item: Option<&Bytes>) -> bool {
        if self.item.as_ref() == item && item.is_some() {
            return false;
        }
        self.item = item.cloned();
        self.sent = Sent::default();
        self.any
    }

    /// This text is sent.
    pub(super) fn add(&mut self, text: &str) {
        self.any = true;
        self.sent.add(text);
    }

    /// The message is complete.
    pub(super) fn complete<'t>(&mut self, whole: &'t str) -> Missing<'t> {
        let missing = match self.sent.rest(whole) {
            Some("") => Missing::Nothing,
            Some(text) => Missing::Rest { begins: self.item.is_none() && self.any, text },
            None => Missing::Differs(whole.len().abs_diff(self.sent.length())),
        };
        self.any |= !whole.is_empty();
        self.item = None;
        self.sent = Sent::default();
        missing
    }
}

/// What is told of the reasoning of one choice, as far as it was sent.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    /// The item and the part of it that are being sent.
    at: Option<(Bytes, u32)>,
    sent: Sent,
    any: bool,
    /// The child began anew behind what was sent: the item's pieces would repeat it.
    closed: bool,
}

impl Thoughts {
    /// A text of this part of this item is sent: with what stands before it, or not at all.
    pub(super) fn add(&mut self, item: &Bytes, part: u32, text: &str) -> Option<&'static str> {
        if self.closed {
            return None;
        }
        let before = match &self.at {
            Some((at, of)) if at == item && *of == part => "",
            Some((at, _)) if at == item => {
                self.sent.add(SEPARATOR);
                SEPARATOR
            }
            Some(_) | None => {
                self.sent = Sent::default();
                if self.any { SEPARATOR } else { "" }
            }
        };
        self.at = Some((item.clone(), part));
        self.any = true;
        self.sent.add(text);
        Some(before)
    }

    /// The item is complete: what its deltas lacked, with what stands before it.
    pub(super) fn complete<'t>(&mut self, whole: &'t str) -> Option<(&'static str, &'t str)> {
        let (begins, sent) = (self.at.take().is_none(), std::mem::take(&mut self.sent));
        // Said anew it may go on where it was broken off; as something else it isn't told any more.
        self.closed = false;
        let rest = sent.rest(whole).filter(|rest| !rest.is_empty())?;
        let before = if begins && self.any { SEPARATOR } else { "" };
        self.any = true;
        Some((before, rest))
    }

    /// The child begins anew.
    pub(super) fn again(&mut self) {
        self.closed |= self.at.is_some();
    }
}
