//! What the tests and benchmarks are made of: the scripted upstream, the fake child, the pair as processes, and what
//! its answers must be like.

pub mod blocks;
pub mod described;
pub mod fake_child;
pub mod log;
pub mod otlp;
pub mod pair;
pub mod schema;
pub mod upstream;
pub mod wait;
