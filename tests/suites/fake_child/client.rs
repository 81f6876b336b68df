//! A client of a fake child over any pair of pipes: every wait has a deadline and says what it waited for.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use gateway_tests::fake_child::{Script, serve};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf,
    WriteHalf,
};

const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Client<R, W> {
    reader: BufReader<R>,
    pub(crate) writer: W,
    next: u64,
    /// The method of every request, by its id.
    pub(crate) asked: BTreeMap<u64, String>,
    /// Every line that came, in order, but for those that are no JSON.
    pub(crate) seen: Vec<Value>,
    /// Those.
    pub(crate) garbage: Vec<String>,
}

pub(crate) type Piped = Client<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

/// Runs a conversation with a child in process; the result is the child's exit code.
///
/// Boxed, because it holds the child and the whole conversation.
pub(crate) fn converse(
    script: Script,
    talk: impl AsyncFnOnce(&mut Piped),
) -> Pin<Box<impl Future<Output = u8>>> {
    Box::pin(conversation(script, talk))
}

async fn conversation(script: Script, talk: impl AsyncFnOnce(&mut Piped)) -> u8 {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (reader, writer) = tokio::io::split(theirs);
    let child = serve(reader, writer, script);
    let talking = async {
        let (reader, writer) = tokio::io::split(ours);
        let mut client = Client::new(reader, writer);
        talk(&mut client).await;
        // At the end of the input the child ends; it may have ended before.
        let _gone = client.writer.shutdown().await;
        client
    };
    let (code, _client) = within("the child's end", async { tokio::join!(child, talking) }).await;
    code
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(DEADLINE, future).await;
    assert!(result.is_ok(), "waited {DEADLINE:?} for {what}");
    result.expect("just checked")
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Client<R, W> {
    pub(crate) fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::new(reader),
            writer,
            next: 1,
            asked: BTreeMap::new(),
            seen: Vec::new(),
            garbage: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        within("room in the child's stdin", self.writer.write_all(line.as_bytes()))
            .await
            .expect("an open pipe");
        self.writer.flush().await.expect("an open pipe");
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.asked.insert(id, method.to_owned());
        self.send(&json!({ "id": id, "method": method, "params": params })).await;
        id
    }

    /// The next message; none at the end of the output.
    pub(crate) async fn read(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            let read = within("a line", self.reader.read_line(&mut line)).await.expect("UTF-8");
            if read == 0 {
                return None;
            }
            match serde_json::from_str::<Value>(&line) {
                Ok(message) => {
                    self.seen.push(message.clone());
                    return Some(message);
                }
                Err(_) => self.garbage.push(line.trim_end().to_owned()),
            }
        }
    }

    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = within(what, self.read()).await;
            let message = message.expect("the output ended too early");
            if wanted(&message) {
                return message;
            }
        }
    }

    pub(crate) async fn notified(&mut self, method: &str) -> Value {
        self.until(method, |message| message["method"] == method).await
    }

    pub(crate) async fn answered(&mut self, id: u64) -> Value {
        self.until("an answer", |message| message["id"] == id && message["method"].is_null()).await
    }

    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params).await;
        self.answered(id).await
    }

    pub(crate) async fn initialize(&mut self, opt_out: &[&str]) {
        let capabilities = json!({ "experimentalApi": true, "optOutNotificationMethods": opt_out });
        let info = json!({ "name": "test", "title": "test", "version": "1" });
        self.call("initialize", json!({ "clientInfo": info, "capabilities": capabilities })).await;
        self.send(&json!({ "method": "initialized" })).await;
    }

    /// A thread whose last user message is `text`; its id.
    pub(crate) async fn thread(&mut self, text: &str) -> String {
        let tools = json!([{ "type": "function", "name": "look", "description": "", "inputSchema": {} }]);
        let params =
            json!({ "ephemeral": true, "cwd": "/tmp", "experimentalRawEvents": true, "dynamicTools": tools });
        let started = self.call("thread/start", params).await;
        let thread = started["result"]["thread"]["id"].as_str().expect("a thread id").to_owned();
        let item =
            json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] });
        self.call("thread/inject_items", json!({ "threadId": thread, "items": [item] })).await;
        thread
    }

    /// Starts a turn on a thread of its own; the ids of thread and turn.
    pub(crate) async fn turn(&mut self, text: &str) -> (String, String) {
        let thread = self.thread(text).await;
        let started = self.call("turn/start", json!({ "threadId": thread, "input": [] })).await;
        let turn = started["result"]["turn"]["id"].as_str().expect("a turn id").to_owned();
        (thread, turn)
    }

    /// Runs a turn to its end; what `turn/completed` says of it.
    pub(crate) async fn run(&mut self, text: &str) -> Value {
        self.turn(text).await;
        self.notified("turn/completed").await["params"]["turn"].clone()
    }

    /// All deltas so far, as one text.
    pub(crate) fn said(&self) -> String {
        let deltas = self.seen.iter().filter(|message| message["method"] == "item/agentMessage/delta");
        deltas.filter_map(|message| message["params"]["delta"].as_str()).collect()
    }

    /// How many notifications of this method came.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen.iter().filter(|message| message["method"] == method).count()
    }
}
