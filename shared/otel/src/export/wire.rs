//! The two ways to a collector. Both carry the same message.

use super::{Failure, grpc, http, signal::Signal};
use crate::config::{Config, Endpoint, Protocol};
use bytes::Bytes;
use shared::settings::Problem;

/// The most bytes of an answer.
pub(super) const ANSWER: usize = 64 * 1024;
/// The most bytes of an answer's head.
pub(super) const HEAD: u32 = 64 * 1024;

/// The way to one collector.
#[derive(Debug)]
pub(super) enum Wire {
    /// gRPC.
    Grpc(grpc::Client),
    /// HTTP/1.1.
    Http(Box<http::Client>),
}

impl Wire {
    /// Call it inside the runtime. Connects when there is something to send.
    ///
    /// # Errors
    /// The certificates to trust can't be had, or the address can't be used.
    pub(super) fn new(endpoint: &Endpoint, config: &Config, signal: Signal) -> Result<Self, Problem> {
        Ok(match endpoint.protocol {
            Protocol::Grpc => Self::Grpc(grpc::Client::new(endpoint, config, signal)?),
            Protocol::HttpProtobuf => Self::Http(Box::new(http::Client::new(endpoint, config)?)),
        })
    }

    /// The message that the collector answers to this one with; at most [`ANSWER`] bytes. Safe to cancel: the collector may
    /// have taken the message then.
    pub(super) async fn send(&self, message: Bytes) -> Result<Bytes, Failure> {
        match self {
            Self::Grpc(client) => client.send(message).await,
            Self::Http(client) => client.send(message).await,
        }
    }
}
