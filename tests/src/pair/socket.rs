//! A client of the daemon's socket that speaks the app-server protocol: one request, one answer.

use super::DEADLINE;
use serde_json::{Value, json};
use shared::codec::{Decoded, LineCodec};
use std::{collections::VecDeque, io, path::Path};
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::FramedRead;

/// No answer in a test is longer.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// A connection whose handshake stands.
pub struct SocketClient {
    lines: FramedRead<OwnedReadHalf, LineCodec>,
    writer: OwnedWriteHalf,
    next: u64,
    /// What came while the last call waited for its answer.
    passed: VecDeque<Value>,
}

impl SocketClient {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// When nobody serves the socket, or no answer comes in time.
    pub async fn connect(socket: &Path) -> io::Result<Self> {
        let (reader, writer) = UnixStream::connect(socket).await?.into_split();
        let lines = FramedRead::new(reader, LineCodec::new(MAX_LINE));
        let mut client = Self { lines, writer, next: 0, passed: VecDeque::new() };
        let info = json!({ "name": "socket-client", "title": null, "version": "0" });
        client
            .call("initialize", &json!({ "clientInfo": info, "capabilities": { "experimentalApi": true } }))
            .await?;
        client.send(&json!({ "method": "initialized" })).await?;
        Ok(client)
    }

    /// Asks and gives the result; the notifications that come meanwhile are [`SocketClient::notified`]'s, until the next call.
    ///
    /// # Errors
    /// When the answer is an error, or doesn't come in time; says what was asked.
    pub async fn call(&mut self, method: &str, params: &Value) -> io::Result<Value> {
        self.next += 1;
        let id = self.next;
        self.passed.clear();
        self.send(&json!({ "id": id, "method": method, "params": params })).await?;
        let answer = async {
            loop {
                let message = self.read().await?;
                if message["id"] == id && message.get("method").is_none() {
                    return Ok::<_, io::Error>(message);
                }
                self.passed.push_back(message);
            }
        };
        let mut answer = tokio::time::timeout(DEADLINE, answer)
            .await
            .map_err(|_| io::Error::other(format!("waited {DEADLINE:?} for the answer to {method}")))??;
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(io::Error::other(format!("{method}: {}", answer["error"]))),
        }
    }

    /// The threads that the child has loaded (`WORKER_ALLOW_METHODS` must hold `thread/loaded/list`).
    ///
    /// # Errors
    /// As [`SocketClient::call`].
    pub async fn loaded(&mut self) -> io::Result<Vec<String>> {
        let list = self.call("thread/loaded/list", &json!({})).await?;
        let ids = list["data"].as_array().into_iter().flatten();
        Ok(ids.filter_map(|id| id.as_str().map(str::to_owned)).collect())
    }

    /// Sends a line of any kind.
    ///
    /// # Errors
    /// When the daemon closed the socket.
    pub async fn send(&mut self, message: &Value) -> io::Result<()> {
        self.send_raw(message.to_string().as_bytes()).await
    }

    /// Sends these bytes as a line.
    ///
    /// # Errors
    /// When the daemon closed the socket.
    pub async fn send_raw(&mut self, line: &[u8]) -> io::Result<()> {
        self.writer.write_all(line).await?;
        self.writer.write_all(b"\n").await
    }

    /// The next line that comes.
    ///
    /// # Errors
    /// When none comes in time, or what comes is no JSON.
    pub async fn next(&mut self) -> io::Result<Value> {
        let line = tokio::time::timeout(DEADLINE, self.read()).await;
        line.map_err(|_| io::Error::other(format!("waited {DEADLINE:?} for a line")))?
    }

    /// Waits for a notification of this name and gives its params; what else comes meanwhile is left out. It may have come
    /// before the answer to the last call.
    ///
    /// # Errors
    /// As [`SocketClient::next`].
    pub async fn notified(&mut self, name: &str) -> io::Result<Value> {
        loop {
            let mut message = match self.passed.pop_front() {
                Some(message) => message,
                None => self.next().await?,
            };
            if message["method"] == name {
                return Ok(message["params"].take());
            }
        }
    }

    async fn read(&mut self) -> io::Result<Value> {
        use futures_util::StreamExt as _;
        match self.lines.next().await {
            Some(Ok(Decoded::Line(line))) => Ok(serde_json::from_slice(&line)?),
            Some(Ok(Decoded::Overlong { limit })) => {
                Err(io::Error::other(format!("a line of more than {limit} bytes")))
            }
            Some(Err(error)) => Err(io::Error::other(error.to_string())),
            None => Err(io::Error::other("the daemon closed the socket")),
        }
    }
}
