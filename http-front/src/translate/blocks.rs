//! Text tools: calls as `<use_tool>` blocks in a text, the format of Obsidian Copilot. Pure.
//!
//! [`blocks`] makes blocks of calls (`obsidian-xml`), [`Blocks`] finds blocks in a text as it comes and makes
//! calls of them (`textual-tools`). `docs/text-tools.md` says what a block looks like, and why.
//!
//! It promises that a text without a valid block comes out byte for byte, that the pieces don't depend on how the text
//! was cut, and that no more than a bound of bytes is held back.

mod entity;
mod read;
mod scan;
mod tools;
mod value;
mod write;

pub use scan::Blocks;
pub use tools::Tools;
pub use write::{block, blocks};

use std::ops::AddAssign;

/// What begins a block.
const OPEN: &str = "<use_tool>";
/// What ends it.
const CLOSE: &str = "</use_tool>";
/// The member that names the function; it comes first.
const NAME: &str = "name";
/// The member that holds all arguments as JSON, in the oldest form of the format.
const ARGS: &str = "args";

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text for the client; never empty.
    Text(String),
    /// A call.
    Call {
        /// The function, one of [`Tools`].
        name: String,
        /// The arguments, a JSON object.
        arguments: String,
    },
}

/// What became of blocks. Behind [`Blocks::finish`], as many were started as were flushed and aborted. Blocks that are
/// written are counted, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Began to be held back.
    pub started: u64,
    /// Became calls.
    pub flushed: u64,
    /// Went out as the text that they were.
    pub aborted: u64,
}

impl Counts {
    /// Of so many blocks that were written.
    pub fn written(blocks: usize) -> Self {
        let blocks = u64::try_from(blocks).unwrap_or(u64::MAX);
        Self { started: blocks, flushed: blocks, aborted: 0 }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.flushed += other.flushed;
        self.aborted += other.aborted;
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
