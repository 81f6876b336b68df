//! The writer of the trace buffer: a thread of its own behind a bounded queue.

use super::{
    Finished, Trace,
    folder::{self, Folder},
    prune::{LEFTOVER, Reason},
};
use crate::{config::RecordConfig, metrics::Metrics, record::RequestId, records::Seldom};
use shared::shutdown::Shutdown;
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant, SystemTime},
};

/// Traces that may wait for the disk.
const QUEUE: usize = 128;
/// Traces that are written before the folder is looked through again.
const BATCH: usize = 32;
/// How often the folder is pruned when nothing is written.
const PRUNE: Duration = LEFTOVER;

/// Why traces can't be kept as configured.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {}", self.message())]
pub struct TracesError {
    /// The setting that chose the folder.
    pub setting: &'static str,
    /// The folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl TracesError {
    /// What is wrong, and what to do about it.
    pub fn message(&self) -> String {
        let Self { path, source, .. } = self;
        format!(
            "{} can't be used for traces: {source}; it must be a folder that this user may write",
            path.display()
        )
    }
}

/// Where finished traces go. Cheap to clone; the writer ends with the last clone, when all is written.
#[derive(Debug, Clone)]
pub struct Traces {
    queue: SyncSender<Box<Finished>>,
    metrics: Arc<Metrics>,
}

impl Traces {
    /// Opens the buffer; `None` where it is off.
    ///
    /// # Errors
    /// [`TracesError`], where there is no folder to write to.
    pub fn open(
        config: &RecordConfig,
        metrics: &Arc<Metrics>,
        shutdown: &Shutdown,
    ) -> Result<Option<Self>, TracesError> {
        if !config.traces {
            return Ok(None);
        }
        let path = config.trace_dir.clone();
        let folder = Folder::open(path.clone(), config.trace_files, config.trace_ttl)
            .map_err(|source| TracesError { setting: "PROXY_TRACE_BUFFER_DIR", path, source })?;
        let (queue, finished) = sync_channel(QUEUE);
        let writer = Writer {
            folder,
            finished,
            metrics: Arc::clone(metrics),
            since: Instant::now(),
            trouble: Seldom::default(),
            dropped: 0,
            pruned: Reason::ALL.map(|reason| (reason, 0, Seldom::default())),
        };
        // The end waits for it as for a task; it ends when the last request has.
        drop(shutdown.spawn_blocking(move || writer.run()));
        Ok(Some(Self { queue, metrics: Arc::clone(metrics) }))
    }

    /// Whether the buffer could be opened now, without making or changing anything.
    ///
    /// # Errors
    /// [`TracesError`], as [`open`](Self::open) would give it.
    pub fn check(config: &RecordConfig) -> Result<(), TracesError> {
        if !config.traces {
            return Ok(());
        }
        let path = config.trace_dir.clone();
        folder::check(&path).map_err(|source| TracesError { setting: "PROXY_TRACE_BUFFER_DIR", path, source })
    }

    /// The trace of a request that began at `began` and asks this model.
    pub fn begin(&self, id: RequestId, began: SystemTime, model: Option<String>) -> Trace {
        Trace::new(self.clone(), id, began, model)
    }

    /// Never waits: where the disk doesn't keep up, a trace is dropped and counted.
    pub(super) fn hand_over(&self, finished: Finished) {
        if self.queue.try_send(Box::new(finished)).is_err() {
            self.metrics.trace_dropped("queue");
        }
    }
}

struct Writer {
    folder: Folder,
    finished: Receiver<Box<Finished>>,
    metrics: Arc<Metrics>,
    since: Instant,
    trouble: Seldom,
    /// Traces that were not written since it was told last.
    dropped: u64,
    /// Files that went since it was told last.
    pruned: [(Reason, u64, Seldom); 3],
}

impl Writer {
    fn run(mut self) {
        self.tidy();
        loop {
            match self.finished.recv_timeout(PRUNE) {
                Ok(finished) => {
                    self.write(*finished);
                    for _ in 1..BATCH {
                        let Ok(finished) = self.finished.try_recv() else { break };
                        self.write(*finished);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tidy();
        }
        if self.dropped > 0 {
            self.tell_dropped();
        }
    }

    /// What was dropped after the last warning.
    fn tell_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        tracing::warn!(
            event = "traces_dropped", path = %self.folder.path().display(), dropped,
            "so many traces are missing since the last warning"
        );
    }

    fn write(&mut self, finished: Finished) {
        let (name, trace) = finished.into_file();
        let mut bytes = serde_json::to_vec(&trace).expect("own types serialize");
        bytes.push(b'\n');
        let now = self.since.elapsed();
        match self.folder.write(&name, &bytes, now) {
            Err(error) => {
                self.metrics.trace_dropped("disk");
                self.dropped += 1;
                self.tell(&error);
            }
            Ok(()) if self.dropped > 0 && self.trouble.due(now) => self.tell_dropped(),
            Ok(()) => {}
        }
        // Also between others: so many at a time must not stand there.
        if self.folder.is_over() {
            self.prune(now);
        }
    }

    /// Looks through the folder, where others may write too, and removes what has to go.
    fn tidy(&mut self) {
        let now = self.since.elapsed();
        if let Err(error) = self.folder.scan(now, SystemTime::now()) {
            self.tell(&error);
        }
        self.prune(now);
        for (reason, files, told) in &mut self.pruned {
            if *files > 0 && told.due(now) {
                tracing::info!(
                    event = "trace_buffer_pruned",
                    reason = reason.as_str(),
                    files = std::mem::take(files)
                );
            }
        }
    }

    fn prune(&mut self, now: Duration) {
        let (gone, result) = self.folder.prune(now);
        for gone in gone {
            self.metrics.trace_pruned(gone);
            for (reason, files, _) in &mut self.pruned {
                *files += u64::from(*reason == gone);
            }
        }
        self.metrics.trace_files(self.folder.len());
        if let Err(error) = result {
            self.tell(&error);
        }
    }

    /// What is wrong with the disk: at most a line a minute.
    fn tell(&mut self, error: &io::Error) {
        if self.trouble.due(self.since.elapsed()) {
            let dropped = std::mem::take(&mut self.dropped);
            tracing::warn!(
                event = "trace_buffer_failed", path = %self.folder.path().display(), %error, dropped,
                "the trace buffer can't be written; requests go on without"
            );
        }
    }
}
