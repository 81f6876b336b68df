//! Connections: accepted, bounded, and ended so that the last answer arrives.

pub mod descriptors;
pub mod linger;
pub mod listener;
mod places;
mod progress;
mod seats;
