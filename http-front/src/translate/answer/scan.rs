//! The messages of an answer as the one text that the client reads, under the limits of the request. Pure.

use super::SEPARATOR;
use crate::translate::{
    limit::{Limiter, Limits, Reached},
    output::Sent,
};
use bytes::Bytes;

/// Reads the texts of messages as they come, and tells what of them may go out.
///
/// It promises that what it gives doesn't depend on how the text was cut into pieces.
#[derive(Debug)]
pub(super) struct Scan {
    limiter: Option<Limiter>,
    /// The limiter at the beginning of the message that is being read.
    back: Option<Limiter>,
    item: Option<Bytes>,
    /// What of the message was read.
    sent: Sent,
    /// Whether a message before this one said something.
    before: bool,
    /// Whether this one did.
    said: bool,
}

impl Scan {
    /// Nothing was read yet.
    pub(super) fn new(limits: &Limits) -> Self {
        let limiter = limits.any().then(|| Limiter::new(limits));
        Self { limiter, back: None, item: None, sent: Sent::default(), before: false, said: false }
    }

    /// Whether a text of this item begins another message.
    pub(super) fn begins(&self, item: &Bytes) -> bool {
        self.item.as_ref() != Some(item)
    }

    /// Whether no message is being read.
    pub(super) fn is_between(&self) -> bool {
        self.item.is_none()
    }

    /// Reads a piece of a message; what may go out is put behind `out`. `Some`: the answer ends here.
    pub(super) fn text(&mut self, item: &Bytes, text: &str, out: &mut String) -> Option<Reached> {
        if self.begins(item) {
            self.begin(Some(item.clone()));
        }
        self.feed(text, out)
    }

    /// The message is complete: reads what its pieces lacked.
    ///
    /// # Errors
    /// By how many bytes the pieces were something else. The message stays the one that is being read, until
    /// [`Self::back`] or [`Self::skip`].
    pub(super) fn message(&mut self, whole: &str, out: &mut String) -> Result<Option<Reached>, usize> {
        if self.item.is_none() {
            self.begin(None);
        }
        let Some(rest) = self.sent.rest(whole) else {
            return Err(whole.len().abs_diff(self.sent.length()));
        };
        let reached = self.feed(rest, out);
        self.item = None;
        Ok(reached)
    }

    /// The message stays as its pieces said it.
    pub(super) fn skip(&mut self) {
        self.item = None;
    }

    /// Back to the beginning of the message that is being read: the child says it anew.
    pub(super) fn back(&mut self) {
        if self.item.take().is_some() {
            self.limiter = self.back.take();
            (self.said, self.sent) = (false, Sent::default());
        }
    }

    /// The text's end: what was held back goes out.
    pub(super) fn finish(&mut self, out: &mut String) -> Option<Reached> {
        self.limiter.as_mut()?.finish(out)
    }

    fn begin(&mut self, item: Option<Bytes>) {
        self.before |= self.said;
        (self.said, self.sent) = (false, Sent::default());
        self.item = item;
        self.back = self.limiter.clone();
    }

    fn feed(&mut self, text: &str, out: &mut String) -> Option<Reached> {
        if text.is_empty() {
            return None;
        }
        let between = if self.before && !self.said { SEPARATOR } else { "" };
        self.said = true;
        self.sent.add(text);
        match &mut self.limiter {
            None => {
                out.push_str(between);
                out.push_str(text);
                None
            }
            Some(limiter) => limiter.push(between, out).or_else(|| limiter.push(text, out)),
        }
    }
}
