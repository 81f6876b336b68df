//! One life of the codex process: found, started in a group of its own, and ended to the last grandchild.

pub mod environment;
pub mod exporter;
pub mod harness;
pub mod locate;
pub mod log;
pub mod process;
pub mod sandbox_link;
