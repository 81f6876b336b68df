//! Answers on stdout.

use crate::failure::Failure;
use std::io::{Write, stdout};

/// Prints a text and ends its last line.
///
/// # Errors
/// When stdout can't be written to.
pub fn line(text: &str) -> Result<(), Failure> {
    writeln!(stdout(), "{text}").map_err(|error| Failure::failed(format!("can't write to stdout: {error}")))
}
