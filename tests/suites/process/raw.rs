//! A client of the daemon's socket that can say anything.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

use futures_util::StreamExt as _;
use gateway_tests::pair::{DEADLINE, Pair};
use serde_json::{Value, json};
use shared::codec::{Decoded, LineCodec};
use std::{future::Future, path::Path};
use tokio::{
    io::AsyncWriteExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::FramedRead;

/// Longer than any line of these tests.
const MAX_LINE: usize = 64 << 20;

/// A connection without a handshake.
pub(crate) struct Raw {
    lines: FramedRead<OwnedReadHalf, LineCodec>,
    writer: OwnedWriteHalf,
}

/// Waits for something, and says what when it doesn't come.
pub(crate) async fn within<T>(what: &str, wanted: impl Future<Output = T>) -> T {
    let Ok(found) = tokio::time::timeout(DEADLINE, wanted).await else {
        panic!("waited {DEADLINE:?} for {what}")
    };
    found
}

impl Raw {
    pub(crate) async fn connect(socket: &Path) -> Self {
        let (reader, writer) = UnixStream::connect(socket).await.expect("a connection").into_split();
        Self { lines: FramedRead::new(reader, LineCodec::new(MAX_LINE)), writer }
    }

    /// A connection whose handshake stands.
    pub(crate) async fn greeted(pair: &Pair) -> Self {
        let mut client = Self::connect(&pair.socket).await;
        client.hello().await;
        let greeting = client.line().await.expect("an answer to initialize");
        assert_eq!(greeting["id"], "hello", "{greeting}");
        assert!(greeting["result"].is_object(), "{greeting}");
        client
    }

    /// Sends a handshake, and waits for nothing.
    pub(crate) async fn hello(&mut self) {
        // What others' turns make the child tell everybody would come between.
        let capabilities =
            json!({ "experimentalApi": true, "optOutNotificationMethods": ["account/rateLimits/updated"] });
        let params = json!({ "clientInfo": { "name": "raw", "version": "0" }, "capabilities": capabilities });
        self.say(&json!({ "id": "hello", "method": "initialize", "params": params })).await;
        self.say(&json!({ "method": "initialized" })).await;
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.send(format!("{message}\n").as_bytes()).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.expect("a daemon that reads");
    }

    /// Sends what it can; false when the daemon closes the connection meanwhile.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.writer.write_all(bytes).await.is_ok()
    }

    /// Closes our half: nothing more is sent, and everything is still read.
    pub(crate) async fn finish(&mut self) {
        self.writer.shutdown().await.expect("a connection");
    }

    /// The next line as it came; `None` at the end.
    pub(crate) async fn text(&mut self) -> Option<String> {
        match within("a line of the daemon", self.lines.next()).await {
            Some(Ok(Decoded::Line(line))) => Some(String::from_utf8(line.to_vec()).expect("UTF-8")),
            Some(Ok(Decoded::Overlong { limit })) => panic!("a line of more than {limit} bytes"),
            // What was sent and not read is thrown away by a reset; all lines have come by then.
            Some(Err(_)) | None => None,
        }
    }

    /// The next line, which must be whole.
    pub(crate) async fn line(&mut self) -> Option<Value> {
        let text = self.text().await?;
        let parsed = serde_json::from_str(&text);
        Some(parsed.unwrap_or_else(|error| panic!("{error}: {} bytes", text.len())))
    }

    /// Every line up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<Value> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            lines.push(line);
        }
        lines
    }

    /// The number of lines up to the end of the connection, which may come within one.
    pub(crate) async fn rest_of_whole(&mut self) -> usize {
        let mut lines = 0;
        while self.text().await.is_some_and(|text| text.ends_with('}')) {
            lines += 1;
        }
        lines
    }

    /// Reads up to the line that `wanted` picks.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        within(what, async {
            loop {
                let Some(line) = self.line().await else {
                    panic!("the daemon closed the connection before {what}")
                };
                if wanted(&line) {
                    return line;
                }
            }
        })
        .await
    }

    /// Asks, and gives the answer, be it a result or an error.
    pub(crate) async fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = json!(format!("ask {method}"));
        self.say(&json!({ "id": id, "method": method, "params": params })).await;
        let is_answer = |line: &Value| line["id"] == id && line.get("method").is_none();
        self.until(&format!("the answer to {method}"), is_answer).await
    }

    /// The daemon still answers this connection.
    pub(crate) async fn is_served(&mut self) {
        let answer = self.ask("daemon/status", &json!({})).await;
        assert!(answer["result"]["state"].is_string(), "{answer}");
    }

    /// Starts a thread with this prompt in it, and gives its id.
    pub(crate) async fn thread(&mut self, prompt: &str) -> String {
        let params =
            json!({ "ephemeral": true, "cwd": "/", "environments": [], "experimentalRawEvents": true });
        let started = self.ask("thread/start", &params).await;
        let thread = started["result"]["thread"]["id"].as_str().expect("a thread").to_owned();
        let content = json!([{ "type": "input_text", "text": prompt }]);
        let item = json!({ "type": "message", "role": "user", "content": content });
        let injected = self.ask("thread/inject_items", &json!({ "threadId": thread, "items": [item] })).await;
        assert!(injected["result"].is_object(), "{injected}");
        thread
    }

    /// Starts a turn in it, and waits for nothing.
    pub(crate) async fn turn(&mut self, thread: &str) {
        let params = json!({ "threadId": thread, "environments": [], "input": [] });
        self.say(&json!({ "id": "turn", "method": "turn/start", "params": params })).await;
    }
}
