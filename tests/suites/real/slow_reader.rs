//! A client that doesn't read its stream: it is cut when it has `PROXY_STREAM_BUFFER_BYTES` waiting, and its turn is
//! interrupted, up to the upstream. The script's half of it, and whom it doesn't disturb, is in `suites::process::slow_reader`.

use crate::support::{Stage, asking};
use gateway_tests::{
    pair::{Builder, DEADLINE, KEY},
    upstream::{Outcome, Pieces, Reply},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

/// One delta of the model's.
const DELTA: usize = 32 * 1024;
/// What the kernel keeps of one connection at the most, ours and the front's end together (`tcp_wmem`, and what we ask for).
const KERNEL: usize = 6 << 20;

/// What a client that reads nothing until it is cut has got of a text of `text` bytes, where so many may wait.
async fn got_of(text: usize, buffer: usize) -> usize {
    let settle = |url: &str| {
        let builder = Builder::real(url).expect("a home");
        builder.front("PROXY_STREAM_BUFFER_BYTES", buffer.to_string())
    };
    let stage = Stage::with(settle).await;
    // It stalls behind the text: nothing but an interrupt ends the turn.
    let deltas = std::iter::repeat_n("x".repeat(DELTA), text / DELTA);
    stage.will_say(Reply::new().text(Pieces::deltas(deltas).stall()));
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut slow = socket.connect(stage.pair.addr).await.expect("a connection");
    let resident = stage.pair.front.resident().expect("the front runs");
    let body = asking(true).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    slow.write_all(request.as_bytes()).await.expect("a sent request");

    // The upstream sees the turn's connection closed while the client still reads nothing and keeps its own.
    let outcome = stage.upstream.wait_outcome(0, DEADLINE).await.expect("an end of the upstream's answer");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "{outcome:?}");
    let grown = stage.pair.front.resident().expect("the front runs").saturating_sub(resident);
    assert!(grown < (3 * buffer + (24 << 20)) as u64, "{grown} bytes of memory for a buffer of {buffer}");

    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, slow.read_to_end(&mut answer)).await;
    read.expect("the end of the stream in time").expect("a stream that is ended");
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("[DONE]"), "a cut stream must not look complete");
    let frames = answer.split("data: ").skip(1).map(|frame| frame.split("\n\n").next().unwrap_or_default());
    let frames: Vec<Value> =
        frames.map(|frame| serde_json::from_str(frame).expect("a frame is whole JSON")).collect();
    let (last, before) = frames.split_last().expect("frames");
    assert_eq!(last["error"]["code"], "slow_reader", "{last}");
    let cut = |line: &Value| line["event"] == "stream_end" && line["error_code"] == "slow_reader";
    stage.pair.front.logged("the end of the stream", cut).await.expect("it is logged");
    let texts = before.iter().filter_map(|frame| frame["choices"][0]["delta"]["content"].as_str());
    texts.map(str::len).sum()
}

#[tokio::test]
async fn a_slow_reader_is_cut_at_the_bound_and_its_turn_interrupted_upstream() {
    // What reaches a client that reads nothing is what the kernel took and what may wait in the front, to the delta.
    let (small, large) = (256 << 10, 6 << 20);
    let got = got_of(8 << 20, small).await;
    assert!(got >= small - 2 * DELTA && got <= small + KERNEL, "{got} bytes with room for {small}");
    let more = got_of(14 << 20, large).await;
    assert!(more >= large - 2 * DELTA && more <= large + KERNEL, "{more} bytes with room for {large}");
}
