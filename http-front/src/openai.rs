//! OpenAI's wire types: tolerant in, exact out.

pub mod chat;
pub mod models;
pub mod object;
pub mod usage;
