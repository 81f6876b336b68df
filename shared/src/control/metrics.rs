//! What the daemon has counted, as `daemon/metrics` answers.
//!
//! Labels are closed sets that stand here: whoever makes series of them takes no other value, so that neither a client
//! nor another version of the daemon can add one. A member that is not there is that of an older daemon.

use super::Load;
use crate::{app_server::method as m, rpc::code};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Asks for what the daemon has counted, answered with a [`Told`].
pub const METRICS: &str = "daemon/metrics";

/// Upper bounds of the buckets of every duration, in milliseconds, those of the front too.
pub const BUCKETS_MS: [u32; 16] =
    [5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000];

/// Any other value of a label.
pub const OTHER: &str = "other";

/// The methods by which codex is asked that are told apart: those that clients may call by default, and the daemon's
/// own. An operator may open more (`WORKER_ALLOW_METHODS`).
pub const METHODS: [&str; 17] = [
    m::THREAD_START,
    m::THREAD_INJECT_ITEMS,
    m::TURN_START,
    m::TURN_INTERRUPT,
    m::THREAD_UNSUBSCRIBE,
    m::DIAGNOSTICS,
    m::THREAD_FORK,
    m::THREAD_RESUME,
    "thread/read",
    "thread/delete",
    "thread/turns/list",
    "thread/items/list",
    m::THREAD_COMPACT_START,
    "turn/steer",
    m::MODEL_LIST,
    "account/read",
    "account/rateLimits/read",
];

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnOutcome {
    /// As it should.
    Completed,
    /// Somebody interrupted it, or let its thread go.
    Interrupted,
    /// With an error of codex or the upstream.
    Failed,
    /// codex died, or lost it.
    Lost,
    /// The daemon ended it: it was silent, or ran for too long.
    Timeout,
}

impl TurnOutcome {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Completed, Self::Interrupted, Self::Failed, Self::Lost, Self::Timeout];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::Timeout => "timeout",
        }
    }
}

/// The codes of errors that are counted: [`code::ALL`], but for the last, [`code::CANCELLED`], which is what a client wanted.
pub const ERRORS: [i64; code::ALL.len() - 1] = {
    let (mut counted, mut at) = ([0; code::ALL.len() - 1], 0);
    while at < counted.len() {
        counted[at] = code::ALL[at];
        at += 1;
    }
    counted
};

/// The names of the codes of errors: those of [`ERRORS`] in digits, and [`OTHER`].
pub fn codes() -> impl Iterator<Item = String> {
    ERRORS.iter().map(ToString::to_string).chain([OTHER.to_owned()])
}

/// Durations, counted by how long they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Histogram {
    /// How many are in each bucket of [`BUCKETS_MS`] and in no smaller one, and at the end how many are over every bound.
    pub counts: Vec<u64>,
    /// The sum of all durations in milliseconds.
    pub sum_ms: f64,
}

/// What the system says of a process, and what it has counted of itself. What isn't known is not there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Process {
    /// Its version.
    pub version: Option<String>,
    /// Resident memory.
    pub memory_bytes: Option<u64>,
    /// The memory that it may have: of its cgroup or one around that, else of the machine.
    pub memory_limit_bytes: Option<u64>,
    /// Processor time that it has used, of both kinds.
    pub cpu_seconds: Option<f64>,
    /// Open files.
    pub open_fds: Option<u64>,
    /// Files that may be open.
    pub max_fds: Option<u64>,
    /// When it began, in seconds since 1970.
    pub started_at: Option<f64>,
    /// Panics in it.
    pub panics: u64,
    /// Lines of its log that are missing on stdout.
    pub log_lines_dropped: u64,
    /// What became of the spans that it exports.
    pub spans: Spans,
}

/// What became of a process's spans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spans {
    /// A collector took them.
    pub exported: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// A collector didn't take them.
    pub failed: u64,
}

/// What the daemon has counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Told {
    /// Starts of codex after the first, failed ones counted, replacements not.
    pub restarts: u64,
    /// Failures in a row.
    pub restart_streak: u32,
    /// The delay before the next start, while it waits.
    pub backoff_ms: u64,
    /// How long the codex that serves has been ready.
    pub uptime_ms: Option<u64>,
    /// What goes on.
    pub load: Load,
    /// Turns that may run (`WORKER_MAX_CONCURRENCY`).
    pub turns_max: usize,
    /// Turns that may wait (`WORKER_QUEUE_MAX`).
    pub queue_max: usize,
    /// Clients that were cut off because they read too slowly.
    pub clients_cut: u64,
    /// From writing a request to codex to its answer, by the method.
    pub latency: BTreeMap<String, Histogram>,
    /// From the arrival of a `turn/start` to its writing.
    pub queue_wait: Histogram,
    /// From writing a `turn/start` to the model's first item.
    pub first_event: Histogram,
    /// From writing a `turn/start` to the end of its turn.
    pub turn_duration: Histogram,
    /// Turns that ended, by how.
    pub turns: BTreeMap<String, u64>,
    /// Errors that clients were answered with, by their code.
    pub rpc_errors: BTreeMap<String, u64>,
    /// The daemon's process.
    pub daemon: Process,
    /// The process of the codex that serves.
    pub codex: Process,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_tells_is_read() {
        assert_eq!(serde_json::from_str::<Told>("{}").unwrap(), Told::default());
        let newer = r#"{"restarts":3,"more":[1],"latency":{"x":{"counts":[1],"new":1}}}"#;
        let told: Told = serde_json::from_str(newer).unwrap();
        assert_eq!((told.restarts, &told.latency["x"].counts[..]), (3, &[1][..]));
        let json = serde_json::to_value(Told::default()).unwrap();
        assert_eq!(serde_json::from_value::<Told>(json).unwrap(), Told::default());
    }

    #[test]
    fn labels_are_there_once() {
        let mut codes: Vec<String> = codes().collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ERRORS.len() + 1);
        let left_out: Vec<&i64> = code::ALL.iter().filter(|code| !ERRORS.contains(code)).collect();
        assert_eq!(left_out, [&code::CANCELLED]);
        let mut methods = METHODS;
        methods.sort_unstable();
        assert!(methods.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
