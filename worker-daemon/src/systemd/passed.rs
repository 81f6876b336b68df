//! Socket activation: the socket that systemd listens on and passes to the daemon.
//!
//! It belongs to systemd: the daemon neither binds nor removes its file, and clients that connect while the daemon
//! is started again wait in the kernel's queue.

use listenfd::ListenFd;
use nix::sys::socket::{getsockopt, sockopt::AcceptConn};
use std::{io, os::unix::net::UnixListener};

/// Why what was passed can't be served.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// There is one socket to serve.
    #[error(
        "LISTEN_FDS: {0} sockets were passed, the daemon serves one; leave one ListenStream= in the socket unit"
    )]
    Several(usize),
    /// It is something else.
    #[error("LISTEN_FDS: a listening Unix stream socket is needed (ListenStream= with a path): {0}")]
    Unfit(io::Error),
    /// It is a connection.
    #[error("LISTEN_FDS: the passed socket doesn't listen; the socket unit needs Accept=no")]
    NotListening,
}

/// The socket among what was passed, if anything was.
///
/// # Errors
/// [`PassedError`], when it is anything but one listening Unix stream socket.
pub fn listener(mut passed: ListenFd) -> Result<Option<UnixListener>, PassedError> {
    if passed.len() > 1 {
        return Err(PassedError::Several(passed.len()));
    }
    let Some(listener) = passed.take_unix_listener(0).map_err(PassedError::Unfit)? else {
        return Ok(None);
    };
    match getsockopt(&listener, AcceptConn) {
        Ok(true) => {}
        Ok(false) => return Err(PassedError::NotListening),
        Err(error) => return Err(PassedError::Unfit(error.into())),
    }
    listener.set_nonblocking(true).map_err(PassedError::Unfit)?;
    Ok(Some(listener))
}
