//! The handshake with a fresh child: `initialize`, `initialized`, and what of its configuration clients must know.

use crate::child::harness::OPT_OUTS;
use futures_util::{Stream, StreamExt};
use serde_json::value::RawValue;
use shared::{
    app_server::{
        method,
        start::{Capabilities, ClientInfo, ConfigReadResult, InitializeParams, InitializeResult},
    },
    build_info,
    codec::Decoded,
    line::Line,
    queue::Sender,
    rpc::{self, Message},
};
use std::io;

/// What the handshake tells.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// The child's answer to `initialize`.
    pub initialize: InitializeResult,
    /// The model that the child's configuration names.
    pub default_model: Option<String>,
}

/// Why there is no handshake.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// Its stdout ended.
    #[error("the child closed its output before the handshake")]
    Closed,
    /// It said no.
    #[error("the child refused `{method}` with code {code}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The code of its error.
        code: i64,
    },
    /// It said something else.
    #[error("the child's answer to `{0}` was not understood")]
    Strange(&'static str),
}

/// Performs the handshake. Messages that are no answers are skipped: nobody is there yet to read them.
///
/// # Errors
/// [`HandshakeError`]. Has no deadline of its own. Not cancel safe: a half handshake can't be continued.
pub async fn perform<S>(lines: &mut S, child: &Sender<Line>) -> Result<Greeting, HandshakeError>
where
    S: Stream<Item = io::Result<Decoded>> + Unpin,
{
    let params = InitializeParams {
        client_info: ClientInfo {
            name: "codex_gateway".into(),
            title: Some("Codex Gateway".into()),
            version: build_info::VERSION.into(),
        },
        capabilities: Some(Capabilities {
            experimental_api: true,
            opt_out_notification_methods: Some(OPT_OUTS.iter().map(|m| (*m).to_owned()).collect()),
        }),
    };
    let initialize = ask(lines, child, 1, method::INITIALIZE, &params).await?;
    send(child, &rpc::Notification::<()> { method: method::INITIALIZED, params: None });
    let config: ConfigReadResult = ask(lines, child, 2, method::CONFIG_READ, &serde_json::json!({})).await?;
    Ok(Greeting { initialize, default_model: config.config.model })
}

async fn ask<S, P, R>(
    lines: &mut S,
    child: &Sender<Line>,
    id: u64,
    method: &'static str,
    params: &P,
) -> Result<R, HandshakeError>
where
    S: Stream<Item = io::Result<Decoded>> + Unpin,
    P: serde::Serialize,
    R: serde::de::DeserializeOwned,
{
    send(child, &rpc::Request { id, method, params, caller: None, once: false, request: None, trace: None });
    let expected = id.to_string();
    while let Some(Ok(decoded)) = lines.next().await {
        let Decoded::Line(line) = decoded else { continue };
        match Message::<&RawValue, &RawValue>::parse(&line) {
            Ok(Message::Response { id, result }) if id.get() == expected => {
                return serde_json::from_str(result.get()).map_err(|_| HandshakeError::Strange(method));
            }
            Ok(Message::Error { id, error }) if id.get() == expected => {
                let code = serde_json::from_str::<rpc::ErrorObject>(error.get()).map_or(0, |e| e.code);
                return Err(HandshakeError::Refused { method, code });
            }
            Ok(_) | Err(_) => {}
        }
    }
    Err(HandshakeError::Closed)
}

fn send<T: serde::Serialize>(child: &Sender<Line>, message: &T) {
    // An empty queue takes any line.
    let _fits = child.push(Line::json(message));
}
