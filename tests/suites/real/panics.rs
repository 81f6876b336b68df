//! A panic of the real codex, as its stderr would tell it.

use crate::support::Stage;
use gateway_tests::pair::DEADLINE;
use serde_json::Value;
use std::{fs::OpenOptions, io::Write};

/// What programs say when they panic, and the places that are told of it.
const PANICS: [(&str, &str); 5] = [
    (
        "\nthread 'main' (4711) panicked at core/src/session/turn.rs:12:34:\nsaid by a client: {\"secret\"}\nnote: run with \
         `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        "core/src/session/turn.rs:12:34",
    ),
    (
        "thread 'tokio-rt-worker' panicked at app-server/src/message_processor.rs:7:8:\nsaid by a client\nstack backtrace:\n   \
         0: rust_begin_unwind\n             at /rustc/f8297e/library/std/src/panicking.rs:695:5\n   1: \
         core::panicking::panic_fmt\n",
        "app-server/src/message_processor.rs:7:8",
    ),
    ("thread '<unnamed>' panicked at 'said by a client', core/src/old.rs:1:2\n", "core/src/old.rs:1:2"),
    (
        "{\"timestamp\":\"t\",\"level\":\"ERROR\",\"fields\":{\"message\":\"panicked at core/src/hook.rs:3:4: said by a \
         client\"},\"target\":\"codex_core\"}\n",
        "core/src/hook.rs:3:4",
    ),
    (
        "The application panicked (crashed).\nMessage:  said by a client\nLocation: core/src/x.rs:1\n",
        "unknown",
    ),
];

#[tokio::test]
async fn a_panic_in_codexs_stderr_is_one_event_without_its_message() {
    let stage = Stage::new().await;
    let child = stage.pair.child_pid().expect("a child");
    let mut stderr = OpenOptions::new().write(true).open(format!("/proc/{child}/fd/2")).expect("its stderr");
    for (said, _) in PANICS {
        stderr.write_all(said.as_bytes()).expect("its lines");
    }
    // The last line, so that all are read.
    let last =
        "{\"level\":\"WARN\",\"target\":\"codex_core::last\",\"fields\":{\"message\":\"the last one\"}}\n";
    stderr.write_all(last.as_bytes()).expect("a line");
    let read = stage.pair.daemon.logged("the last line", |line| line["source"] == "codex_core::last");
    tokio::time::timeout(DEADLINE, read).await.expect("in time").expect("a line");
    let lines = stage.pair.daemon.log();
    let panics: Vec<Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["event"] == "panic")
        .collect();
    let places: Vec<&str> = panics.iter().filter_map(|line| line["place"].as_str()).collect();
    assert_eq!(places, PANICS.map(|(_, place)| place));
    for line in &panics {
        let said = (&line["component"], &line["level"], &line["message"], &line["pid"]);
        assert_eq!(
            said,
            (&"codex".into(), &"error".into(), &"Panic occurred".into(), &child.into()),
            "{line}"
        );
    }
    assert!(!lines.iter().any(|line| line.contains("said by")), "{lines:#?}");
}
