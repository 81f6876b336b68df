//! Chance that can be thrown again.

use std::time::Duration;

/// A splitmix64: the same throws for the same seed.
pub(crate) struct Dice(u64);

/// A request's text, and what the upstream is asked to make of it.
pub(crate) struct Wanted {
    /// The text of the answer; no other request has it.
    pub(crate) text: String,
    /// What is asked.
    pub(crate) prompt: String,
    /// Whether as a stream.
    pub(crate) stream: bool,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of `0..sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    /// Dice whose throws follow from these.
    pub(crate) fn another(&mut self) -> Self {
        Self(self.roll(u64::MAX))
    }

    /// A time between two bounds.
    pub(crate) fn millis(&mut self, from: u64, below: u64) -> Duration {
        Duration::from_millis(from + self.roll(below - from))
    }

    /// A turn of 50 to 400 ms, its text in pieces.
    pub(crate) fn request(&mut self, lane: &str, number: usize) -> Wanted {
        let text = format!("<{lane}:{number}:{:016x}>", self.roll(u64::MAX)).repeat(4);
        let pieces = 4 + self.roll(12);
        let chars = text.len() as u64 / pieces;
        let pause = self.millis(50, 400).as_millis() as u64 / pieces;
        let prompt = format!("!chunks {chars}\n!pause {pause}\n!echo {text}");
        Wanted { text, prompt, stream: self.roll(2) == 0 }
    }
}
