//! The pair under test, its upstream, and what is looked at.

use super::brain::Moody;
use crate::crowd::METHODS;
use gateway_tests::{
    pair::{Builder, Pair, SocketClient},
    upstream::Upstream,
};
use serde_json::{Value, json};

/// What one answer may have waiting in the front, so that a client that stops reading is cut soon.
const STREAM_BUFFER: &str = "1MiB";
/// What one client may have waiting in the daemon; the front is one of them, and must have room for the floods.
const CLIENT_QUEUE: &str = "16MiB";

/// What the faults happen to.
pub(super) struct Stage {
    pub(super) pair: Pair,
    pub(super) upstream: Upstream,
    pub(super) brain: Moody,
}

impl Stage {
    pub(super) async fn new(settings: &[(&str, &str)]) -> Self {
        let brain = Moody::default();
        let upstream = Upstream::start(brain.clone()).await.expect("an upstream");
        let builder = Builder::real(&upstream.base_url()).expect("a home");
        let builder = builder
            .daemon("WORKER_ALLOW_METHODS", METHODS)
            .daemon("WORKER_CLIENT_QUEUE_BYTES", CLIENT_QUEUE)
            .front("PROXY_STREAM_BUFFER_BYTES", STREAM_BUFFER);
        let builder = settings.iter().fold(builder, |builder, (name, value)| builder.daemon(name, *value));
        let pair = builder.start().await.expect("a ready pair");
        Self { pair, upstream, brain }
    }

    /// `daemon/status`.
    pub(super) async fn status(&self) -> Value {
        let mut socket = SocketClient::connect(&self.pair.socket).await.expect("a connection to the daemon");
        socket.call("daemon/status", &json!({})).await.expect("a status")
    }

    /// The process id of the child that takes new work.
    pub(super) async fn child(&self) -> u64 {
        self.status().await["pid"].as_u64().expect("a child")
    }

    /// Waits until another child takes new work.
    pub(super) async fn another_child(&self, old: u64) {
        let what = format!("another child than {old}");
        self.pair
            .eventually(&what, || async {
                let mut socket = SocketClient::connect(&self.pair.socket).await.ok()?;
                let status = socket.call("daemon/status", &json!({})).await.ok()?;
                let pid = status["pid"].as_u64()?;
                (pid != old && status["state"] == "ready").then_some(())
            })
            .await
            .expect("another child that is ready");
    }
}
