//! Connections: accepted, bounded, and ended so that the last answer arrives.

pub mod linger;
pub mod listener;
