//! The file with keys: what the operator's command writes and the front reads (`PROXY_API_KEYS_FILE`).
//!
//! Owns the format, and promises that whoever reads a file hears of everything that is wrong with it at once, by line,
//! and that no hash and no text that stands in a wrong place is ever repeated. It never has a key: only its digest.
//! All but [`file`](mod@file) is pure.

mod digest;
pub mod file;
mod lines;
mod members;
mod name;
mod read;
#[cfg(test)]
mod tests;
pub mod time;

pub use self::{digest::Digest, name::Name, read::parse};
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most keys in a file.
pub const MAX_KEYS: usize = 4096;
/// The most models that a key may name.
pub const MAX_MODELS: usize = 256;
/// The longest name of a model, in bytes.
pub const MAX_MODEL: usize = 200;
/// The most problems that are told of one file; the last one says how many more there are.
pub const MAX_PROBLEMS: usize = 50;
/// The least window of limits.
pub const MIN_WINDOW: Duration = Duration::from_secs(1);
/// The longest window of limits.
pub const MAX_WINDOW: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// One key of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name: what logs, limits and answers know it by.
    pub name: Name,
    /// The digest of the key.
    pub hash: Digest,
    /// When it was made.
    pub created: SystemTime,
    /// When it is refused from; `None` is never.
    pub expires: Option<SystemTime>,
    /// The models and aliases that it may use; `None` is every one.
    pub models: Option<Vec<String>>,
    /// Whether it may ask for the profile `agent`.
    pub agent: bool,
    /// Whether it opens `/internal/*`.
    pub operator: bool,
    /// What it may use.
    pub limits: Limits,
}

impl Entry {
    /// Whether it is refused at `now`: from `expires` on.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The digest of its name. Names are told to others, so it must be that of no key.
    pub fn name_digest(&self) -> Digest {
        Digest::of(self.name.as_str().as_bytes())
    }
}

/// What a key may use; `None` is what the operator has set for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The window of both limits below, from [`MIN_WINDOW`] to [`MAX_WINDOW`].
    pub window: Option<Duration>,
    /// Requests to the model within any window, at least 1.
    pub requests: Option<u64>,
    /// Tokens within any window, at least 1.
    pub tokens: Option<u64>,
    /// Requests to the model that may be open at once, at least 1.
    pub streams: Option<u64>,
}

/// Something wrong with a file of keys. Never holds a hash, nor a value that could be a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1 on; `None` concerns the whole file.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem of the whole file.
    pub fn of_file(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// All problems in one line.
pub fn join(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
