//! The commands, a module each.

pub mod app_server;
pub mod maintenance;
