//! The client of the daemons' sockets: turns are started here, and dropping one interrupts it.

pub mod affinity;
pub mod aliases;
pub mod asker;
pub mod balance;
mod connection;
pub mod conversation;
pub mod health;
pub mod link;
mod models;
pub mod names;
pub mod pool;
pub mod scrape;
pub mod session;
pub mod table;
pub mod turn;
mod younger;
