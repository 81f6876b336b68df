//! Prometheus's own linter reads a real scrape.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::page::Page;
use crate::door::{asking, builder, chat, once, start};

/// The series whose names are fixed and which the linter would have called otherwise: each is in milliseconds.
const FIXED: [&str; 8] = [
    "codex_http_latency_ms",
    "codex_stream_duration_ms",
    "codex_stream_ttfb_ms",
    "codex_worker_backoff_ms",
    "codex_worker_first_event_ms",
    "codex_worker_latency_ms",
    "codex_worker_queue_wait_ms",
    "codex_worker_turn_duration_ms",
];

#[tokio::test]
async fn promtool_complains_of_nothing_but_the_names_that_are_fixed() {
    let pair = start(builder()).await;
    for stream in [false, true] {
        let mut body = asking("hi");
        body["stream"] = serde_json::json!(stream);
        assert_eq!(once(&pair, &chat(body.to_string().as_bytes())).await.status, 200);
    }
    let page = Page::whole(&pair).await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: `cargo xtask test` installs it with Prometheus");
    let mut stdin = promtool.stdin.take().expect("a pipe");
    let text = page.text.clone();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = promtool.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads the page");
    let said = [output.stdout, output.stderr].concat();
    let mut said: Vec<String> = String::from_utf8_lossy(&said).lines().map(str::to_owned).collect();
    said.sort_unstable();
    let wanted = FIXED.map(|name| format!("{name} metric names should not contain abbreviated units"));
    assert_eq!(said, wanted);
}
