//! The pair around the real codex, against the scripted upstream.

mod exact;
mod hangup;
mod isolation;
mod soak;
mod streams;
mod support;
