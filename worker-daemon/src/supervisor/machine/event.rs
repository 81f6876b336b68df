//! What happens to children, and what is to be done about it.

use crate::mux::action::Reason;
use shared::{
    control::{LastExit, Status},
    id::Generation,
};

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The daemon begins.
    Begin,
    /// A child's process runs.
    Spawned(Generation, u32),
    /// A child has shaken hands.
    Ready {
        /// The child.
        generation: Generation,
        /// Its version, as it says.
        version: Option<String>,
        /// The model that its configuration names.
        default_model: Option<String>,
    },
    /// A child is gone.
    Ended(Generation, Ended),
    /// A fresh child is wanted.
    Replace(Reason),
    /// A child that was replaced has nothing left to do.
    Drained(Generation),
    /// A child doesn't answer.
    Unresponsive(Generation),
    /// A child answered.
    Alive(Generation),
    /// The time that [`super::Machine::deadline`] gave has come.
    Time,
    /// No new work.
    Drain,
    /// Nothing runs any longer.
    Force,
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Its process ended.
    Exit(LastExit),
    /// Its process ended, and it had never shaken hands.
    Unready {
        /// Why not, in words.
        why: String,
        /// How it ended.
        exit: LastExit,
    },
    /// It could not be started, or its end could not be seen.
    Failed {
        /// Why, in words.
        why: String,
        /// Whether the binary is missing or too old.
        binary: bool,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Start a child; `afresh`: look for the binary and its catalog again.
    Start {
        /// The child.
        generation: Generation,
        /// Whether the binary is looked for again.
        afresh: bool,
    },
    /// End a child by the ladder.
    End(Generation),
    /// Kill a child.
    Kill(Generation),
    /// Tell everybody the status.
    Publish(Box<Status>),
    /// A replacement that was asked for is done, or not.
    Replaced(Result<(), String>),
    /// End the daemon: codex can't be started again.
    GiveUp(String),
    /// Log something.
    Note(Note),
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A child's process runs.
    Started(u32),
    /// A child has shaken hands.
    Ready(u32),
    /// A child ended.
    Exited {
        /// Its process, if there was one.
        pid: Option<u32>,
        /// How.
        ended: Ended,
        /// Whether that was wanted.
        wanted: bool,
    },
    /// The next start waits.
    Backoff(u64),
    /// Too many failures in a row.
    Degraded,
    /// A fresh child is started beside the running one.
    Replacing(Reason),
    /// It took over.
    Replaced {
        /// The old child's process.
        old: Option<u32>,
        /// The fresh one's.
        new: Option<u32>,
    },
    /// It did not come up; the old one goes on.
    NotReplaced(String),
    /// A retiring child has had its time.
    GraceOver(Option<u32>),
    /// A child doesn't answer and is killed.
    Unresponsive(Option<u32>),
}

impl Ended {
    /// How, in words for people.
    pub fn words(&self) -> String {
        let exited = |exit: &LastExit| match exit {
            LastExit { code: Some(code), .. } => format!("it exited with code {code}"),
            LastExit { signal: Some(signal), .. } => format!("signal {signal} ended it"),
            LastExit { code: None, signal: None } => "it ended".to_owned(),
        };
        match self {
            Self::Exit(exit) => exited(exit),
            Self::Unready { why, exit } => format!("{why}; {}", exited(exit)),
            Self::Failed { why, .. } => why.clone(),
        }
    }
}
