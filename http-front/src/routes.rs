//! What is served where, and who may call it.

mod answer;
mod asked;
pub mod chat;
pub mod completions;
pub mod cors;
pub mod dispatch;
mod gate;
pub mod health;
mod metrics;
pub mod models;
mod prepare;
pub mod table;
mod toggles;
mod told;
pub mod verify;
