//! Blocks in a text as it comes. Pure.

use super::{
    CLOSE, Counts, OPEN, Piece, Tools,
    read::{self, Head},
};
use std::sync::Arc;

/// Finds blocks in a text that comes in parts.
///
/// Text goes on at once, but for what may be the beginning of an opening. Behind an opening the text is held back until it
/// is known to be a call or not to be one: at the closing, at the text's end, where no block goes on like this, or where
/// it gets longer than the bound.
#[derive(Debug, Clone)]
pub struct Blocks {
    tools: Arc<Tools>,
    /// The longest block, its tags included.
    max_bytes: usize,
    /// What is held back.
    held: String,
    /// Whether it begins with an opening.
    block: Option<Block>,
    /// From the last opening to this byte of what is held back no closing begins: so none is looked for twice, however
    /// the text comes and however many openings are only spoken of.
    searched: usize,
    counts: Counts,
}

/// A block that has begun.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Up to this byte there is nothing but whitespace behind the opening; `None` once it names a function.
    blank: Option<usize>,
}

/// What is next.
enum Step {
    /// So many bytes are text.
    Text(usize),
    /// So many bytes are text, and an opening follows.
    Opening(usize),
    /// The opening is text.
    NoBlock,
    /// The block ends behind so many bytes.
    Closing(usize),
    /// More of the text is needed.
    More,
}

impl Blocks {
    /// For blocks of at most `max_bytes` that call these functions.
    pub fn new(tools: Arc<Tools>, max_bytes: usize) -> Self {
        Self { tools, max_bytes, held: String::new(), block: None, searched: 0, counts: Counts::default() }
    }

    /// Takes a part of the text, and adds what is known by now to `out`.
    pub fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.held.push_str(text);
        // What was dealt with is taken away once at the end: a text of many openings would be moved for each.
        let mut from = 0;
        loop {
            match self.step(from) {
                Step::Text(length) => {
                    from = self.say(from, length, out);
                    break;
                }
                Step::Opening(length) => {
                    from = self.say(from, length, out);
                    self.open(from);
                }
                Step::NoBlock => {
                    from = self.say(from, OPEN.len(), out);
                    self.counts.aborted += 1;
                    self.block = None;
                }
                Step::Closing(length) => from = self.close(from, length, out),
                Step::More => break,
            }
        }
        self.held.drain(..from);
        if let Some(block) = &mut self.block {
            block.blank = block.blank.map(|at| at.saturating_sub(from));
        }
        self.searched = self.searched.saturating_sub(from);
    }

    /// The text has ended: what is held back is text. Another one may follow.
    pub fn finish(&mut self, out: &mut Vec<Piece>) {
        if self.block.take().is_some() {
            self.counts.aborted += 1;
        }
        let length = self.held.len();
        self.say(0, length, out);
        self.held.clear();
        self.searched = 0;
    }

    /// Whether something is held back.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// What became of blocks since this was asked last.
    pub fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn step(&mut self, from: usize) -> Step {
        let Some(block) = &mut self.block else {
            let rest = &self.held[from..];
            return match rest.find(OPEN) {
                Some(at) => Step::Opening(at),
                None => Step::Text(rest.len() - beginning(rest)),
            };
        };
        let end = from.saturating_add(self.max_bytes).min(self.held.len());
        let window = &self.held[..self.held.floor_char_boundary(end)];
        if let Some(at) = block.blank {
            let rest = window.get(at..).unwrap_or_default();
            match read::head(rest) {
                Head::Block => block.blank = None,
                Head::Open => block.blank = Some(at + rest.len() - rest.trim_start().len()),
                Head::None => return Step::NoBlock,
            }
        }
        if let Some(at) = window.get(self.searched..).and_then(|rest| rest.find(CLOSE)) {
            return Step::Closing(self.searched + at + CLOSE.len() - from);
        }
        // Its end may hold the beginning of a closing.
        let searched = window.floor_char_boundary(window.len().saturating_sub(CLOSE.len() - 1));
        self.searched = self.searched.max(searched);
        if self.held.len() - from > self.max_bytes { Step::NoBlock } else { Step::More }
    }

    fn open(&mut self, from: usize) {
        self.counts.started += 1;
        let behind = from + OPEN.len();
        self.block = Some(Block { blank: Some(behind) });
        self.searched = self.searched.max(behind);
    }

    /// The block that begins at `from` is whole. If it is no call, one may have begun in it, behind an opening that was
    /// only spoken of: the last one is looked at, too, and no other, so that no text is read again and again. It is not
    /// where it stands in an argument.
    fn close(&mut self, from: usize, length: usize, out: &mut Vec<Piece>) -> usize {
        self.block = None;
        let content = &self.held[from + OPEN.len()..from + length - CLOSE.len()];
        if let Some((name, arguments)) = read::call(content, &self.tools) {
            self.counts.flushed += 1;
            out.push(Piece::Call { name, arguments });
            return from + length;
        }
        self.counts.aborted += 1;
        let inner = content.rfind(OPEN).filter(|at| !read::quotes(&content[..*at], &self.tools));
        let Some(inner) = inner else { return self.say(from, length, out) };
        let call = read::call(&content[inner + OPEN.len()..], &self.tools);
        self.counts.started += 1;
        let Some((name, arguments)) = call else {
            self.counts.aborted += 1;
            return self.say(from, length, out);
        };
        self.counts.flushed += 1;
        self.say(from, OPEN.len() + inner, out);
        out.push(Piece::Call { name, arguments });
        from + length
    }

    /// So many bytes go out as text; gives where the rest begins.
    fn say(&self, from: usize, length: usize, out: &mut Vec<Piece>) -> usize {
        let text = &self.held[from..from + length];
        match out.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Text(said)) => said.push_str(text),
            Some(Piece::Call { .. }) | None => out.push(Piece::Text(text.to_owned())),
        }
        from + length
    }
}

/// How much of a text's end may be the beginning of an opening.
fn beginning(text: &str) -> usize {
    (1..OPEN.len()).rev().find(|length| text.ends_with(&OPEN[..*length])).unwrap_or(0)
}
