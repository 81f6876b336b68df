//! The operator's command: keys, traces of requests, maintenance.
//!
//! It prints answers on stdout and failures on stderr, and ends with the code of `shared::exit` that fits.

pub mod cli;
pub mod failure;
pub mod key;
pub mod trace;
