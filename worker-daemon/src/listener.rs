//! The Unix socket: bound with care, removed on the way out.

use crate::{
    door::{Door, Doorkeeper},
    systemd::passed::PassedError,
};
use serde::{Deserialize, Serialize};
use shared::id::ConnId;
use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::net::UnixListener;

/// The longest path that fits into `sockaddr_un` on Linux, its terminating zero not counted.
pub const MAX_PATH: usize = 107;
/// How long to wait after `accept` failed (too many open files), so that the loop doesn't spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the socket can't be served.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The kernel has no room for such a path.
    #[error(
        "WORKER_SOCKET: {} is {} bytes long, a Unix socket path may have {MAX_PATH}; choose a shorter one such as /run/codex/worker.sock",
        path.display(),
        path.as_os_str().len()
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// Somebody answers there.
    #[error("WORKER_SOCKET: another process serves {} already; stop it or choose another path", path.display())]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// Something else than a socket is there.
    #[error("WORKER_SOCKET: {} exists and is no socket; remove it or choose another path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// What systemd passed is no socket to serve.
    #[error(transparent)]
    Passed(#[from] PassedError),
    /// The system refused.
    #[error("WORKER_SOCKET: can't serve {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The file of a socket that a daemon has made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Made {
    /// Where it is: the socket was bound under another name.
    path: PathBuf,
    inode: u64,
}

impl Made {
    /// Removes the file, unless another one has its name.
    fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.ino() == self.inode) {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

/// A socket that listens. The file that is its own is removed when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// The file that is to be removed; `None` where it is that of systemd or of another daemon.
    made: Option<Made>,
}

impl Socket {
    /// Binds `path` with file mode `mode`. A socket that nobody serves any more is replaced.
    ///
    /// # Errors
    /// [`BindError`], with a message that names the remedy. Must be called within a tokio runtime.
    pub fn bind(path: &Path, mode: u32) -> Result<Self, BindError> {
        let owned = || path.to_path_buf();
        let io = |source| BindError::Io { path: owned(), source };
        if path.as_os_str().len() > MAX_PATH {
            return Err(BindError::TooLong { path: owned() });
        }
        match fs::symlink_metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(io(e)),
            Ok(meta) if !meta.file_type().is_socket() => return Err(BindError::NotASocket { path: owned() }),
            Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
                Ok(_) => return Err(BindError::InUse { path: owned() }),
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                    fs::remove_file(path).map_err(io)?
                }
                Err(e) => return Err(io(e)),
            },
        }
        // Nobody can connect before the mode is set: binding makes the file with the umask's rights, and until
        // `listen` a connect is refused. tokio binds and listens in one step, so the socket is bound under a
        // name of its own and renamed when its mode is right.
        let hidden = path.with_extension(format!("{}.new", std::process::id()));
        let hidden = if hidden.as_os_str().len() > MAX_PATH { owned() } else { hidden };
        let listener = UnixListener::bind(&hidden).map_err(io)?;
        fs::set_permissions(&hidden, fs::Permissions::from_mode(mode)).map_err(io)?;
        if hidden != path {
            fs::rename(&hidden, path).map_err(io)?;
        }
        let inode = fs::symlink_metadata(path).map_err(io)?.ino();
        Ok(Self { listener, path: owned(), made: Some(Made { path: owned(), inode }) })
    }

    /// Serves a socket that systemd or an older daemon passed, bound and listening; its file stays theirs until it is given
    /// by [`Self::own`]. `made` is the file, where a daemon has made it.
    ///
    /// # Errors
    /// [`BindError::Passed`]. Must be called within a tokio runtime.
    pub fn passed(
        listener: std::os::unix::net::UnixListener,
        made: Option<&Made>,
    ) -> Result<Self, BindError> {
        let address = listener.local_addr().map_err(PassedError::Unfit)?;
        let bound = || address.as_pathname().map(Path::to_path_buf).unwrap_or_default();
        let path = made.map_or_else(bound, |made| made.path.clone());
        let listener = UnixListener::from_std(listener).map_err(PassedError::Unfit)?;
        Ok(Self { listener, path, made: None })
    }

    /// This file is to be removed with it from now on.
    pub fn own(&mut self, made: Option<Made>) {
        self.made = made;
    }

    /// The socket once more, for a younger daemon, and its file where that was made here.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn again(&self) -> io::Result<(OwnedFd, Option<Made>)> {
        Ok((self.listener.as_fd().try_clone_to_owned()?, self.made.clone()))
    }

    /// Where it is; empty for a passed socket without a path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(made) = &self.made {
            made.remove();
        }
    }
}

/// Accepts connections until the drain begins; the socket's file is gone after that. Where a younger daemon takes over, nobody
/// is accepted any more, and the file is its.
pub async fn accept(mut socket: Socket, door: Door) {
    let shutdown = door.shutdown.clone();
    let door = Doorkeeper::new(door);
    let mut next = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.replaced() => break,
            () = shutdown.draining() => break,
            accepted = socket.listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                next += 1;
                door.came(ConnId(next), stream);
            }
            Err(error) => {
                tracing::warn!(event = "accept_failed", %error, "can't accept a client");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if shutdown.is_replaced() {
        socket.own(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn replaces_a_dead_socket_and_refuses_a_live_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let first = Socket::bind(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Socket::bind(&path, 0o600), Err(BindError::InUse { .. })));
        // A crash leaves the file behind.
        let mut crashed = first;
        crashed.made = None;
        drop(crashed);
        assert!(path.exists());
        let second = Socket::bind(&path, 0o660).unwrap();
        drop(second);
        assert!(!path.exists(), "nothing is left behind");
    }

    #[tokio::test]
    async fn the_file_of_a_passed_socket_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let socket = Socket::passed(listener.try_clone().unwrap(), None).unwrap();
        assert_eq!(socket.path(), path);
        drop(socket);
        assert!(path.exists(), "it belongs to whoever bound it");
        std::os::unix::net::UnixStream::connect(&path).expect("it still listens");
    }

    #[tokio::test]
    async fn the_file_goes_over_with_the_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let mut first = Socket::bind(&path, 0o600).unwrap();
        let (listener, made) = first.again().unwrap();
        let listener = std::os::unix::net::UnixListener::from(listener);
        let mut second = Socket::passed(listener, made.as_ref()).unwrap();
        // It was bound under another name, and clients are judged by the file.
        assert_eq!(second.path(), path);
        first.own(None);
        drop(first);
        assert!(path.exists());
        second.own(made);
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(120));
        let error = Socket::bind(&long, 0o600).unwrap_err();
        assert!(error.to_string().contains("107"), "{error}");
        let file = dir.path().join("f");
        fs::write(&file, "").unwrap();
        assert!(matches!(Socket::bind(&file, 0o600), Err(BindError::NotASocket { .. })));
        assert!(file.exists());
        assert!(matches!(Socket::bind(&dir.path().join("no/s"), 0o600), Err(BindError::Io { .. })));
    }
}
