//! systemd as the daemon's parent: what it is told (sd_notify), and the socket that it may pass.
//!
//! Without systemd nothing here does anything: no one listens, and no socket is passed.

pub mod notify;
pub mod passed;
mod words;

/// The variables of this protocol. They are the daemon's own: a child that had them could speak in its name.
pub const VARIABLES: &[&str] = &[
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "LISTEN_FDS_FIRST_FD",
    // Not systemd's, and no more for a child than those.
    handover::VARIABLE,
];
