//! The pair around the real codex, against the scripted upstream.
#![expect(clippy::panic, reason = "helpers of tests fail a test by panicking")]

mod exact;
mod example;
mod hangup;
mod hostile_lines;
mod isolation;
mod pipelines;
mod soak;
mod streams;
mod support;
