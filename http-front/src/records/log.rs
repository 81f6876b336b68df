//! A log: a bounded queue, and a thread that writes it to a file.

use super::{
    file::{self, LogFile},
    seldom::Seldom,
};
use crate::{metrics::Metrics, reload::Reload};
use shared::shutdown::Shutdown;
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Instant,
};

/// Lines that may wait for the disk.
const QUEUE: usize = 16 * 1024;
/// Lines that are written at once.
const BATCH: usize = 256;

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// `TOKEN_LOG_PATH`.
    Usage,
    /// `ACCESS_LOG_PATH`.
    Access,
}

impl Which {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Usage, Self::Access];

    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Access => "access",
        }
    }

    /// The setting with its path.
    fn setting(self) -> &'static str {
        match self {
            Self::Usage => "TOKEN_LOG_PATH",
            Self::Access => "ACCESS_LOG_PATH",
        }
    }
}

/// Why a log can't be written as configured.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {}", self.message())]
pub struct LogError {
    /// The setting that chose the file.
    pub setting: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl LogError {
    /// What is wrong, and what to do about it.
    pub fn message(&self) -> String {
        let Self { path, source, .. } = self;
        let remedy = if source.kind() == io::ErrorKind::NotConnected {
            "start what reads it first, or name a file"
        } else if source.kind() == io::ErrorKind::IsADirectory {
            "name a file in it"
        } else {
            "its folder must be there, and writable by this user"
        };
        format!("{} can't be written: {source}; {remedy}", path.display())
    }
}

/// Whether a log could be opened now, without making its file. A pipe's reader may still be missing.
///
/// # Errors
/// [`LogError`], as the start would give it.
pub(super) fn check(which: Which, path: &Path) -> Result<(), LogError> {
    file::check(path).map_err(|source| LogError { setting: which.setting(), path: path.to_owned(), source })
}

/// A log. Cheap to clone; the writer ends with the last clone, when all is written.
#[derive(Debug, Clone)]
pub struct Log {
    which: Which,
    queue: SyncSender<Word>,
    metrics: Arc<Metrics>,
}

enum Word {
    Line(Vec<u8>),
    /// The file is to be opened again.
    Wake,
}

impl Log {
    /// Opens a log's file and starts its writer.
    ///
    /// # Errors
    /// [`LogError`], when the file can't be appended to.
    pub fn open(
        which: Which,
        path: &Path,
        max: u64,
        metrics: &Arc<Metrics>,
        shutdown: &Shutdown,
        reload: &Reload,
    ) -> Result<Self, LogError> {
        let refused = |source| LogError { setting: which.setting(), path: path.to_owned(), source };
        let file = LogFile::open(path, max).map_err(refused)?;
        let (queue, words) = sync_channel(QUEUE);
        let again = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            which,
            path: path.to_owned(),
            file,
            words,
            again: Arc::clone(&again),
            metrics: Arc::clone(metrics),
            since: Instant::now(),
            trouble: Seldom::default(),
            full: Seldom::default(),
            dropped: 0,
        };
        // The end waits for it as for a task; it ends when the last request has.
        drop(shutdown.spawn_blocking(move || writer.run()));
        let log = Self { which, queue, metrics: Arc::clone(metrics) };
        let (waker, mut asked, forced) = (log.queue.clone(), reload.watch(), shutdown.force_token());
        shutdown.spawn(async move {
            loop {
                tokio::select! {
                    () = forced.cancelled() => return,
                    changed = asked.changed() => if changed.is_err() { return },
                }
                again.store(true, Ordering::Release);
                // A queue that is full wakes the writer itself.
                let _awake = waker.try_send(Word::Wake);
            }
        });
        Ok(log)
    }

    /// A line of JSON. Never waits: where the disk doesn't keep up, a line is dropped and counted.
    pub fn push<T: serde::Serialize>(&self, line: &T) {
        let mut bytes = serde_json::to_vec(line).expect("own types serialize");
        bytes.push(b'\n');
        if self.queue.try_send(Word::Line(bytes)).is_err() {
            self.metrics.log_lines_dropped(self.which, 1);
        }
    }
}

struct Writer {
    which: Which,
    path: PathBuf,
    file: LogFile,
    words: Receiver<Word>,
    /// Whether the file is to be opened again.
    again: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    since: Instant,
    trouble: Seldom,
    /// That it is full and can't be renamed.
    full: Seldom,
    /// Lines that were not written since it was told last.
    dropped: u64,
}

impl Writer {
    fn run(mut self) {
        let mut lines = Vec::new();
        while let Ok(word) = self.words.recv() {
            let more = std::iter::from_fn(|| self.words.try_recv().ok()).take(BATCH - 1);
            for word in std::iter::once(word).chain(more) {
                match word {
                    Word::Line(line) => lines.push(line),
                    Word::Wake => {}
                }
            }
            // What was said before belongs to the file that was there before; a line more or less does no harm.
            if self.again.swap(false, Ordering::AcqRel)
                && let Err(error) = self.file.reopen()
            {
                self.tell(&error);
            }
            let (written, result) = self.file.append(&lines);
            let lost = (lines.len() - written) as u64;
            lines.clear();
            if let Some(error) = self.file.stuck() {
                self.tell_full(&error);
            }
            match result {
                Err(error) => {
                    self.metrics.log_lines_dropped(self.which, lost);
                    self.dropped += lost;
                    self.tell(&error);
                }
                Ok(()) if self.dropped > 0 && self.trouble.due(self.since.elapsed()) => self.tell_dropped(),
                Ok(()) => {}
            }
        }
        if self.dropped > 0 {
            self.tell_dropped();
        }
    }

    /// What was dropped after the last warning.
    fn tell_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        tracing::warn!(
            event = "log_lines_dropped", log = self.which.as_str(), path = %self.path.display(), dropped,
            "so many lines are missing since the last warning"
        );
    }

    /// That the file grows past its bound: at most a line a minute.
    fn tell_full(&mut self, error: &io::Error) {
        if self.full.due(self.since.elapsed()) {
            tracing::warn!(
                event = "log_file_full", log = self.which.as_str(), path = %self.path.display(), %error,
                "a log has reached PROXY_LOG_FILE_MAX_BYTES and can't be renamed, so it grows; let this user write to its folder"
            );
        }
    }

    /// What is wrong with the disk: at most a line a minute.
    fn tell(&mut self, error: &io::Error) {
        if self.trouble.due(self.since.elapsed()) {
            let dropped = std::mem::take(&mut self.dropped);
            tracing::warn!(
                event = "log_file_failed", log = self.which.as_str(), path = %self.path.display(), %error, dropped,
                "a log can't be written; requests go on without"
            );
        }
    }
}
