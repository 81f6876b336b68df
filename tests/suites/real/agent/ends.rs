//! However an agent's answer ends, what it ran ends with it.

use std::{
    fs, process,
    sync::atomic::{AtomicU32, Ordering},
};

use gateway_tests::pair::{DEADLINE, KEY, Pair};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use serde_json::json;

use super::stage::{CODE, DIRECT, Stage, asking, commands};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A time to sleep that no other command has: the mark by which its process is found.
pub(super) fn marker() -> String {
    format!("1000.{:06}{:03}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a process has this in its command line.
fn runs(marker: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.into_iter().any(|line| {
        // The program itself, and not the shells and sandboxes around it.
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.first().is_some_and(|name| name.ends_with(b"sleep")) && words.get(1) == Some(&marker.as_bytes())
    })
}

pub(super) async fn running(pair: &Pair, marker: &str) {
    let look = || async { runs(marker).then_some(()) };
    pair.eventually("the command to run", look).await.expect("a command");
}

pub(super) async fn gone(pair: &Pair, marker: &str) {
    let look = || async { (!runs(marker)).then_some(()) };
    pair.eventually("the command to end", look).await.expect("no command");
}

/// A command that runs longer than codex waits for one at most: `sleep` alone would be left to the background.
fn long(marker: &str) -> String {
    commands(&[&format!("exec sleep {marker}")])
}

/// Asks an agent until `until` is over.
async fn asked_until(stage: &Stage, model: &str, text: &str, stream: bool, until: impl Future<Output = ()>) {
    let request = stage.pair.client().post(stage.pair.url("/v1/chat/completions")).bearer_auth(KEY);
    let request = request.header("x-codex-profile", "agent").json(&asking(model, text, stream));
    let answer = async {
        let response = request.send().await.expect("an answer");
        response.text().await
    };
    tokio::select! {
        answer = answer => unreachable!("the command has ended: {answer:?}"),
        until = tokio::time::timeout(DEADLINE, until) => until.expect("the command to run"),
    }
}

#[tokio::test]
async fn a_hang_up_ends_the_command() {
    let stage = Stage::new("workspace-write").await;
    for model in [DIRECT, CODE] {
        for stream in [false, true] {
            let marker = marker();
            asked_until(&stage, model, &long(&marker), stream, running(&stage.pair, &marker)).await;
            gone(&stage.pair, &marker).await;
        }
    }
    // The model was not asked again.
    assert_eq!(stage.upstream.totals().requests, 4);
}

#[tokio::test]
async fn a_hang_up_ends_a_command_without_a_sandbox() {
    let stage = Stage::new("danger-full-access").await;
    let marker = marker();
    asked_until(&stage, DIRECT, &long(&marker), true, running(&stage.pair, &marker)).await;
    gone(&stage.pair, &marker).await;
}

#[tokio::test]
async fn the_end_of_the_front_ends_the_command() {
    let mut stage = Stage::new("read-only").await;
    let marker = marker();
    let text = long(&marker);
    let request = stage.pair.client().post(stage.pair.url("/v1/chat/completions")).bearer_auth(KEY);
    let request = request.header("x-codex-profile", "agent").json(&asking(DIRECT, &text, false)).send();
    tokio::select! {
        broken = request => unreachable!("an answer: {broken:?}"),
        () = running(&stage.pair, &marker) => {}
    }
    let front = i32::try_from(stage.pair.front.pid()).expect("a pid");
    kill(Pid::from_raw(front), Signal::SIGKILL).expect("a signal");
    stage.pair.front.wait().await.expect("the front's end");
    gone(&stage.pair, &marker).await;
}

#[tokio::test]
async fn a_deadline_ends_the_command() {
    let stage = Stage::with(|builder| {
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .front("PROXY_PROFILE", "agent")
            .front("PROXY_TIMEOUT_MS", "5000")
    })
    .await;
    let marker = marker();
    let text = long(&marker);
    let (got, ()) = tokio::join!(stage.agent(DIRECT, &text, false), running(&stage.pair, &marker));
    assert_eq!((got.status, got.error().2.as_str()), (504, "timeout"), "{got:?}");
    assert_eq!(
        (&got.headers["x-should-retry"], &got.json()["error"]["retryable"]),
        (&"false".parse().expect("a value"), &json!(false))
    );
    assert!(!got.headers.contains_key("retry-after"), "{got:?}");
    gone(&stage.pair, &marker).await;
    let logged = stage.logged(1).await;
    assert!(logged.len() == 1 && logged[0]["stopped"] == true, "{logged:?}");
}
