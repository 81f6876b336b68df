//! What must hold for any bytes, one module for each fuzz target.
//!
//! A `check` takes what it is given as it would come over the wire, and panics where our code disagrees with a naive
//! model of it. `tests/corpus.rs` replays the seeds in every test run; `cargo xtask test` has libFuzzer search for
//! more. What it finds becomes a file in the corpus, and so a regression test.
#![expect(clippy::panic, reason = "a panic is how a check reports to libFuzzer")]

pub mod codec;
pub mod message;
pub mod notification;
pub mod request;
mod tree;
