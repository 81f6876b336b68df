//! Our payloads against the schema that the pinned codex generates; our answers against OpenAI's description.

mod app_server;
mod commands;
mod documents;
mod generated;
mod logs;
mod names;
mod openai;
mod policy;
mod schemas;
mod sources;
