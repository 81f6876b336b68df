//! Nothing of what a client, the model, the upstream or a program with the socket says reaches a log, a metric, a file of
//! records or anybody else.
//!
//! Every place that a text can come from has a mark of its own in it: [`marks`]. Everything is on that writes something
//! down, every error is provoked that can be, at the levels that tell most, and then everything that was written is
//! searched for the one word that all marks share.

mod asking;
mod marks;
mod model;
mod stage;

use gateway_tests::otlp::Protocol;
use marks::{WORD, found};
use stage::Stage;

/// Everything that can be asked and go wrong, with our log and codex's own at these levels.
async fn nothing_is_told(ours: &str, of_codex: &str, protocol: Protocol) {
    let stage = Stage::new(ours, of_codex, protocol).await;
    asking::everything(&stage).await;
    let written = stage.end().await;
    for (place, text) in &written {
        let told = found(text);
        assert!(told.is_empty(), "{place} tells {told:?} with our log at {ours} and codex's at {of_codex}");
    }
    // What was searched was not empty.
    let places = ["front log", "daemon log", "metrics", "usage log", "access log", "trace", "command line"];
    let services = ["span of http-front", "span of worker-daemon", "span of codex-app-server"];
    for place in places.into_iter().chain(services) {
        let there = written.iter().any(|(name, text)| name.starts_with(place) && text.len() > 200);
        assert!(there, "nothing was written as {place}");
    }
    assert!(!WORD.is_empty());
}

#[tokio::test]
async fn nothing_is_told_at_debug() {
    nothing_is_told("debug", "warn", Protocol::Grpc).await;
}

#[tokio::test]
async fn nothing_is_told_when_everything_tells_all_it_has() {
    nothing_is_told("trace", "trace", Protocol::Http).await;
}
