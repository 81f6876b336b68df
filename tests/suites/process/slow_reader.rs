//! A client that doesn't read its stream delays nobody, and is cut off.

use crate::support::{around, broken, let_go, logged, serves};
use gateway_tests::{
    fake_child::{Entry, Script},
    pair::{DEADLINE, KEY, Pair, asking},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// More than what the kernel keeps for a connection and the front for a stream.
const DELTAS: usize = 60_000;

/// A connection that reads next to nothing, with a request for a stream of `DELTAS` deltas, or one that then hangs.
async fn ask_slowly(pair: &Pair, directives: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow = socket.connect(pair.addr).await.expect("a connection");
    let body = asking(directives, true).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    slow.write_all(request.as_bytes()).await.expect("a sent request");
    slow
}

/// Whatever its turn does, and whether or not it is cut off.
#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection() {
    let builder = around(&Script::default()).front("PROXY_WRITE_TIMEOUT_MS", "300");
    let pair = builder.start().await.expect("a ready pair");
    let slow = ask_slowly(&pair, &format!("!flood {}", 2 * DELTAS)).await;
    let gone = pair.front.logged("the end of its request", |line| line["event"] == "client_disconnect").await;
    assert_eq!(gone.expect("a line")["route"], "/v1/chat/completions");
    let_go(&pair).await;
    serves(&pair).await;
    drop(slow);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_its_turn_interrupted() {
    let script = Script { record: true, ..Script::default() };
    let builder = around(&script).front("PROXY_STREAM_BUFFER_BYTES", "64KiB");
    let pair = builder.start().await.expect("a ready pair");
    // Half of the deltas come at once, and then the turn hangs: only an interrupt can end it.
    let mut slow = ask_slowly(&pair, &format!("!hang\n!flood {DELTAS}")).await;

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
