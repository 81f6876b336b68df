//! What the front keeps between requests, besides the connection to the daemon.

pub mod board;
pub mod toggles;
