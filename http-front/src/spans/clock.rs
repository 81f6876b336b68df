//! The times of a request's spans: the wall clock is asked once, and what comes behind is measured from there. A clock that
//! is set meanwhile moves no end before its beginning.

use std::time::{Duration, Instant, SystemTime};

/// When a request began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    wall: SystemTime,
    since: Instant,
}

impl Clock {
    /// It begins now.
    pub(super) fn start() -> Self {
        Self::at(SystemTime::now())
    }

    /// It begins now, which is this time.
    pub(super) fn at(wall: SystemTime) -> Self {
        Self { wall, since: Instant::now() }
    }

    /// When it began.
    pub(super) fn began(&self) -> SystemTime {
        self.wall
    }

    /// What time it is.
    pub(super) fn now(&self) -> SystemTime {
        self.wall + self.elapsed()
    }

    /// How long ago it began.
    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}
