//! Text that is held back until the answer is complete. Pure.

use super::{SEPARATOR, scan::Scan};
use crate::translate::limit::{Limits, Reached};
use bytes::Bytes;

/// Complete messages, and what the deltas told of one that isn't.
#[derive(Debug)]
pub(super) struct Held {
    whole: Vec<String>,
    partial: String,
    limits: Limits,
    /// `None` where nothing bounds the text.
    watch: Option<Watch>,
}

/// Looks for the limits of a text that is held back.
#[derive(Debug)]
struct Watch {
    scan: Scan,
    /// The text as far as it may go out.
    cut: String,
    /// Its length at the beginning of the message that is being read.
    mark: usize,
}

impl Held {
    pub(super) fn new(limits: &Limits) -> Self {
        let watch = limits.any().then(|| Watch { scan: Scan::new(limits), cut: String::new(), mark: 0 });
        Self { whole: Vec::new(), partial: String::new(), limits: limits.clone(), watch }
    }

    /// A piece of a message. `Some`: the answer ends here, and its text is [`Self::cut`].
    pub(super) fn text(&mut self, item: &Bytes, text: &str) -> Option<Reached> {
        self.partial.push_str(text);
        let watch = self.watch.as_mut()?;
        if watch.scan.begins(item) {
            watch.mark = watch.cut.len();
        }
        watch.scan.text(item, text, &mut watch.cut)
    }

    /// A complete message. As [`Self::text`].
    pub(super) fn message(&mut self, text: String) -> Option<Reached> {
        self.partial.clear();
        let reached = self.watch.as_mut().and_then(|watch| match watch.scan.message(&text, &mut watch.cut) {
            Ok(reached) => reached,
            // Nothing of it went out yet, so the complete text can still stand for its pieces.
            Err(_) => {
                watch.cut.truncate(watch.mark);
                watch.scan.back();
                watch.scan.message(&text, &mut watch.cut).unwrap_or_default()
            }
        });
        self.whole.push(text);
        reached
    }

    /// The child says the message anew.
    pub(super) fn back(&mut self) {
        self.partial.clear();
        if let Some(watch) = &mut self.watch {
            watch.cut.truncate(watch.mark);
            watch.scan.back();
        }
    }

    /// The turn has ended. As [`Self::text`].
    pub(super) fn finish(&mut self) -> Option<Reached> {
        let watch = self.watch.as_mut()?;
        watch.scan.finish(&mut watch.cut)
    }

    /// The text as far as the limits let it go.
    pub(super) fn cut(&mut self) -> String {
        self.watch.take().map(|watch| watch.cut).unwrap_or_default()
    }

    /// The same as messages; the last one may end in its midst.
    pub(super) fn cut_messages(&mut self) -> Vec<String> {
        let cut = self.cut();
        let (mut rest, mut messages) = (cut.as_str(), Vec::new());
        for whole in self.whole.iter().filter(|text| !text.is_empty()) {
            let Some(behind) = rest.strip_prefix(whole.as_str()) else { break };
            messages.push(whole.clone());
            rest = behind.strip_prefix(SEPARATOR).unwrap_or_default();
        }
        if !rest.is_empty() {
            messages.push(rest.to_owned());
        }
        messages
    }

    /// All messages that say something. What comes then is a new text.
    pub(super) fn take(&mut self) -> Vec<String> {
        let limits = std::mem::take(&mut self.limits);
        let Self { mut whole, partial, .. } = std::mem::replace(self, Self::new(&limits));
        whole.push(partial);
        whole.retain(|text| !text.is_empty());
        whole
    }
}
