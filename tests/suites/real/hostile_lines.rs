//! Lines that codex does not answer, or ends at, never reach it: one client can't break the child for the others.

use gateway_tests::{
    pair::{Answer, DEADLINE, End, Pair},
    upstream::{Directives, Upstream},
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

/// Requests that any reader of the whole line refuses, each with something wrong where the daemon doesn't look.
fn hostile() -> Vec<Vec<u8>> {
    let nested = [b"[".repeat(200), b"]".repeat(200)].concat();
    let values: [&[u8]; 4] = [b"\"\xff\"", b"\"\xc3(\"", br#""\ud800""#, &nested];
    let mut lines = Vec::new();
    for value in values {
        lines.push([br#"{"id":1,"method":"model/list","params":{"x":"#, value, b"}}"].concat());
        lines.push([br#"{"id":2,"method":"model/list","params":{},"x":"#, value, b"}"].concat());
    }
    for trace in ["7", "[]", r#"{"traceparent":7}"#] {
        lines.push(format!(r#"{{"id":3,"method":"model/list","params":{{}},"trace":{trace}}}"#).into_bytes());
    }
    lines.push(br#"[4,"model/list",{}]"#.to_vec());
    lines
}

#[tokio::test]
async fn a_line_that_codex_cannot_read_is_refused_and_reaches_nobody() {
    let upstream = Upstream::start(Directives::new()).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");
    let child = pair.child_pid().expect("a child");
    let mut socket = BufReader::new(UnixStream::connect(&pair.socket).await.expect("a connection"));
    let hello = br#"{"id":0,"method":"initialize","params":{"clientInfo":{"name":"hostile","version":"1"}}}"#;
    let last = br#"{"id":5,"method":"model/list","params":{}}"#;
    let lines = hostile();
    for line in [&[hello.to_vec()][..], &lines, &[last.to_vec()]].concat() {
        socket.write_all(&[&line[..], b"\n"].concat()).await.expect("a sent line");
    }
    let mut ids = Vec::new();
    let reading = async {
        let mut line = String::new();
        while ids.last() != Some(&Value::from(5)) {
            line.clear();
            assert!(socket.read_line(&mut line).await.expect("a line") > 0, "closed after {ids:?}");
            let message: Value = serde_json::from_str(&line).expect("JSON");
            if let Some(id) = message.get("id") {
                assert_eq!(id.is_null(), message.get("error").is_some(), "{line}");
                ids.push(id.clone());
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the last answer in time");
    let refused = ids.iter().filter(|id| id.is_null()).count();
    assert_eq!((refused, ids.len()), (lines.len(), lines.len() + 2), "{ids:?}");
    // Others have the same child as before.
    let mut answer = Answer::to(&pair, "!echo still here", false).await.expect("a head");
    assert_eq!((answer.end().await.expect("an end"), answer.text()), (End::Done, "still here".to_owned()));
    assert_eq!(pair.child_pid(), Some(child), "the child was replaced");
}
