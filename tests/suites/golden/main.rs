//! Golden transcripts: what one exchange is on all three lanes, HTTP, the worker socket and the child's pipes.
//!
//! A changed snapshot is a changed protocol: read the difference, then accept it with `INSTA_UPDATE=always`.

mod fake;
mod order;
#[expect(dead_code, reason = "the suite of the door needs more of it")]
#[path = "../door/raw.rs"]
mod raw;
mod real;
mod redact;
mod relay;
mod stage;
