//! The multiplexer between clients and child: a pure core and the task that feeds it.

pub mod action;
pub mod actor;
pub mod admit;
pub mod core;
pub mod observe;
pub mod route;
pub mod table;
pub mod threads;
pub mod turn;
pub mod whose;
