//! A process that is nobody's child, held by a handle that stays its own however often its number is used again.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use std::{io, os::fd::OwnedFd, time::Duration};
use tokio::time::{sleep, timeout};

/// How long it has to end after SIGTERM.
const END: Duration = Duration::from_secs(5);
/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// A process that has to end with this, until it is [left alone](Self::leave).
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    /// None: it has ended already, or was left alone.
    handle: Option<OwnedFd>,
}

impl Process {
    /// The process that has this number now.
    ///
    /// # Errors
    /// The system has no descriptors left, or can't give one for a process (Linux before 5.3).
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| io::Error::other("no process has this number"))?;
        let handle = match pidfd_open(number, PidfdFlags::empty()) {
            Ok(handle) => Some(handle),
            Err(rustix::io::Errno::SRCH) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { pid, handle })
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends it a signal, if it still runs.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(handle) = &self.handle {
            // It may have ended at this moment.
            let _gone = pidfd_send_signal(handle, signal);
        }
    }

    /// Ends it: SIGTERM, and SIGKILL where that didn't help within 5 s. SIGKILL at once where this is cancelled.
    pub(crate) async fn end(self) {
        self.signal(Signal::TERM);
        let ended = async {
            while !self.has_ended() {
                sleep(LOOK).await;
            }
        };
        // Where that is not seen in time, it is killed with this.
        let _ended = timeout(END, ended).await;
    }

    /// Whether it has ended: its handle is readable from then on.
    fn has_ended(&self) -> bool {
        let Some(handle) = &self.handle else { return true };
        let mut looked = [PollFd::new(handle, PollFlags::IN)];
        poll(&mut looked, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// It needn't end with this any more.
    pub(crate) fn leave(mut self) -> Left {
        Left(Self { pid: self.pid, handle: self.handle.take() })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// A process that lives on by itself.
#[derive(Debug)]
pub(crate) struct Left(Process);

impl Left {
    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Sends it a signal, if it still runs.
    pub(crate) fn signal(&self, signal: Signal) {
        self.0.signal(signal);
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.0.handle = None;
    }
}
