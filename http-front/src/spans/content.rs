//! What clients and the model say, for spans of operators who want it: in the shape of the GenAI conventions, and bounded. Pure.
//!
//! Promises that what is written for one direction is at most [`MOST`] bytes, with at most [`MESSAGES`] messages of at most
//! [`PARTS`] parts, whatever the client or the model sends, and that no more than that is ever built for it.

mod input;
mod loose;
mod output;
#[cfg(test)]
mod tests;

pub(super) use input::input;
pub(super) use output::Output;

/// The most bytes that are written for one direction.
const MOST: usize = 32 * 1024;
/// The most messages, or choices, in one direction.
const MESSAGES: usize = 64;
/// The most parts of one message.
const PARTS: usize = 64;
/// What stands behind a text that is cut.
const CUT: &str = "…[cut]";
/// What the names, quotes and brackets of a message or a part come to at most.
const AROUND: usize = 80;

/// How many bytes there is still room for.
#[derive(Debug)]
struct Room {
    left: usize,
    /// Whether something had no room.
    over: bool,
}

impl Default for Room {
    fn default() -> Self {
        // The brackets around all, and the mark of the one text that is cut.
        Self { left: MOST - 2 - CUT.len(), over: false }
    }
}

impl Room {
    /// Takes the place of a message or a part without its texts; whether there was room for it.
    fn open(&mut self) -> bool {
        match self.left.checked_sub(AROUND).filter(|_| !self.over) {
            Some(left) => self.left = left,
            None => self.over = true,
        }
        !self.over
    }

    /// As much of a text as there is room for, by the bytes that it takes in JSON.
    fn cut(&mut self, said: &str) -> String {
        if self.over {
            return String::new();
        }
        let mut end = 0;
        for character in said.chars() {
            let Some(left) = self.left.checked_sub(written(character)) else {
                self.over = true;
                return format!("{}{CUT}", &said[..end]);
            };
            self.left = left;
            end += character.len_utf8();
        }
        said.to_owned()
    }
}

/// The bytes of a character in a string of JSON.
fn written(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}
