//! The operator's command: keys, traces of requests, maintenance, readiness.
//!
//! It prints answers on stdout and failures on stderr, and ends with the code of `shared::exit` that fits.

pub mod cli;
pub mod commands;
pub mod environment;
pub mod failure;
pub mod front;
pub mod print;
pub mod worker;
