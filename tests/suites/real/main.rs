//! The pair around the real codex, against the scripted upstream.
#![expect(clippy::panic, reason = "helpers of tests fail a test by panicking")]

mod agent;
mod answers;
mod chaos;
mod crowd;
mod exact;
mod example;
mod failures;
mod forms;
mod hangup;
mod hunt;
mod images;
mod instructions;
mod isolation;
mod keywords;
mod legal;
mod lines;
mod metrics;
mod models;
mod panics;
mod parameters;
mod pipelines;
mod privileges;
mod records;
mod replace;
mod scaling;
mod schemathesis;
mod silence;
mod slow_reader;
mod soak;
mod streams;
mod support;
mod toggles;
mod tools;
mod traced;
