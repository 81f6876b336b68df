//! What an operator reads: answers on stdout, which has nothing else, and all the rest on stderr.
//!
//! Whoever has read enough of an answer, as `head` does, closes the pipe: that is no failure. What is shown only once must
//! be read.

use crate::failure::Failure;
use std::io::{self, ErrorKind, Write};

/// Says something to the operator beside the answer, which has stdout for itself.
pub fn note(text: &str) {
    // A pipe that is closed must not end the command before its work is done.
    let _nowhere_to_tell = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an answer to stdout, with a line feed at its end.
///
/// # Errors
/// When the disk behind it is full, but not when nobody reads it any more.
pub fn answer(text: &str) -> Result<(), Failure> {
    failed(write(&mut io::stdout().lock(), text).or_else(unread))
}

/// The same for an answer that can't be had again.
///
/// # Errors
/// Also when nobody reads it.
pub fn once(text: &str) -> Result<(), Failure> {
    failed(write(&mut io::stdout().lock(), text))
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn unread(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

fn failed(written: io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| Failure::failed(format!("the answer can't be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_its_line_once() {
        for text in ["a\nb", "a\nb\n"] {
            let mut out = Vec::new();
            write(&mut out, text).unwrap();
            assert_eq!(out, b"a\nb\n");
        }
    }
}
