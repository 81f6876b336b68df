//! The pair as clients reach it: through a real Traefik with the configuration of the documents, and from pages in a
//! real browser.
#![expect(clippy::panic, reason = "helpers of tests fail a test by panicking")]

mod auth;
mod browser;
mod down;
mod echo;
mod headers;
mod server;
mod streams;
mod traefik;
