//! The wire types of the OpenAI API: tolerant in what is read, exact in what is written.

pub mod chat;
pub mod format;
pub mod message;
pub mod models;
pub mod object;
pub mod tool;
pub mod usage;
