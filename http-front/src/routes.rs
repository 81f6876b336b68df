//! What is served where, and who may call it.

mod answer;
pub mod chat;
pub mod dispatch;
pub mod health;
pub mod models;
pub mod table;
