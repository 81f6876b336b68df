//! What systemd is told while the daemon runs: ready, a status in words, stopping, and that the daemon is well.
//!
//! "Ready" is said once, after the first handshake of the child; a child that dies later doesn't take it back,
//! because the daemon answers for it meanwhile. "Well" is said at a third of the watchdog's time, and only while
//! whoever feeds the [`Pulse`] vouches for it: a daemon that hangs, or one whose child hangs without being
//! replaced, falls silent and is killed and started again.

use super::words::words;
use crate::due::due;
use sd_notify::NotifyState;
use shared::{
    control::{Status, WorkerState},
    shutdown::Shutdown,
};
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// What there is to tell.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// The state of the child.
    pub status: Status,
    /// Until when the daemon counts as well, if nothing newer comes.
    pub well_until: Instant,
}

/// Tells systemd what `pulse` says, until the end is forced, or a younger daemon speaks for the service. When nobody feeds it any more, what it said last runs
/// out, and the daemon is not called well again.
///
/// `watchdog` is the time within which systemd wants to hear that the daemon is well; `None` when it doesn't ask.
/// Without systemd nothing is sent.
pub async fn report(pulse: watch::Receiver<Pulse>, watchdog: Option<Duration>, shutdown: Shutdown) {
    let mut heard = true;
    let send = |said: &[Said]| {
        let said: Vec<NotifyState<'_>> = said.iter().map(Said::state).collect();
        // Once: what can't be sent now can't be sent in ten seconds either.
        if let Err(error) = sd_notify::notify(&said)
            && std::mem::take(&mut heard)
        {
            tracing::warn!(event = "notify_failed", %error, "can't tell systemd how the daemon is");
        }
    };
    report_to(send, pulse, watchdog, shutdown).await;
}

async fn report_to(
    mut send: impl FnMut(&[Said]),
    mut pulse: watch::Receiver<Pulse>,
    watchdog: Option<Duration>,
    shutdown: Shutdown,
) {
    let mut teller = Teller::new(watchdog, Instant::now());
    // Once nobody feeds the pulse any more, what it said last runs out.
    let mut fed = true;
    loop {
        // Before the look: a drain without work is forced at once, and that it began is told all the same.
        let (draining, forced) = (shutdown.is_draining(), shutdown.is_forced());
        let now = Instant::now();
        let said = teller.look(&pulse.borrow_and_update(), draining, now);
        if !said.is_empty() {
            send(&said);
        }
        if forced {
            return;
        }
        let ping = teller.next(now);
        tokio::select! {
            changed = pulse.changed(), if fed => fed = changed.is_ok(),
            () = shutdown.draining(), if !draining => {}
            () = shutdown.forced() => {}
            // Of a daemon that is replaced systemd takes no word.
            () = shutdown.replaced() => return,
            () = due(ping) => {}
        }
    }
}

/// One thing that systemd is told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Ready,
    Status(String),
    Stopping,
    Well,
}

impl Said {
    fn state(&self) -> NotifyState<'_> {
        match self {
            Self::Ready => NotifyState::Ready,
            Self::Status(text) => NotifyState::Status(text),
            Self::Stopping => NotifyState::Stopping,
            Self::Well => NotifyState::Watchdog,
        }
    }
}

/// Decides what to say and when; pure.
#[derive(Debug)]
struct Teller {
    ready: bool,
    stopping: bool,
    status: String,
    /// A third of the watchdog's time, and when the next "well" is due.
    watchdog: Option<(Duration, Instant)>,
}

impl Teller {
    fn new(watchdog: Option<Duration>, now: Instant) -> Self {
        Self {
            ready: false,
            stopping: false,
            status: String::new(),
            watchdog: watchdog.map(|limit| (limit / 3, now)),
        }
    }

    /// What is to be said now.
    fn look(&mut self, pulse: &Pulse, draining: bool, now: Instant) -> Vec<Said> {
        let mut said = Vec::new();
        if !self.ready && pulse.status.state == WorkerState::Ready {
            self.ready = true;
            said.push(Said::Ready);
        }
        if draining && !self.stopping {
            self.stopping = true;
            said.push(Said::Stopping);
        }
        let status = words(&pulse.status, draining);
        if status != self.status {
            self.status.clone_from(&status);
            said.push(Said::Status(status));
        }
        if let Some((third, due)) = &mut self.watchdog
            && now >= *due
            && now < pulse.well_until
        {
            *due = now + *third;
            said.push(Said::Well);
        }
        said
    }

    /// When to look again, if nothing changes before.
    fn next(&self, now: Instant) -> Option<Instant> {
        // Overdue means not well: whoever vouches again wakes the task by that.
        self.watchdog.map(|(third, due)| if due > now { due } else { now + third })
    }
}

#[cfg(test)]
mod tests;
