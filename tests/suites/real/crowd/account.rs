//! What became of requests.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finish {
    /// With its whole text.
    Done,
    /// With an error of this code, and at most the beginning of its text before it.
    Failed(String),
    /// In a way that must never be; says how.
    Wrong(String),
}

/// A request that ended.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Who asked, and which of his requests it is.
    pub(crate) name: String,
    /// When it was sent.
    pub(crate) begun: Instant,
    /// When its end was seen.
    pub(crate) ended: Instant,
    /// Its end.
    pub(crate) finish: Finish,
}

impl Sent {
    /// How long it took.
    pub(crate) fn took(&self) -> Duration {
        self.ended.duration_since(self.begun)
    }

    /// Whether it ran at some time between these two.
    pub(crate) fn ran_within(&self, from: Instant, to: Instant) -> bool {
        self.begun <= to && self.ended >= from
    }
}

/// The account of everybody's requests.
#[derive(Debug, Default)]
pub(crate) struct Account(Mutex<Vec<Sent>>);

impl Account {
    /// Notes the end of a request that was sent at `begun`.
    pub(crate) fn note(&self, name: String, begun: Instant, finish: Finish) {
        let sent = Sent { name, begun, ended: Instant::now(), finish };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }

    /// All of it.
    pub(crate) fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What `text`, with which an answer ended as `code` says, makes of a request for `wanted`.
pub(super) fn judge(wanted: &str, text: &str, code: Option<String>) -> Finish {
    match code {
        None if text == wanted => Finish::Done,
        Some(code) if wanted.starts_with(text) => Finish::Failed(code),
        None | Some(_) => {
            Finish::Wrong(format!("wanted {} bytes, got {}: {text:.200}", wanted.len(), text.len()))
        }
    }
}
