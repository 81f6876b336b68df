//! The texts that end an answer. Pure: an automaton (Knuth, Morris, Pratt) for each of them, over bytes.
//!
//! A stop text begins with a whole character and so does what is held back: cutting by bytes cuts no character.

use std::sync::Arc;

/// A stop text, and for each of its prefixes the length of the longest shorter one that it ends with.
#[derive(Debug)]
struct Pattern {
    text: String,
    failure: Vec<usize>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut failure = vec![0; bytes.len()];
        let mut matched = 0;
        for (at, byte) in bytes.iter().enumerate().skip(1) {
            while matched > 0 && bytes[matched] != *byte {
                matched = failure[matched - 1];
            }
            matched += usize::from(bytes[matched] == *byte);
            failure[at] = matched;
        }
        Self { text: text.to_owned(), failure }
    }

    /// How much of it the text ends with after one more byte; `matched` is less than all of it.
    fn step(&self, mut matched: usize, byte: u8) -> usize {
        let bytes = self.text.as_bytes();
        while matched > 0 && bytes[matched] != byte {
            matched = self.failure[matched - 1];
        }
        matched + usize::from(bytes[matched] == byte)
    }
}

/// Looks for stop texts. A clone shares the automata.
#[derive(Debug, Clone)]
pub(super) struct Stops {
    patterns: Arc<[Pattern]>,
    /// How much of each the text ends with: never all of it.
    matched: Vec<usize>,
}

impl Stops {
    /// `None` without any text to look for.
    pub(super) fn new(stops: &[String]) -> Option<Self> {
        let patterns: Arc<[Pattern]> =
            stops.iter().filter(|stop| !stop.is_empty()).map(|stop| Pattern::new(stop)).collect();
        let matched = vec![0; patterns.len()];
        (!patterns.is_empty()).then_some(Self { patterns, matched })
    }

    /// Takes more of the text; appends to `out` what no stop text can begin with. True: one is complete, and `out`
    /// ends before it.
    pub(super) fn push(&mut self, text: &str, out: &mut String) -> bool {
        let before = self.held();
        let held = before.len();
        for (at, byte) in text.bytes().enumerate() {
            let mut complete = 0;
            for (matched, pattern) in self.matched.iter_mut().zip(self.patterns.iter()) {
                *matched = pattern.step(*matched, byte);
                if *matched == pattern.text.len() {
                    complete = complete.max(*matched);
                }
            }
            if complete > 0 {
                // Of those that end here the longest starts first.
                release(&before, text, held + at + 1 - complete, out);
                return true;
            }
        }
        let sure = held + text.len() - self.longest();
        release(&before, text, sure, out);
        false
    }

    /// The text's end: appends what was held back.
    pub(super) fn finish(&mut self, out: &mut String) {
        out.push_str(&self.held());
        self.matched.fill(0);
    }

    fn longest(&self) -> usize {
        self.matched.iter().copied().max().unwrap_or(0)
    }

    /// What is held back: the beginning of the stop text of which there is most.
    fn held(&self) -> String {
        let parts = self.matched.iter().zip(self.patterns.iter());
        let most = parts.max_by_key(|(matched, _)| **matched);
        most.map_or_else(String::new, |(matched, pattern)| pattern.text[..*matched].to_owned())
    }
}

/// Appends the first `count` bytes of the two texts.
fn release(before: &str, text: &str, count: usize, out: &mut String) {
    match count.checked_sub(before.len()) {
        Some(more) => {
            out.push_str(before);
            out.push_str(&text[..more]);
        }
        None => out.push_str(&before[..count]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(stops: &[&str], texts: &[&str]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut stops = Stops::new(&stops).unwrap();
        let mut over = false;
        let outs = texts.iter().map(|text| {
            let mut out = String::new();
            over = over || stops.push(text, &mut out);
            out
        });
        (outs.collect(), over)
    }

    #[test]
    fn no_more_is_held_than_could_become_a_stop_text() {
        for (stops, texts, outs, over) in [
            (&["aab"][..], &["aa", "a", "b"][..], &["", "a", ""][..], true),
            (&["aab", "ab"], &["xa", "b"], &["x", ""], true),
            (&["aab", "ab"], &["aab"], &[""], true),
            (&["ab", "abc"], &["xabc"], &["x"], true),
            (&["b", "abc"], &["abc"], &["a"], true),
            (&["END"], &["E", "N", "O", "EEN"], &["", "", "ENO", "E"], false),
            (&["é"], &["e", "è", "é"], &["e", "è", ""], true),
            (&["👍🏽"], &["👍", "👍🏽"], &["", "👍"], true),
            (&["", "x"], &["yx"], &["y"], true),
        ] {
            let (got, done) = pushed(stops, texts);
            assert_eq!((got.iter().map(String::as_str).collect::<Vec<_>>(), done), (outs.to_vec(), over));
        }
        assert!(Stops::new(&[]).is_none() && Stops::new(&[String::new()]).is_none());
    }
}
