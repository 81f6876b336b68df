//! The daemon's own methods on the worker socket.
//!
//! `daemon/status` answers with [`Status`]. `daemon/subscribe` answers the same and from then on sends the
//! notification `daemon/status` with a [`Status`] whenever the state changes. `daemon/restart` replaces the child
//! without a failed request, `daemon/drain` ends the daemon as SIGTERM does; both are for operators alone.
//! `daemon/models` answers with [`Models`]. `daemon/toggles/set` changes what an operator has switched ([`toggles`]) and
//! answers with the [`Status`]. `daemon/metrics` answers with what the daemon has counted ([`metrics`]). All of them work before `initialize`.
//! The notification `daemon/closed` with a [`Closed`] is the last line of a connection that the daemon ends.

pub mod metrics;
mod models;
pub mod toggles;

pub use models::{ModelInfo, Models};
use serde::{Deserialize, Serialize};
use toggles::Toggles;

/// Asks for the status once.
pub const STATUS: &str = "daemon/status";
/// Asks for the status, now and on every change.
pub const SUBSCRIBE: &str = "daemon/subscribe";
/// Asks for what the catalog says of the models that are served.
pub const MODELS: &str = "daemon/models";
/// Starts a fresh child beside the running one and moves new work to it. Answered with the [`Status`] once that is
/// ready.
pub const RESTART: &str = "daemon/restart";
/// Ends the daemon: what runs may finish. Answered with the [`Status`] at once.
pub const DRAIN: &str = "daemon/drain";

/// Failures in a row from which on the worker counts as degraded.
pub const DEGRADED_AFTER: u32 = 5;

/// The last line to a connection that the daemon closes against the client's will; a notification.
pub const CLOSED: &str = "daemon/closed";

/// Why the daemon closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Closed {
    /// The client left more unread than it may.
    SlowReader {
        /// Bytes that waited for it; they were thrown away.
        waiting_bytes: usize,
        /// What may wait (`WORKER_CLIENT_QUEUE_BYTES`).
        limit_bytes: usize,
    },
}

/// What the child is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WorkerState {
    /// The process is being started.
    Starting,
    /// The process runs, the handshake doesn't stand yet.
    Initializing,
    /// Requests are served.
    Ready,
    /// The daemon goes down: what runs may finish, nothing new is taken.
    Draining,
    /// The process ended; the next start waits for a delay.
    Backoff,
    /// The process ended and will not be started again.
    Stopped,
}

impl WorkerState {
    /// The name that health answers and logs show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Initializing => "initializing",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Backoff => "backoff",
            Self::Stopped => "stopped",
        }
    }
}

/// How the child ended last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastExit {
    /// The exit code, when it exited.
    pub code: Option<i32>,
    /// The signal, when one ended it.
    pub signal: Option<i32>,
}

/// What goes on in the daemon, as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Connected clients.
    pub clients: usize,
    /// Threads that some client owns or that are being let go.
    pub threads: usize,
    /// Turns that run or are being started: permits in use.
    pub turns: usize,
    /// Turns that wait for a permit.
    pub waiting_turns: usize,
    /// Requests without an answer, waiting ones counted.
    pub unanswered: usize,
    /// Late answers that are still awaited, to let go of what they made.
    pub tombstones: usize,
    /// Children that have been replaced and finish what they have.
    pub retiring: usize,
    /// Resident memory of the child in bytes, as it said last.
    pub rss_bytes: Option<u64>,
}

/// What threads with codex's own tools may do (`WORKER_PROFILES`), where they may be had at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// The most that commands may do: `read-only`, `workspace-write` or `danger-full-access`.
    pub sandbox: String,
    /// The folder that threads must work in, absolute.
    pub workdir: String,
    /// The model catalog with codex's own tools in it: the one that `config.model_catalog_json` may name.
    pub catalog: String,
}

/// The state of the daemon and its child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// What the child is doing.
    pub state: WorkerState,
    /// Times that a child was started.
    pub starts: u64,
    /// The same after the first, failed ones counted, without replacements.
    #[serde(default)]
    pub restarts: u64,
    /// Failures in a row; 0 once a child has been ready for `WORKER_BACKOFF_RESET_MS`.
    pub restart_streak: u32,
    /// The delay before the next start, in milliseconds, while `state` is `backoff`.
    pub backoff_ms: Option<u64>,
    /// How the child ended last, if one did.
    pub last_exit: Option<LastExit>,
    /// Process id of the child, while there is one.
    pub pid: Option<u32>,
    /// Version of the child, once the handshake stands.
    pub version: Option<String>,
    /// The model that the child uses where a thread names none, once the handshake stands.
    pub default_model: Option<String>,
    /// How long the child has been ready, in milliseconds, when this was sent.
    #[serde(default)]
    pub uptime_ms: Option<u64>,
    /// What goes on, when this was sent.
    #[serde(default)]
    pub load: Load,
    /// What agents may do; not there when the profile `agent` is off, or the daemon is older than it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// What an operator has switched; not there when the daemon is older than toggles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toggles: Option<Toggles>,
    /// A younger daemon serves the socket now: connect again for what is new; what runs here may finish.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// Counts the changes that are told; a client that sees it grow by one knows that it missed none.
    pub seq: u64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            state: WorkerState::Starting,
            starts: 0,
            restarts: 0,
            restart_streak: 0,
            backoff_ms: None,
            last_exit: None,
            pid: None,
            version: None,
            default_model: None,
            uptime_ms: None,
            load: Load::default(),
            agent: None,
            toggles: None,
            superseded: false,
            seq: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_without_agents_is_that_of_an_older_daemon() {
        let plain = serde_json::to_value(Status::default()).unwrap();
        assert!(plain.get("agent").is_none() && plain.get("toggles").is_none(), "{plain}");
        assert_eq!(serde_json::from_value::<Status>(plain.clone()).unwrap(), Status::default());
        let agent = Agent { sandbox: "read-only".into(), workdir: "/w".into(), catalog: "/c.json".into() };
        let with = Status { agent: Some(agent), ..Status::default() };
        let json = serde_json::to_value(&with).unwrap();
        assert_eq!(
            json["agent"],
            serde_json::json!({"sandbox": "read-only", "workdir": "/w", "catalog": "/c.json"})
        );
        assert_eq!(serde_json::from_value::<Status>(json).unwrap(), with);
    }
}
