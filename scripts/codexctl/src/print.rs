//! What an operator reads: answers on stdout, which has nothing else, and all the rest on stderr.

use crate::failure::Failure;
use std::io::Write;

/// Says something to the operator beside the answer, which has stdout for itself.
#[expect(clippy::print_stderr, reason = "this is where an operator reads it")]
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Writes an answer to stdout.
///
/// # Errors
/// When nobody reads it any more, or the disk behind it is full.
pub fn answer(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    written.map_err(|error| Failure::failed(format!("the answer can't be written: {error}")))
}
