//! What bounds a text as it is written: `stop`, and `max_tokens`. Pure.
//!
//! With T the whole text, T_n is the text of its first `max_tokens` tokens by o200k_base, cut down to a whole
//! character (a token may end inside one), and T itself where there are no more. The occurrence of a stop text
//! that ends first (of two that end together, the one that starts first) wins where it ends within T_n: the output
//! is what stands before it. Otherwise the output is T_n. So the output never holds a stop text, and it doesn't
//! depend on how the text was cut into deltas.
//!
//! Promises: what goes out is a prefix of the output, whatever still comes. Held back is no more than the longest
//! end of the text that could become a stop text, and, once the limit of tokens is near, [`SEGMENT`] bytes. A stop
//! text is told with its last byte; near the limit of tokens, and the limit itself, at the latest [`SEGMENT`] bytes
//! and one character after its place. The time is linear in the text.
//!
//! Never: looks at a clock, logs a text, counts a token that isn't of this text (reasoning and calls don't count).

mod stop;
mod tokens;

use stop::Stops;
pub use tokens::SEGMENT;
use tokens::Tokens;

/// What bounds an answer's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The texts that end it. An empty one ends nothing.
    pub stop: Vec<String>,
    /// The most tokens of it.
    pub max_tokens: Option<u64>,
}

impl Limits {
    /// Whether there is any bound.
    pub fn any(&self) -> bool {
        self.max_tokens.is_some() || self.stop.iter().any(|stop| !stop.is_empty())
    }

    /// The bound of the length alone.
    pub fn length(&self) -> Self {
        Self { stop: Vec::new(), max_tokens: self.max_tokens }
    }

    /// A whole text up to the first stop text, and whether there was one.
    pub fn stopped(&self, text: String) -> (String, bool) {
        let limits = Self { stop: self.stop.clone(), max_tokens: None };
        if !limits.any() {
            return (text, false);
        }
        let (mut limiter, mut out) = (Limiter::new(&limits), String::with_capacity(text.len()));
        let reached = limiter.push(&text, &mut out).or_else(|| limiter.finish(&mut out));
        (out, reached.is_some())
    }

    /// Whether [`load`] is still to be called for them.
    pub fn unloaded(&self) -> bool {
        self.max_tokens.is_some() && !tokens::loaded()
    }
}

/// Loads what counts tokens, the first time in the process. It keeps the thread busy for about 0.1 s, so call it where
/// that holds up nobody; without it the first [`Limiter::push`] that counts does it.
pub fn load() {
    tokens::load();
}

/// Why a text is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// A stop text came.
    Stop,
    /// It has as many tokens as it may have, and would have more.
    Length,
}

/// Cuts a text that comes in pieces. A clone copies less than [`SEGMENT`] bytes and shares the rest.
#[derive(Debug, Clone)]
pub struct Limiter {
    tokens: Option<Tokens>,
    stops: Option<Stops>,
    reached: Option<Reached>,
}

impl Limiter {
    /// At the beginning of a text.
    pub fn new(limits: &Limits) -> Self {
        Self { tokens: limits.max_tokens.map(Tokens::new), stops: Stops::new(&limits.stop), reached: None }
    }

    /// Takes more of the text; appends to `out` what is sure to be in the output. `Some`: the text is over there;
    /// nothing more is taken.
    pub fn push(&mut self, text: &str, out: &mut String) -> Option<Reached> {
        self.take(text, false, out)
    }

    /// The text's end: appends what was held back (a limit may still be reached by it).
    pub fn finish(&mut self, out: &mut String) -> Option<Reached> {
        self.take("", true, out)
    }

    fn take(&mut self, text: &str, end: bool, out: &mut String) -> Option<Reached> {
        if self.reached.is_some() {
            return self.reached;
        }
        let mut counted = String::new();
        let (text, over) = match &mut self.tokens {
            // Without stop texts what is counted is the output.
            Some(tokens) if self.stops.is_none() => {
                let over = tokens.take(text, end, out);
                self.reached = over.then_some(Reached::Length);
                return self.reached;
            }
            Some(tokens) => {
                let over = tokens.take(text, end, &mut counted);
                (counted.as_str(), over)
            }
            None => (text, false),
        };
        let Some(stops) = &mut self.stops else {
            out.push_str(text);
            return None;
        };
        if stops.push(text, out) {
            self.reached = Some(Reached::Stop);
        } else {
            if over || end {
                stops.finish(out);
            }
            self.reached = over.then_some(Reached::Length);
        }
        self.reached
    }
}

#[cfg(test)]
mod tests;
