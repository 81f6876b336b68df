//! OpenAI's words to the app-server's, and back. Pure: no I/O, no clock, no `async`.

pub mod chat;
pub mod event;
pub mod failure;
pub mod models;
pub mod plan;
pub mod request;
