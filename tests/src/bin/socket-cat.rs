//! Sends its stdin to a Unix socket, closes its half, and prints what comes. Exit code 1: it may not connect.
//!
//! For tests that must be somebody else: a process of another user needs a program of its own.
#![expect(clippy::print_stderr, reason = "a program whose reason goes to its caller")]

use std::{io, net::Shutdown, os::unix::net::UnixStream, process::ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("socket-cat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let path = std::env::args_os().nth(1).ok_or_else(|| io::Error::other("name a socket"))?;
    let mut socket = UnixStream::connect(path)?;
    // One that is refused may be closed before it has sent everything; what it is told comes all the same.
    let sent = io::copy(&mut io::stdin(), &mut socket).and_then(|_| socket.shutdown(Shutdown::Write));
    match io::copy(&mut socket, &mut io::stdout()) {
        Ok(0) => sent,
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}
