//! What waits for one child.

use super::probe::Probe;
use crate::mux::{admit::Admission, table::Interrupt};
use shared::id::ThreadId;
use std::{collections::VecDeque, time::Instant};

/// One living child, seen from its waiting line.
#[derive(Debug)]
pub(super) struct Lane {
    /// Requests of clients.
    pub(super) admission: Admission,
    /// Threads that the daemon lets go once there is room at the child.
    pub(super) leaving: VecDeque<ThreadId>,
    /// Interrupts of the daemon's own that wait for room at the child.
    pub(super) interrupts: VecDeque<(ThreadId, Interrupt)>,
    /// Interrupts that the child refused and that are tried again; their threads may be let go already.
    pub(super) refused: Vec<(ThreadId, Interrupt)>,
    /// Whether it is well.
    pub(super) probe: Probe,
    /// Whether the supervisor has been told that it has nothing left to do.
    pub(super) drained: bool,
}

impl Lane {
    /// For a child that shook hands now; its first probe is due at `probe`.
    pub(super) fn new(now: Instant, probe: Instant) -> Self {
        Self {
            admission: Admission::default(),
            leaving: VecDeque::new(),
            interrupts: VecDeque::new(),
            refused: Vec::new(),
            probe: Probe::new(now, probe),
            drained: false,
        }
    }
}
