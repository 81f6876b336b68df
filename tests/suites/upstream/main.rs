//! The scripted upstream itself, seen by an HTTP client: what it writes, what it refuses, what it notices.

mod harness;
mod replies;
mod script;
mod strict;
mod watching;
