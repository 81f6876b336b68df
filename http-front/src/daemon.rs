//! The client of the daemon's socket: turns are started here, and dropping one interrupts it.

pub mod aliases;
pub mod asker;
pub mod health;
pub mod link;
mod models;
pub mod scrape;
pub mod session;
pub mod table;
pub mod turn;
