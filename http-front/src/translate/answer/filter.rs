//! Text that goes out as it comes, through what may hold parts of it back. Pure.

use super::scan::Scan;
use crate::translate::{
    blocks::{Blocks, Counts, Piece},
    event::Delta,
    limit::{Limits, Reached},
};
use bytes::Bytes;

/// The one item that all filtered text belongs to: the separators are a part of it already.
const ITEM: Bytes = Bytes::from_static(b"\"\"");

/// Reads the messages of an answer, and gives what goes out of them.
#[derive(Debug)]
pub(super) struct Filter {
    scan: Scan,
    blocks: Option<Blocks>,
    /// The blocks at the beginning of the message that is being read, and how many calls there were then.
    back: Option<(Blocks, usize)>,
    /// The calls that stood in the text.
    calls: Vec<(String, String)>,
    counts: Counts,
    /// Bytes by which complete messages were something else than their pieces.
    pub(super) differs: usize,
}

impl Filter {
    /// Filters by limits, and for calls that are written as text.
    pub(super) fn new(limits: &Limits, blocks: Option<Blocks>) -> Self {
        Self {
            scan: Scan::new(limits),
            blocks,
            back: None,
            calls: Vec::new(),
            counts: Counts::default(),
            differs: 0,
        }
    }

    /// A piece of a message: what goes out, and whether the answer ends there.
    pub(super) fn text(&mut self, item: &Bytes, text: &str) -> (String, Option<Reached>) {
        let before = if self.scan.begins(item) { self.begin() } else { String::new() };
        let mut out = String::new();
        let reached = self.scan.text(item, text, &mut out);
        (before + &self.read(&out), reached)
    }

    /// A complete message. As [`Self::text`].
    pub(super) fn message(&mut self, text: &str) -> (String, Option<Reached>) {
        let before = if self.scan.is_between() { self.begin() } else { String::new() };
        let mut out = String::new();
        let reached = self.scan.message(text, &mut out).unwrap_or_else(|bytes| {
            self.scan.skip();
            self.differs += bytes;
            None
        });
        self.back = None;
        (before + &self.read(&out), reached)
    }

    /// The turn has ended: what was held back. As [`Self::text`].
    pub(super) fn finish(&mut self) -> (String, Option<Reached>) {
        let mut out = String::new();
        let reached = self.scan.finish(&mut out);
        (self.read(&out) + &self.begin(), reached)
    }

    /// The answer ends where a limit is: a block that isn't complete, as text.
    pub(super) fn end(&mut self) -> String {
        self.begin()
    }

    /// The child says the message that is being read anew. Nothing of it went out, or the answer would have failed.
    pub(super) fn back(&mut self) {
        self.scan.back();
        if let (Some((back, calls)), Some(blocks)) = (self.back.take(), &mut self.blocks) {
            let mut begun = std::mem::replace(blocks, back);
            begun.finish(&mut Vec::new());
            self.counts += begun.take_counts();
            self.calls.truncate(calls);
        }
    }

    /// The calls that stood in the text: names, and arguments as JSON.
    pub(super) fn calls(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.calls)
    }

    /// What became of the blocks so far.
    pub(super) fn counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Another message begins: a block ends with the message that it began in. The text of one that didn't.
    fn begin(&mut self) -> String {
        let mut text = String::new();
        if let Some(blocks) = &mut self.blocks {
            let mut pieces = Vec::new();
            blocks.finish(&mut pieces);
            self.counts += blocks.take_counts();
            self.back = Some((blocks.clone(), self.calls.len()));
            sort(pieces, &mut text, &mut self.calls);
        }
        text
    }

    fn read(&mut self, out: &str) -> String {
        let Some(blocks) = &mut self.blocks else { return out.to_owned() };
        let mut pieces = Vec::new();
        blocks.push(out, &mut pieces);
        self.counts += blocks.take_counts();
        let mut text = String::new();
        sort(pieces, &mut text, &mut self.calls);
        text
    }
}

/// Reads a complete text: what there is beside the calls in it, the calls, and what became of the blocks.
pub(super) fn read(mut blocks: Blocks, text: &str) -> (String, Vec<(String, String)>, Counts) {
    let mut pieces = Vec::new();
    blocks.push(text, &mut pieces);
    blocks.finish(&mut pieces);
    let (mut rest, mut calls) = (String::new(), Vec::new());
    sort(pieces, &mut rest, &mut calls);
    (rest, calls, blocks.take_counts())
}

fn sort(pieces: Vec<Piece>, text: &mut String, calls: &mut Vec<(String, String)>) {
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(&piece),
            Piece::Call { name, arguments } => calls.push((name, arguments)),
        }
    }
}

/// A text that goes out; `None` where it says nothing.
pub(super) fn delta(text: &str) -> Option<Delta> {
    (!text.is_empty()).then(|| {
        let text = serde_json::to_vec(text).expect("a string serializes");
        Delta::Text { item: ITEM, text: text.into() }
    })
}
