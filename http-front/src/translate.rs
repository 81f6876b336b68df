//! OpenAI's words to the app-server's, and back. Pure: no I/O, no clock, no `async`.

pub mod agent;
pub mod answer;
pub mod blocks;
pub mod custom;
pub mod event;
pub mod failure;
pub mod history;
pub mod inject;
pub mod items;
pub mod limit;
pub mod metadata;
pub mod mode;
pub mod models;
pub mod names;
pub mod output;
pub mod plan;
pub mod profile;
pub mod request;
pub mod work;
