//! Connections: accepted, bounded, and ended so that the last answer arrives.

pub mod address;
pub mod descriptors;
pub mod linger;
pub mod listener;
pub mod lookup;
mod places;
mod progress;
mod seats;
pub mod sockets;
