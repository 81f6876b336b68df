//! Serves the OpenAI API from a worker-daemon: translates requests to the app-server protocol on its socket.
//!
//! The only crate that knows HTTP. Stateless: what it knows it learned from the daemon, and every request stands
//! for itself. The product is this library; the binary parses, runs and exits.

pub mod app;
pub mod auth;
pub mod body;
pub mod config;
pub mod daemon;
pub mod error;
pub mod http;
pub mod images;
pub mod limits;
pub mod metrics;
pub mod observe;
pub mod openai;
pub mod prompt;
pub mod record;
pub mod records;
pub mod reload;
pub mod routes;
pub mod run;
pub mod schema;
pub mod spans;
pub mod sse;
pub mod state;
pub mod systemd;
pub mod trace;
pub mod translate;
pub mod worklog;
