//! Disks without room, folders that are gone, paths that can't be used: requests never notice.

use std::{path::Path, process::Command};

use gateway_tests::pair::{Binary, Pair, Process, binary};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{Kept, counter, files, lines, trace_of};
use crate::door::{asking, builder, chat, once, said, start};

async fn serves(pair: &Pair) -> String {
    let answer = once(pair, &chat(asking("hi").to_string().as_bytes())).await;
    assert_eq!(said(&answer), "hi");
    answer.header("x-request-id").expect("a name").to_owned()
}

async fn until(pair: &Pair, series: &str, least: u64) {
    let what = format!("{series} to be {least}");
    let seen = pair.eventually(&what, || async { counter(pair, series).await.filter(|n| *n >= least) });
    seen.await.expect("a counter");
}

#[tokio::test]
async fn logs_on_a_full_disk_fail_no_request() {
    let builder = builder().front("TOKEN_LOG_PATH", "/dev/full").front("ACCESS_LOG_PATH", "/dev/../dev/full");
    let pair = start(builder).await;
    for _ in 0..20 {
        serves(&pair).await;
    }
    until(&pair, "codex_log_lines_dropped_total{component=\"front\",log=\"usage\"}", 20).await;
    until(&pair, "codex_log_lines_dropped_total{component=\"front\",log=\"access\"}", 20).await;
    let told = |log: &str| {
        let all = pair.front.log();
        let lines = all.iter().filter(|line| line.contains("\"log_file_failed\"") && line.contains(log));
        lines.count()
    };
    assert_eq!((told("\"usage\""), told("\"access\"")), (1, 1), "a line a minute");
    // What the one line couldn't know yet is told at the end.
    pair.front.signal(Signal::SIGTERM).expect("a signal");
    let dropped = || {
        let lines = pair.front.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        let told = lines.filter(|line| line["log"] == "usage").filter_map(|line| line["dropped"].as_u64());
        told.sum::<u64>()
    };
    let all = pair.eventually("every dropped line", || async { (dropped() == 20).then_some(()) });
    all.await.expect("20 lines");
}

#[tokio::test]
async fn a_folder_that_vanishes_fails_no_request_and_comes_back() {
    let kept = Kept::new();
    let folder = kept.path("here");
    std::fs::create_dir(&folder).expect("a folder");
    let inside = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let builder = builder()
        .front("TOKEN_LOG_PATH", inside("usage.log"))
        .front("PROXY_TRACE_BUFFER_ENABLED", "1")
        .front("PROXY_TRACE_BUFFER_DIR", inside("traces"));
    let pair = start(builder).await;
    let first = serves(&pair).await;
    trace_of(&pair, &folder.join("traces"), &first).await;
    std::fs::remove_dir_all(&folder).expect("it goes");
    // In its place something that no folder can be made in.
    std::fs::write(&folder, "").expect("a file");
    serves(&pair).await;
    until(&pair, "codex_log_lines_dropped_total{component=\"front\",log=\"usage\"}", 1).await;
    until(&pair, "codex_trace_buffer_dropped_total{reason=\"disk\"}", 1).await;
    std::fs::remove_file(&folder).expect("it goes");
    std::fs::create_dir(&folder).expect("a folder");
    let id = serves(&pair).await;
    super::line_of(&pair, &folder.join("usage.log"), &id).await;
    trace_of(&pair, &folder.join("traces"), &id).await;
}

/// A file system of its own, as small as they come.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills what is left of a file system.
fn fill(dir: &Path) {
    let mut size = 64 * 1024;
    let mut at = 0;
    while size > 0 {
        at += 1;
        match std::fs::write(dir.join(format!("filler-{at}")), vec![b'x'; size]) {
            Ok(()) => {}
            Err(_) => size /= 2,
        }
    }
}

#[tokio::test]
async fn a_disk_that_runs_full_and_has_room_again() {
    let kept = Kept::new();
    let disk = kept.path("disk");
    let Some(_small) = Small::mount(&disk) else {
        eprintln!("skipped: this user can't mount a tmpfs");
        return;
    };
    let at = |name: &str| disk.join(name).to_string_lossy().into_owned();
    let builder = builder()
        .front("TOKEN_LOG_PATH", at("usage.log"))
        .front("PROXY_TRACE_BUFFER_ENABLED", "1")
        .front("PROXY_TRACE_BUFFER_MAX_FILES", "2")
        .front("PROXY_TRACE_BUFFER_DIR", at("traces"));
    let pair = start(builder).await;
    let first = serves(&pair).await;
    trace_of(&pair, &disk.join("traces"), &first).await;
    fill(&disk);
    for _ in 0..30 {
        serves(&pair).await;
    }
    until(&pair, "codex_log_lines_dropped_total{component=\"front\",log=\"usage\"}", 1).await;
    until(&pair, "codex_trace_buffer_dropped_total{reason=\"disk\"}", 1).await;
    for entry in std::fs::read_dir(&disk).expect("the disk").flatten() {
        if entry.file_name().to_string_lossy().starts_with("filler") {
            std::fs::remove_file(entry.path()).expect("room");
        }
    }
    let mut last = String::new();
    for _ in 0..5 {
        last = serves(&pair).await;
    }
    trace_of(&pair, &disk.join("traces"), &last).await;
    super::line_of(&pair, &disk.join("usage.log"), &last).await;
    // Each line is whole, what came before the disk was full and behind it.
    let told = lines(&disk.join("usage.log"));
    assert_eq!(told.first().map(|line| &line["request_id"]), Some(&json!(first)));
    assert_eq!(told.last().map(|line| &line["request_id"]), Some(&json!(last)));
    let pruned = || async { (files(&disk.join("traces")).len() <= 2).then_some(()) };
    pair.eventually("the oldest to be removed", pruned).await.expect("no more than there may be");
    let halves = std::fs::read_dir(disk.join("traces")).expect("traces").flatten();
    assert_eq!(halves.filter(|entry| entry.path().extension().is_none_or(|e| e != "json")).count(), 0);
}

#[tokio::test]
async fn what_cant_be_written_is_said_at_the_start() {
    let kept = Kept::new();
    std::fs::write(kept.path("file"), "").expect("a file");
    for (setting, path, more) in [
        ("TOKEN_LOG_PATH", "none/usage.log", None),
        ("ACCESS_LOG_PATH", "none/access.log", None),
        ("PROXY_TRACE_BUFFER_DIR", "file", Some("PROXY_TRACE_BUFFER_ENABLED")),
    ] {
        let builder = builder().front(setting, kept.path(path).to_string_lossy());
        let builder = more.into_iter().fold(builder, |builder, name| builder.front(name, "1"));
        let mut front = Process::start(binary(Binary::HttpFront), &builder.front_env()).expect("it starts");
        assert_eq!(front.wait().await.expect("it ends"), Some(2), "{}", front.tail());
        let said = format!("http-front: {setting}: ");
        let line = pair_line(&front, &said).await;
        assert!(line.contains(path), "{line}");
    }
}

/// A line on stderr, which is no JSON.
async fn pair_line(front: &Process, begin: &str) -> String {
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
    let search = async {
        loop {
            tick.tick().await;
            if let Some(line) = front.log().into_iter().find(|line| line.starts_with(begin)) {
                return line;
            }
        }
    };
    let found = tokio::time::timeout(gateway_tests::pair::DEADLINE, search).await;
    let found = found.map_err(|_| format!("waited for {begin}: {}", front.tail()));
    found.expect("a line on stderr")
}
