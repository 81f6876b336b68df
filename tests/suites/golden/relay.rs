//! A recorder between the front and the daemon: copies bytes both ways and keeps the lines, in the order in which
//! they ended here. A line is kept before it is passed on, so a request stands before its answer.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

/// A running relay; it ends when it is dropped.
pub(crate) struct Relay {
    lines: Lines,
    _running: JoinSet<()>,
}

/// The lines so far: `> ` to the daemon, `< ` from it.
type Lines = Arc<Mutex<Vec<String>>>;

impl Relay {
    /// Serves `path` and passes everything on to the socket `to`.
    pub(crate) fn start(path: &Path, to: PathBuf) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let lines = Lines::default();
        let mut running = JoinSet::new();
        running.spawn(accept(listener, to, lines.clone()));
        Ok(Self { lines, _running: running })
    }

    /// What went over it so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn accept(listener: UnixListener, to: PathBuf, lines: Lines) {
    let mut connections = JoinSet::new();
    while let Ok((front, _)) = listener.accept().await {
        let Ok(daemon) = UnixStream::connect(&to).await else {
            continue;
        };
        let (from_front, to_front) = front.into_split();
        let (from_daemon, to_daemon) = daemon.into_split();
        connections.spawn(copy(from_front, to_daemon, "> ", lines.clone()));
        connections.spawn(copy(from_daemon, to_front, "< ", lines.clone()));
    }
}

/// Ends with either side; the writer is dropped then, which ends the other side.
async fn copy<R, W>(mut from: R, mut to: W, mark: &'static str, lines: Lines)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut line = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        for piece in chunk[..read].split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(piece);
            if line.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&line);
                let text = format!("{mark}{}", text.trim_end());
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                line.clear();
            }
        }
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}
