//! How both binaries end: what runs may finish, nothing new is taken, and nothing is left behind.

use crate::{
    raw::Raw,
    support::{around, ask, broken, get, logged, ready, refused, runs},
};
use gateway_tests::{
    fake_child::{Entry, Script},
    pair::{Answer, DEADLINE, End, KEY, Pair, SocketClient, asking},
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Speaks for about four seconds.
const LONG: &str = "!chunks 10\n!pause 400\n!echo 0123456789";

/// A stream whose first text has come.
async fn running(pair: &Pair, prompt: &str) -> Answer {
    let mut answer = Answer::to(pair, prompt, true).await.expect("a head");
    let there = answer.until("its first text", |text| !text.is_empty()).await;
    assert!(there.expect("text, or an end"), "{prompt} ended without a text");
    answer
}

/// The front has heard that the daemon drains.
async fn daemon_drains(pair: &Pair) {
    pair.eventually("a draining daemon", || async {
        let (status, health) = get(pair, "/healthz").await;
        (health["status"] == "draining").then(|| assert_eq!(status, 503))
    })
    .await
    .expect("a draining daemon");
}

async fn stopped(pair: &Pair) -> Value {
    let line = pair.daemon.logged("the daemon's end", |line| line["event"] == "daemon_stopped").await;
    line.expect("a line")
}

/// The front takes no connection any more.
async fn front_drains(pair: &Pair) {
    pair.eventually("a front that takes nobody", || async {
        TcpStream::connect(pair.addr).await.is_err().then_some(())
    })
    .await
    .expect("a draining front");
}

#[tokio::test]
async fn a_grandchild_is_gone_after_the_daemons_end() {
    let script = Script { grandchild: true, ..Script::default() };
    let mut pair = ready(&script).await;
    let grandchild = logged(&pair, "a grandchild", |entry| match entry {
        Entry::Grandchild { pid } => Some(*pid),
        Entry::Start { .. } | Entry::Call { .. } | Entry::Line { .. } | Entry::End { .. } => None,
    })
    .await;
    assert!(runs(grandchild), "there was no grandchild to end");
    assert_eq!(pair.daemon.terminate().await.expect("an end"), Some(0));
    // The daemon has killed it, and is not its parent: when the kernel has it ended is the kernel's.
    pair.eventually("the grandchild's end", || async { (!runs(grandchild)).then_some(()) })
        .await
        .expect("the grandchild's end");
}

#[tokio::test]
async fn a_child_that_ignores_every_hint_is_killed() {
    let script =
        Script { ignore_sigterm: true, ignore_stdin_eof: true, grandchild: true, ..Script::default() };
    let mut pair = ready(&script).await;
    let child = pair.child_pid().expect("a child");
    assert_eq!(pair.daemon.terminate().await.expect("an end"), Some(0));
    assert!(!runs(child), "child {child} still runs");
    assert_eq!(stopped(&pair).await["clean"], true);
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_hold_up_the_end() {
    let mut pair = ready(&Script::default()).await;
    let mut deaf = Raw::greeted(&pair).await;
    // Their answers are far more than what the kernel keeps for a connection.
    let asked: String =
        (0..10_000).map(|id| format!("{}\n", json!({ "id": id, "method": "daemon/status" }))).collect();
    deaf.send(asked.as_bytes()).await;
    // What the kernel could not keep of them has been read by the daemon; it has answered that once another is served.
    Raw::greeted(&pair).await.is_served().await;
    assert_eq!(pair.daemon.terminate().await.expect("an end"), Some(0));
    assert_eq!(stopped(&pair).await["clean"], true);
    let answers = deaf.rest_of_whole().await;
    assert!(answers < 10_000, "the kernel took all {answers} answers: nothing was left to be written");
}

#[tokio::test]
async fn sigterm_lets_a_running_stream_finish_and_refuses_new_requests() {
    let mut pair = ready(&Script::default()).await;
    let mut stream = running(&pair, LONG).await;
    pair.daemon.signal(Signal::SIGTERM).expect("a signal");
    daemon_drains(&pair).await;
    for stream in [false, true] {
        let mut late = Answer::to(&pair, "hello", stream).await.expect("a head");
        assert!(late.header("retry-after").is_some(), "no Retry-After");
        assert_eq!(late.end().await.expect("an end"), refused(503, "draining"));
    }
    assert_eq!(stream.end().await.expect("an end"), End::Done);
    assert_eq!(stream.text(), "0123456789");
    assert_eq!(pair.daemon.wait().await.expect("an end"), Some(0));
    assert_eq!(stopped(&pair).await["drained"], true);
    assert!(!pair.socket.exists(), "the socket's file is left");
    assert_eq!(ask(&pair, "hello", false).await.0, refused(503, "worker_unavailable"));
}

/// The end of a daemon under a turn that never ends: forced by another signal, or by the end of the grace.
async fn forced(grace_ms: &str, again: Option<Signal>) {
    let builder = around(&Script::default()).daemon("WORKER_SHUTDOWN_GRACE_MS", grace_ms);
    let mut pair = builder.start().await.expect("a ready pair");
    let mut stream = running(&pair, "!hang\n!chunks 2\n!echo half").await;
    pair.daemon.signal(Signal::SIGTERM).expect("a signal");
    if let Some(again) = again {
        daemon_drains(&pair).await;
        pair.daemon.signal(again).expect("another signal");
    }
    assert_eq!(stream.end().await.expect("an end"), broken("draining"));
    assert_eq!(stream.text(), "ha");
    assert_eq!(pair.daemon.wait().await.expect("an end"), Some(0));
    assert_eq!(stopped(&pair).await["drained"], false);
    assert!(!pair.socket.exists(), "the socket's file is left");
}

#[tokio::test]
async fn a_second_signal_forces_the_daemons_end() {
    forced("600000", Some(Signal::SIGTERM)).await;
    forced("600000", Some(Signal::SIGINT)).await;
}

#[tokio::test]
async fn the_grace_forces_the_daemons_end() {
    forced("300", None).await;
}

#[tokio::test]
async fn a_draining_front_finishes_its_streams_and_takes_nobody() {
    let mut pair = ready(&Script::default()).await;
    let mut stream = running(&pair, LONG).await;
    // This one is half sent when the drain begins: it is told so.
    let mut late = BufReader::new(TcpStream::connect(pair.addr).await.expect("a connection"));
    let body = asking("hello", false).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    late.write_all(head.as_bytes()).await.expect("a sent head");
    let mut line = String::new();
    let read = tokio::time::timeout(DEADLINE, late.read_line(&mut line)).await;
    read.expect("a 100 in time").expect("a line");
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    pair.front.signal(Signal::SIGTERM).expect("a signal");
    front_drains(&pair).await;
    late.write_all(body.as_bytes()).await.expect("a sent body");
    let mut answer = String::new();
    let read = tokio::time::timeout(DEADLINE, late.read_to_string(&mut answer)).await;
    read.expect("an answer in time").expect("an answer");
    assert!(answer.contains("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains(r#""code":"draining""#), "{answer}");

    assert_eq!(stream.end().await.expect("an end"), End::Done);
    assert_eq!(stream.text(), "0123456789");
    assert_eq!(pair.front.wait().await.expect("an end"), Some(0));
}

#[tokio::test]
async fn a_second_signal_forces_the_fronts_end() {
    let builder = around(&Script::default()).front("PROXY_SHUTDOWN_GRACE_MS", "600000");
    let mut pair = builder.start().await.expect("a ready pair");
    let mut stream = running(&pair, "!hang\n!chunks 2\n!echo half").await;
    pair.front.signal(Signal::SIGTERM).expect("a signal");
    front_drains(&pair).await;
    pair.front.signal(Signal::SIGTERM).expect("another signal");
    assert_eq!(stream.end().await.expect("an end"), broken("draining"));
    assert_eq!(stream.text(), "ha");
    assert_eq!(pair.front.wait().await.expect("an end"), Some(0));
    let stopped =
        pair.front.logged("the front's end", |line| line["event"] == "front_stopped").await.expect("a line");
    assert_eq!((&stopped["drained"], &stopped["clean"]), (&json!(false), &json!(true)));
}

/// An operator's word ends the daemon as SIGTERM does.
#[tokio::test]
async fn daemon_drain_lets_a_running_stream_finish_and_ends_cleanly() {
    // The listener ends with the drain too: whichever is seen first, it is a clean end.
    for _ in 0..6 {
        let mut pair = ready(&Script::default()).await;
        let mut stream = running(&pair, "!chunks 4\n!pause 50\n!echo 0123").await;
        let mut operator = SocketClient::connect(&pair.socket).await.expect("a connection");
        let status = operator.call("daemon/drain", &json!({})).await.expect("a status");
        assert_eq!(status["state"], "draining");
        assert_eq!(stream.end().await.expect("an end"), End::Done);
        assert_eq!(stream.text(), "0123");
        assert_eq!(pair.daemon.wait().await.expect("an end"), Some(0), "{}", pair.daemon.tail());
        assert_eq!(stopped(&pair).await["drained"], true);
        assert!(!pair.socket.exists(), "the socket's file is left");
    }
}
