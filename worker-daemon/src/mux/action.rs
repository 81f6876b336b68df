//! What the core wants done. The actor does it; the core never does I/O.

use super::whose::Whose;
use shared::{
    control::toggles::Toggles,
    id::{ConnId, Generation},
    line::Line,
};

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Write a line to the child of this generation.
    ToChild(Generation, Line),
    /// Queue a line for a client. A client whose queue is full is cut off by the actor.
    ToClient(ConnId, Line),
    /// Tell the supervisor.
    Order(Order),
    /// Write what is switched to the disk; [`super::core::Core::on_kept`] is told how that went.
    Keep(Toggles),
    /// Measure our process and that of the codex that serves; [`super::core::Core::on_measured`] is told what was found.
    Measure {
        /// Its process id, while there is one.
        codex: Option<u32>,
    },
    /// Log something that an operator wants to know.
    Report(Report),
}

/// What the supervisor is told or asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start a fresh child beside the running one; work moves to it.
    Replace(Reason),
    /// End the daemon, as SIGTERM does.
    Drain,
    /// A child that was replaced has nothing left to do.
    Drained(Generation),
    /// A child doesn't answer any more.
    Unresponsive(Generation),
    /// A child answered a probe.
    Alive(Generation),
}

/// Why a child is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// SIGHUP.
    Signal,
    /// `daemon/restart`.
    Request,
    /// Its memory is over `WORKER_MAX_RSS_BYTES`.
    Memory {
        /// Its resident memory in bytes.
        bytes: u64,
    },
    /// It answers nothing, but its turns go on.
    Deaf,
}

impl Reason {
    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Request => "request",
            Self::Memory { .. } => "memory",
            Self::Deaf => "deaf",
        }
    }
}

/// What is logged. Names and numbers alone: nothing of what clients send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The daemon ended a turn in the child's place.
    TurnEnded {
        /// For whom it was.
        whose: Whose,
        /// The marker in the `turn/completed` that the client got.
        details: &'static str,
    },
    /// The child was too busy for a request, which is sent again.
    SentAgain {
        /// For whom it is.
        whose: Whose,
        /// Times that this happened to it.
        attempts: u32,
    },
    /// The child gave no answer within the deadline.
    NoAnswer {
        /// For whom it was.
        whose: Whose,
        /// What kind of request it was.
        kind: super::table::Kind,
    },
    /// An operator switched maintenance, or it ended by the clock.
    MaintenanceToggled {
        /// What is set; `None`: nothing any more.
        enabled: Option<bool>,
        /// When it ends by itself, in milliseconds since 1970.
        until_ms: Option<u64>,
    },
    /// An operator switched the service on or off.
    AppServerToggled {
        /// What is set; `None`: nothing any more.
        enabled: Option<bool>,
    },
}
