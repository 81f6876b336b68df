//! What one fake child does differently from a well-behaved one.
//!
//! Every member is optional; `{}` is a child that answers everything at once. A misspelt member is an error, because
//! a test whose script is ignored would pass for the wrong reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The whole script, as it stands in `$CODEX_HOME/fake-codex.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// How the process starts.
    pub start: Start,
    /// So many requests are refused with -32001 before the first one is served.
    pub overload_first: First,
    /// So many requests are swallowed: neither done nor answered.
    pub lose_answers: First,
    /// A pause before each line that is read.
    pub slow_read_ms: u64,
    /// After so many lines nothing is read any more, not even the end of the input.
    pub stop_reading_after: Option<u64>,
    /// Stay alive when stdin ends.
    pub ignore_stdin_eof: bool,
    /// Stay alive on SIGTERM (the program only).
    pub ignore_sigterm: bool,
    /// Start a `sleep 1000` in the same process group (the program only); its pid is in the log.
    pub grandchild: bool,
    /// Start a `sleep 60` in a session of its own that holds the child's stdout and stderr (the program only); its pid
    /// is in the log.
    pub pipe_holder: bool,
    /// The raw catalog's entries, in place of the built-in three.
    pub models: Option<Vec<Value>>,
    /// Send `thread/started` before the answer to `thread/start`.
    pub thread_started_first: bool,
    /// Write every received line to the log (the program only).
    pub record: bool,
    /// What the child says of its resident memory.
    pub resident_bytes: u64,
    /// Stands in for each prompt.
    pub prompt: Option<String>,
    /// The account's short window is used up and begins anew then, in Unix seconds.
    pub used_up_until: Option<u64>,
    /// Only the first start does as it is told here; later ones behave well (the program only).
    pub first_start_only: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            start: Start::default(),
            overload_first: First::default(),
            lose_answers: First::default(),
            slow_read_ms: 0,
            stop_reading_after: None,
            ignore_stdin_eof: false,
            ignore_sigterm: false,
            grandchild: false,
            pipe_holder: false,
            models: None,
            thread_started_first: false,
            record: false,
            resident_bytes: 50_000_000,
            prompt: None,
            used_up_until: None,
            first_start_only: false,
        }
    }
}

impl Script {
    /// What the start with this number does, counted from 1.
    pub(crate) fn of_start(self, number: u32) -> Self {
        if self.first_start_only && number > 1 {
            Self { models: self.models, record: self.record, ..Self::default() }
        } else {
            self
        }
    }
}

/// Trouble at the start. "The first n starts" are counted across restarts in `$CODEX_HOME/fake-codex.state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Start {
    /// So many first starts end at once, before reading anything.
    pub crash_before_handshake: u32,
    /// The exit code of those.
    pub exit_code: u8,
    /// So many starts after those read `initialize` and never answer it.
    pub hang_handshake: u32,
    /// The answer to `initialize` comes so much later.
    pub delay_handshake_ms: u64,
    /// Lines for stderr, written first of all.
    pub stderr: Vec<String>,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            crash_before_handshake: 0,
            exit_code: 1,
            hang_handshake: 0,
            delay_handshake_ms: 0,
            stderr: Vec::new(),
        }
    }
}

/// How many requests something happens to: the first n of every method (but `initialize`), or of those named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum First {
    /// The first n of each method.
    Each(u32),
    /// The first n of the named methods.
    Of(BTreeMap<String, u32>),
}

impl Default for First {
    fn default() -> Self {
        Self::Each(0)
    }
}

impl First {
    /// How many requests of `method` it concerns.
    pub(crate) fn of(&self, method: &str) -> u32 {
        match self {
            Self::Each(_) if method == "initialize" => 0,
            Self::Each(n) => *n,
            Self::Of(methods) => methods.get(method).copied().unwrap_or(0),
        }
    }
}

/// What a script asks of the start with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// End before reading anything.
    Crash(u8),
    /// Leave `initialize` unanswered.
    Hang,
    /// Answer after so many milliseconds.
    Answer(u64),
}

impl Start {
    /// The opening of start `number`, counted from 1.
    pub(crate) fn opening(&self, number: u32) -> Opening {
        let crashes = self.crash_before_handshake;
        if number <= crashes {
            Opening::Crash(self.exit_code)
        } else if number <= crashes.saturating_add(self.hang_handshake) {
            Opening::Hang
        } else {
            Opening::Answer(self.delay_handshake_ms)
        }
    }
}
