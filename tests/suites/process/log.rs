//! The log: what holds its lines to their form, panics, text for people, and a stdout that nobody reads or that refuses.

mod panics;
mod recipes;
mod stdout;

use crate::support::{around, ask, ready, serves};
use gateway_tests::{
    fake_child::Script,
    pair::{Binary, Builder, DEADLINE, End, Process, binary},
};
use serde_json::Value;
use std::{os::unix::fs::PermissionsExt, panic::AssertUnwindSafe, path::PathBuf};

/// A program that says these words and is called as the front is.
fn saying(words: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("http-front");
    std::fs::write(folder.path().join("words"), words).expect("a file");
    std::fs::write(&program, "#!/bin/sh\nexec cat \"$(dirname \"$0\")/words\"\n").expect("a script");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("a program");
    (folder, program)
}

/// Whether the end of a process that says these words fails the test, and with what.
async fn fails(words: &str) -> Option<String> {
    let (_folder, program) = saying(words);
    let mut process = Process::start(program, &[]).expect("a process");
    assert_eq!(process.wait().await.expect("an end"), Some(0));
    let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(process)));
    dropped.err().map(|why| *why.downcast::<String>().expect("a text"))
}

#[tokio::test]
async fn a_bad_line_fails_the_test_whose_process_wrote_it() {
    let good = r#"{"timestamp":"2026-11-21T19:30:01.5Z","level":"info","component":"http-front","event":"front_reload","message":"m"}"#;
    assert_eq!(fails(&format!("{good}\n{good}\n")).await, None);
    // What was being written when a process was killed.
    assert_eq!(fails(&format!("{good}\n{}", &good[..30])).await, None);
    let bad = [
        ("plain words".to_owned(), "no JSON"),
        (good.replace("front_reload", "front_unload"), "no event `front_unload`"),
        (good.replace("}", r#","prompt":"p"}"#), "no field `prompt`"),
        (good.replace(r#","message":"m""#, ""), "`message` is missing"),
        (good.replace("\"m\"", "1"), "`message` is 1"),
        (good.replace("info", "warn"), "no level `warn`"),
        (good.replace("http-front", "worker-daemon"), "no event `front_reload`"),
        (format!("{good}{good}"), "no JSON"),
        (good.replace("\"m\"", "\"\u{1b}[2J\""), "control character"),
        (good.replace("\"m\"", "\"\\u001b[2J\""), "`message` is"),
    ];
    for (line, why) in bad {
        let said = fails(&format!("{good}\n{line}\n{good}\n")).await;
        let said = said.unwrap_or_else(|| panic!("nothing is wrong with {line}"));
        assert!(
            said.contains(why) && said.contains(&line) && said.contains("docs/operations/logs.md"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_request_has_a_line_when_it_is_let_in_and_one_at_its_end() {
    let pair = ready(&Script::default()).await;
    assert_eq!(ask(&pair, "!echo one", true).await.0, End::Done);
    let named = |line: &Value, event: &str| line["event"] == event && line["key"] == "PROXY_API_KEY";
    let start = pair.front.logged("its start", |line| named(line, "request_start")).await.expect("a line");
    let head = pair.front.logged("its head", |line| named(line, "stream_start")).await.expect("a line");
    let end = pair.front.logged("its end", |line| named(line, "stream_end")).await.expect("a line");
    assert_eq!(
        (&start["method"], &start["stream"], &start["model"]),
        (&"POST".into(), &true.into(), &"gpt-fake-1".into())
    );
    for line in [&head, &end] {
        for name in ["request_id", "route", "method", "key", "model"] {
            assert_eq!(line[name], start[name], "{name}: {line}");
        }
    }
    assert_eq!(end["status"], 200);
    let (first, last) = (end["ttfb_ms"].as_u64(), end["latency_ms"].as_u64());
    assert!(first.is_some() && first <= last, "{end}");
    // Who shows no key has no start.
    let refused = pair.client().post(pair.url("/v1/chat/completions")).send().await.expect("an answer");
    let id = refused.headers()["x-request-id"].to_str().expect("a name").to_owned();
    pair.front.logged("its end", |line| line["request_id"] == *id).await.expect("a line");
    let lines = pair.front.log();
    let of_it: Vec<_> = lines.iter().filter(|line| line.contains(&id)).collect();
    assert!(
        of_it.len() == 1 && of_it[0].contains("\"request_end\"") && !of_it[0].contains("\"key\""),
        "{of_it:?}"
    );
}

#[tokio::test]
async fn what_fails_for_want_of_codex_says_so() {
    let slow = around(&Script::default())
        .daemon("WORKER_BACKOFF_INITIAL_MS", "20000")
        .daemon("WORKER_BACKOFF_MAX_MS", "20000");
    let pair = slow.start().await.expect("a ready pair");
    for _ in 0..2 {
        ask(&pair, "!crash", false).await;
    }
    pair.daemon
        .logged("the wait", |line| line["event"] == "worker_backoff" && line["backoff_ms"] == 20_000)
        .await
        .expect("a line");
    let (end, _) = ask(&pair, "!echo nobody", false).await;
    assert_eq!(end.code(), Some("worker_unavailable"));
    let line = pair.front.logged("its end", |line| line["status"] == 503).await.expect("a line");
    assert_eq!(
        (&line["worker_state"], &line["backoff_ms"], &line["maintenance_mode"]),
        (&"backoff".into(), &20_000.into(), &false.into()),
        "{line}"
    );
}

#[tokio::test]
async fn every_level_keeps_to_the_form_and_off_writes_nothing() {
    for level in ["trace", "debug", "warn"] {
        let pair =
            around(&Script::default()).both("RUST_LOG", &format!("{level},http_front=info")).start().await;
        let pair = pair.expect("a ready pair");
        serves(&pair).await;
        pair.stop().await.expect("an end");
    }
    let builder = Builder::fake(&Script::default()).expect("a home").daemon("RUST_LOG", "off");
    let mut daemon = Process::start(binary(Binary::WorkerDaemon), &builder.daemon_env()).expect("a daemon");
    while !builder.socket().exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(daemon.terminate().await.expect("an end"), Some(0));
    assert_eq!(daemon.log(), Vec::<String>::new());
}

#[tokio::test]
async fn why_a_start_failed_is_told_to_whoever_asks_for_one_crate() {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").expect("an address");
    let builder = around(&Script::default())
        .front("RUST_LOG", "http_front=info")
        .front("PROXY_INTERNAL_ADDR", bound.local_addr().expect("an address").to_string());
    let mut front = Process::start(binary(Binary::HttpFront), &builder.front_env()).expect("a front");
    let ended = front.wait().await.expect("an end");
    assert_eq!(ended, Some(i32::from(shared::exit::BIND)), "{}", front.tail());
    let told = front.log().into_iter().filter(|line| line.contains(r#""event":"start_failed""#));
    assert_eq!(told.count(), 1, "{}", front.tail());
}

#[tokio::test]
async fn text_for_people_begins_with_the_same_four() {
    let builder =
        around(&Script::default()).daemon("LOG_FORMAT", "text").daemon("WORKER_BACKOFF_INITIAL_MS", "1");
    let builder =
        builder.daemon("WORKER_BACKOFF_MAX_MS", "1").front("PROXY_API_KEY", "sk-a-key-that-is-long-enough");
    let daemon = Process::start(binary(Binary::WorkerDaemon), &builder.daemon_env()).expect("a daemon");
    let seen = |what: &'static str| {
        let daemon = &daemon;
        async move {
            let search = async {
                while !daemon.log().iter().any(|line| line.contains(what)) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(DEADLINE, search)
                .await
                .unwrap_or_else(|_| panic!("waited for {what}:\n{}", daemon.tail()));
        }
    };
    seen("worker_ready").await;
    // Five failures in a row are critical.
    loop {
        for child in gateway_tests::pair::children(daemon.pid()) {
            // Not the one that is asked for its version: a codex that can't tell it ends the daemon.
            let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            if !line.split(|byte| *byte == 0).any(|word| word == b"app-server") {
                continue;
            }
            let child = nix::unistd::Pid::from_raw(i32::try_from(child).expect("a pid"));
            // It may be gone already.
            let _sent = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
        }
        if daemon.log().iter().any(|line| line.contains("CRITICAL")) {
            break;
        }
        tokio::task::yield_now().await;
    }
    for line in daemon.log() {
        let mut words = line.split_whitespace();
        let (time, level) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
        assert!(["INFO", "WARN", "ERROR", "CRITICAL"].contains(&level), "{line}");
        assert!(["worker-daemon", "codex"].contains(&words.next().unwrap_or_default()), "{line}");
        assert!(words.next().is_some_and(|event| !event.contains(['=', '{'])), "{line}");
    }
    let critical = daemon.log().into_iter().find(|line| line.contains("CRITICAL")).expect("a line");
    assert!(critical.contains("CRITICAL worker-daemon worker_degraded restart_count="), "{critical}");
}
