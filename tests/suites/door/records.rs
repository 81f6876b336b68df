//! What is written down of requests: traces, usage, accesses.

mod access;
mod crash;
mod disk;
mod rotation;
mod traces;
mod usage;

use std::path::{Path, PathBuf};

use gateway_tests::pair::{Builder, Pair};
use serde_json::Value;
use tempfile::TempDir;

use crate::door;

/// A folder for what a front writes down.
pub(crate) struct Kept(TempDir);

impl Kept {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn traces(&self) -> PathBuf {
        self.path("traces")
    }

    /// A front that writes everything down here.
    pub(crate) fn everything(&self, builder: Builder) -> Builder {
        builder
            .front("TOKEN_LOG_PATH", self.path("usage.log").to_string_lossy())
            .front("ACCESS_LOG_PATH", self.path("access.log").to_string_lossy())
            .front("PROXY_TRACE_BUFFER_ENABLED", "true")
            .front("PROXY_TRACE_BUFFER_DIR", self.traces().to_string_lossy())
    }
}

/// A pair around the fake child that writes everything down.
pub(crate) async fn pair(kept: &Kept) -> Pair {
    door::start(kept.everything(door::builder())).await
}

/// The lines of a log, each an object. The last one may be being written.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let text = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |line: &str| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"));
    text.lines().map(|line| read(line).expect("JSON in a line")).collect()
}

/// The lines of a log that `wanted` picks, once there are so many.
pub(crate) async fn picked(
    pair: &Pair,
    path: &Path,
    count: usize,
    wanted: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let pick = || lines(path).into_iter().filter(&wanted).collect::<Vec<_>>();
    let what = format!("{count} lines in {}", path.display());
    pair.eventually(&what, || async { (pick().len() >= count).then_some(()) }).await.expect("lines");
    pick()
}

/// The line of a request in a log.
pub(crate) async fn line_of(pair: &Pair, path: &Path, request: &str) -> Value {
    let found = picked(pair, path, 1, |line| line["request_id"] == request).await;
    assert_eq!(found.len(), 1, "one line a request: {found:?}");
    found[0].clone()
}

/// Whole traces that are there now, in the order of their names.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.sort();
    paths
}

/// The trace of a request, once it is there.
pub(crate) async fn trace_of(pair: &Pair, dir: &Path, request: &str) -> Value {
    let end = format!("-{request}.json");
    let found = pair.eventually("the trace", || async {
        let path = files(dir).into_iter().find(|path| path.to_string_lossy().ends_with(&end))?;
        std::fs::read_to_string(path).ok()
    });
    serde_json::from_str(&found.await.expect("a trace")).expect("a whole trace")
}

/// The frames of a trace as `> method` and `< method`, with what an answer is.
pub(crate) fn told(trace: &Value) -> Vec<String> {
    let frame = |frame: &Value| {
        let arrow = if frame["direction"] == "to_daemon" { ">" } else { "<" };
        let answer = matches!(frame["kind"].as_str(), Some("response" | "error"));
        let kind =
            if answer { format!(" {}", frame["kind"].as_str().unwrap_or_default()) } else { String::new() };
        format!("{arrow} {}{kind}", frame["method"].as_str().unwrap_or("-"))
    };
    trace["frames"].as_array().expect("frames").iter().map(frame).collect()
}

/// What a counter of the front says.
pub(crate) async fn counter(pair: &Pair, series: &str) -> Option<u64> {
    let url = format!("http://{}/metrics", pair.internal);
    let text = pair.client().get(url).send().await.ok()?.text().await.ok()?;
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}
