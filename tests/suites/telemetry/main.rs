//! What reaches a collector: the front's spans and metrics, over both protocols, and what becomes of requests when the
//! collector misbehaves. Around the fake child.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail a test by panicking")]

mod ask;
mod collector;
mod content;
mod metrics;
mod sampling;
mod spans;
mod streams;
