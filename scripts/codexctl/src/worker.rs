//! A client of the daemon's socket: one request of the daemon's own, one answer, in bounded time.

use crate::{
    environment::{self, CODEX_HOME, SOCKET},
    failure::Failure,
};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde_json::{Value, json};
use shared::control;
use std::{
    io::{self, ErrorKind, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::PathBuf,
    time::{Duration, Instant},
};

/// The socket's name in the daemon's state folder, and that folder unless somebody says otherwise.
const NAME: &str = "worker.sock";
const FOLDER: &str = ".codex-api";
/// The most that is read, in bytes, whatever it is.
const MAX_ANSWER: usize = 64 * 1024;
/// The id of the one request.
const ID: u64 = 1;

/// The daemon.
#[derive(Debug)]
pub struct Worker {
    socket: PathBuf,
    patience: Duration,
}

/// Why there is no answer.
enum Trouble {
    /// The system says why.
    System(io::Error),
    /// It took too long.
    Late,
    /// There is one, and it is none of a daemon's.
    Odd,
    /// The daemon says why not.
    Refused(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        // What a socket's time limits come to.
        let late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        if late { Self::Late } else { Self::System(error) }
    }
}

impl Worker {
    /// The daemon that serves this socket, or the one that the environment names.
    ///
    /// # Errors
    /// The environment names several, as that of a front may.
    pub fn new(socket: Option<PathBuf>, patience: Duration) -> Result<Self, Failure> {
        let home = || environment::path(CODEX_HOME).unwrap_or_else(|| FOLDER.into()).join(NAME);
        let named = || environment::path(SOCKET).map(only).transpose();
        let socket = match socket {
            Some(socket) => socket,
            None => named()?.unwrap_or_else(home),
        };
        Ok(Self { socket, patience })
    }

    /// Asks for the daemon's status, which needs no handshake.
    ///
    /// # Errors
    /// No connection, no answer in time, or none of a daemon; each with what to do about it.
    pub fn status(&self) -> Result<Value, Failure> {
        self.ask(control::STATUS).map_err(|trouble| self.failure(&trouble))
    }

    fn ask(&self, method: &str) -> Result<Value, Trouble> {
        let begun = Instant::now();
        let left = || {
            let left = self.patience.saturating_sub(begun.elapsed());
            if left.is_zero() { Err(Trouble::Late) } else { Ok(Some(left)) }
        };
        let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
        let mut stream = UnixStream::from(socket.map_err(io::Error::from)?);
        // It bounds the connecting, too: a daemon that hangs accepts nobody.
        stream.set_write_timeout(left()?)?;
        let address = UnixAddr::new(&self.socket).map_err(io::Error::from)?;
        connect(stream.as_raw_fd(), &address).map_err(io::Error::from)?;
        stream.set_write_timeout(left()?)?;
        // Whom it doesn't know the daemon tells so, without reading.
        let sent = stream.write_all(format!("{}\n", json!({ "id": ID, "method": method })).as_bytes());
        let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
        loop {
            stream.set_read_timeout(left()?)?;
            let read = match stream.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if read == 0 {
                sent?;
                return Err(Trouble::Odd);
            }
            let scanned = text.len();
            text.extend_from_slice(&chunk[..read]);
            if text.len() > MAX_ANSWER {
                return Err(Trouble::Odd);
            }
            if text[scanned..].contains(&b'\n')
                && let Some(answer) = answer(&text)?
            {
                return Ok(answer);
            }
        }
    }

    /// What is to be said where the answer is none of a daemon.
    pub fn odd(&self) -> Failure {
        self.failure(&Trouble::Odd)
    }

    fn failure(&self, trouble: &Trouble) -> Failure {
        let path = self.socket.display();
        let names = format!("--socket or {SOCKET} names its socket");
        Failure::failed(match trouble {
            Trouble::System(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
            {
                format!("nothing serves {path}: is worker-daemon running? {names}")
            }
            Trouble::System(error) => format!("can't ask the daemon at {path}: {error}; {names}"),
            Trouble::Late => {
                format!("no answer from {path} within {}", humantime::format_duration(self.patience))
            }
            Trouble::Odd => format!("what serves {path} doesn't answer as a worker-daemon: {names}"),
            Trouble::Refused(why) => format!("the daemon at {path} refuses: {why}"),
        })
    }
}

/// The one socket that a variable names.
fn only(named: PathBuf) -> Result<PathBuf, Failure> {
    if named.to_string_lossy().contains(',') {
        return Err(Failure::usage(format!(
            "{SOCKET} names several sockets: --socket says which one is asked"
        )));
    }
    Ok(named)
}

/// The answer among the whole lines of `text`, once it is there.
fn answer(text: &[u8]) -> Result<Option<Value>, Trouble> {
    let end = text.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
    let lines = text[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| !line.is_empty()) {
        let mut line: Value = serde_json::from_slice(line).map_err(|_| Trouble::Odd)?;
        if !line.is_object() {
            return Err(Trouble::Odd);
        }
        if line.get("method").is_some() {
            continue;
        }
        // A line that answers no request in particular says why there will be no answer.
        if let Some(why) = line["error"]["message"].as_str() {
            return Err(Trouble::Refused(why.to_owned()));
        }
        if line["id"] == ID && line["result"].is_object() {
            return Ok(Some(line["result"].take()));
        }
        return Err(Trouble::Odd);
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
