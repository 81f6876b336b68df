//! A client that doesn't read its stream delays nobody, and is cut off.

use crate::support::{around, broken, let_go, logged, ready, serves};
use gateway_tests::{
    fake_child::{Entry, Script},
    pair::{DEADLINE, KEY, Pair, asking},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// More than what the kernel keeps for a connection and the front for a stream.
const DELTAS: usize = 60_000;

/// More than what the kernel keeps for a connection, as a text that is said whole.
fn long() -> String {
    format!("!echo {}", "long ".repeat(800_000))
}

/// A connection that reads next to nothing, with a request that is answered so.
async fn ask_slowly(pair: &Pair, directives: &str, stream: bool) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow = socket.connect(pair.addr).await.expect("a connection");
    let body = asking(directives, stream).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    slow.write_all(request.as_bytes()).await.expect("a sent request");
    slow
}

/// Whatever its turn does, and whether or not it is cut off for what waits for it.
#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection() {
    let builder = around(&Script::default()).front("PROXY_WRITE_TIMEOUT_MS", "300");
    let pair = builder.start().await.expect("a ready pair");
    for stream in [true, false] {
        let slow = ask_slowly(&pair, &long(), stream).await;
        let event = if stream { "stream_end" } else { "request_end" };
        let gone = pair.front.logged("the end of its request", |line| line["event"] == event).await;
        let gone = gone.expect("a line");
        assert_eq!(gone["error_code"], "slow_reader", "{gone}");
        assert_eq!((&gone["status"], &gone["source"]), (&json!(200), &json!("client")), "{gone}");
        drop(slow);
    }
    let_go(&pair).await;
    serves(&pair).await;
}

#[tokio::test]
async fn a_client_that_leaves_within_its_object_has_left() {
    let pair = ready(&Script::default()).await;
    let mut slow = ask_slowly(&pair, &long(), false).await;
    let mut head = [0; 12];
    slow.read_exact(&mut head).await.expect("the beginning of an answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    drop(slow);
    let left = pair.front.logged("its end", |line| line["event"] == "client_disconnect").await;
    let left = left.expect("a line");
    assert_eq!((&left["status"], &left["route"]), (&json!(200), &json!("/v1/chat/completions")), "{left}");
    assert!(left["tokens_response"].is_u64(), "what it used is known: {left}");
    serves(&pair).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_its_turn_interrupted() {
    let script = Script { record: true, ..Script::default() };
    let builder = around(&script).front("PROXY_STREAM_BUFFER_BYTES", "64KiB");
    let pair = builder.start().await.expect("a ready pair");
    // Half of the deltas come at once, and then the turn hangs: only an interrupt can end it.
    let mut slow = ask_slowly(&pair, &format!("!hang\n!flood {DELTAS}"), true).await;

    // The slow one keeps its connection all the while.
    serves(&pair).await;
    let is_interrupt = |entry: &Entry| match entry {
        Entry::Line { line, .. } => {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["method"] == "turn/interrupt").then_some(())
        }
        Entry::Start { .. } | Entry::Call { .. } | Entry::Grandchild { .. } | Entry::End { .. } => None,
    };
    logged(&pair, "an interrupt", is_interrupt).await;
    let_go(&pair).await;
    serves(&pair).await;

    // What it reads at last ends with an error, not in the middle of nothing.
    let mut text = Vec::new();
    let read = tokio::time::timeout(DEADLINE, slow.read_to_end(&mut text)).await;
    read.expect("the end of the stream in time").expect("a stream that is ended");
    let text = String::from_utf8_lossy(&text);
    let last = text.rsplit("data: ").next().unwrap_or_default();
    let code = broken("slow_reader");
    assert!(last.contains(code.code().expect("a code")), "{last}");
    assert!(!text.contains("[DONE]"), "a cut stream must not look complete");
}
