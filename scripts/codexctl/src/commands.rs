//! The commands, a module each.

pub mod app_server;
pub mod key;
pub mod maintenance;
pub mod ready;
pub mod trace;
