//! The signals that both binaries heed.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT, SIGHUP and SIGUSR2, from when this is made.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    usr2: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The end: SIGTERM or SIGINT.
    End,
    /// What SIGHUP means to the program.
    Hangup,
    /// That another process takes the place of this one: SIGUSR2.
    HandOver,
}

impl Signals {
    /// Watches them, within a tokio runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            usr2: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next one. Cancel safe.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::End,
            _ = self.int.recv() => Asked::End,
            _ = self.hup.recv() => Asked::Hangup,
            _ = self.usr2.recv() => Asked::HandOver,
        }
    }

    /// The next one that asks for the end; others are passed over. Cancel safe.
    pub async fn end(&mut self) {
        while self.next().await != Asked::End {}
    }
}
