//! The limit of tokens, counted with o200k_base as the text comes. Pure.
//!
//! The tables take about 0.1 s and 70 MiB (half of it pages of the binary), so they are loaded with the first limit.
//!
//! The text is cut into segments at places where the tokenizer splits whatever stands around them ([`firm`]), so the
//! tokens of a segment are final when it is closed. One without such a place is closed at [`SEGMENT`] bytes: there
//! the count may be off by a token, in the same way however the text comes.

use bpe_openai::{Tokenizer, o200k_base};
use std::sync::OnceLock;

/// The longest segment, in bytes: what is held back at most near the limit.
pub const SEGMENT: usize = 4096;

/// The crate doesn't tell whether its tables are loaded.
static TABLES: OnceLock<&Tokenizer> = OnceLock::new();

/// Loads the tables, the first time in the process.
pub(super) fn load() -> &'static Tokenizer {
    TABLES.get_or_init(o200k_base)
}

/// Whether they are loaded.
pub(super) fn loaded() -> bool {
    TABLES.get().is_some()
}

/// Counts the tokens of a text and cuts it at the limit.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    /// How many may still come behind the closed segments.
    left: usize,
    /// The open segment, and how much of it has gone out.
    open: String,
    sent: usize,
    /// The text's last character.
    last: Option<char>,
}

impl Tokens {
    pub(super) fn new(max: u64) -> Self {
        Self { left: usize::try_from(max).unwrap_or(usize::MAX), open: String::new(), sent: 0, last: None }
    }

    /// Takes more of the text, and its end; appends to `out` what is sure to be within the limit. True: the text has
    /// more tokens than it may have, and all that may go out has. Nothing may be pushed after that.
    pub(super) fn take(&mut self, text: &str, end: bool, out: &mut String) -> bool {
        let mut from = 0;
        for (at, next) in text.char_indices() {
            let length = self.open.len() + at - from;
            let closes = self.last.is_some_and(|last| firm(last, next)) || length + next.len_utf8() > SEGMENT;
            if closes && length > 0 {
                self.open.push_str(&text[from..at]);
                from = at;
                if self.close(out) {
                    return true;
                }
            }
            self.last = Some(next);
        }
        self.open.push_str(&text[from..]);
        if end { self.close(out) } else { self.sure(out) }
    }

    /// Counts the open segment, which is final.
    fn close(&mut self, out: &mut String) -> bool {
        let tables = load();
        let tokens = tables.encode(self.open.as_str());
        if let Some(left) = self.left.checked_sub(tokens.len()) {
            self.left = left;
            out.push_str(&self.open[self.sent..]);
            self.open.clear();
            self.sent = 0;
            return false;
        }
        let fits = tokens.iter().take(self.left).map(|token| tables.bpe.token_len(*token)).sum();
        self.send(fits, out);
        true
    }

    /// What may go out of the open segment: a token has a byte at least, so as many bytes as there may be tokens.
    fn sure(&mut self, out: &mut String) -> bool {
        self.send(self.left, out);
        self.left == 0 && !self.open.is_empty()
    }

    /// Sends the open segment up to there, down to a whole character.
    fn send(&mut self, upto: usize, out: &mut String) {
        let upto = self.open.floor_char_boundary(upto);
        if let Some(more) = self.open.get(self.sent..upto) {
            out.push_str(more);
            self.sent = upto;
        }
    }
}

/// Whether the tokenizer splits between these two characters, whatever stands before and behind them, and makes of
/// what stands before the same tokens with and without what stands behind.
///
/// Its pattern has these pieces: letters (with marks) behind at most one other character that is no line break, with
/// an English contraction behind them; up to three digits; what is neither letter, digit nor space, with line breaks
/// and slashes behind it, and a space before it; spaces, up to the last line break in them; spaces. A piece of
/// spaces alone also depends on whether the text ends with it, so no place behind spaces is firm but the one behind
/// line breaks, where the piece ends with and without more. Only characters whose class never changes are told apart
/// by it: what is not listed is merely not firm.
fn firm(last: char, next: char) -> bool {
    if last == '\r' || last == '\n' {
        return !next.is_whitespace() && next != '/';
    }
    if last.is_whitespace() {
        return false;
    }
    if next == '\r' || next == '\n' {
        return is_letter(last) || last.is_ascii_digit();
    }
    if next.is_whitespace() {
        return true;
    }
    let apart = |a: char, b: char| a.is_ascii_digit() && (is_letter(b) || is_sign(b) || b == '\'');
    // A piece with a digit has nothing but digits. A letter and an apostrophe may be a contraction.
    apart(last, next) || apart(next, last) || is_letter(last) && is_sign(next)
}

/// Letters without a doubt.
fn is_letter(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | '一'..='\u{9fa5}' | '가'..='힣')
}

/// Signs without a doubt, but for the one that begins a contraction.
fn is_sign(c: char) -> bool {
    c.is_ascii_punctuation() && c != '\''
        || matches!(c, '‐'..='‧' | '、'..='〃' | '〈'..='】' | '〔'..='〟' | '！'..='／' | '：'..='？')
}

/// The segments of a text, as they are defined.
#[cfg(test)]
pub(super) fn segments(text: &str) -> Vec<&str> {
    let (mut segments, mut start, mut last) = (Vec::new(), 0, None);
    for (at, next) in text.char_indices() {
        if last.is_some_and(|last| firm(last, next)) || at + next.len_utf8() > start + SEGMENT {
            segments.push(&text[start..at]);
            start = at;
        }
        last = Some(next);
    }
    segments.push(&text[start..]);
    segments
}

#[cfg(test)]
mod tests;
