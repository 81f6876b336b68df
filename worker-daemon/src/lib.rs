//! Owns one `codex app-server` child and serves its protocol to many clients over a Unix socket.
//!
//! The only crate that knows processes. The product is this library; the binary parses, runs and exits.

pub mod catalog;
pub mod child;
pub mod client;
pub mod config;
pub mod daemon;
pub mod door;
pub mod due;
pub mod handshake;
pub mod hardening;
pub mod home;
pub mod listener;
pub mod measure;
pub mod mux;
pub mod peer;
pub mod policy;
pub mod run;
pub mod spans;
pub mod supervisor;
pub mod systemd;
pub mod toggles;
pub mod workdir;
