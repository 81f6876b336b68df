//! What the tests and benchmarks are made of: the scripted upstream, the fake child, and the pair as processes.

pub mod fake_child;
pub mod pair;
pub mod upstream;
