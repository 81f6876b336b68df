//! What is written down of requests, beside the program's log: usage, accesses, traces.
//!
//! Owns the files' writers and the forms of their lines. Promises: a request never waits for a file and never fails by
//! one; what can't be written is dropped and counted; a line is whole. No prompt, answer, key, header, raw path or query
//! is ever in a line: names of our own, numbers, and the client's address in the access log.

pub mod access;
mod file;
mod log;
mod seldom;
pub mod usage;

pub(crate) use file::{makeable, rotated};
pub use log::{Log, LogError, Which};
pub use seldom::Seldom;

use crate::{
    config::RecordConfig,
    metrics::Metrics,
    reload::Reload,
    trace::{Traces, TracesError},
};
use shared::{settings::Problem, shutdown::Shutdown};
use std::{path::PathBuf, sync::Arc};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered as it should be.
    Ok,
    /// It was answered with an error, or its stream ended with one.
    Error,
    /// The client left before the end.
    ClientDisconnect,
}

impl Outcome {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::ClientDisconnect => "client_disconnect",
        }
    }
}

/// Where what is written down goes; each is `None` where it is off.
#[derive(Debug, Clone)]
pub struct Records {
    /// The usage log.
    pub usage: Option<Log>,
    /// The access log.
    pub access: Option<Log>,
    /// The trace buffer.
    pub traces: Option<Traces>,
}

/// Why something can't be written down as configured.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// A log can't be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The trace buffer can't be.
    #[error(transparent)]
    Traces(#[from] TracesError),
}

impl Records {
    /// Opens what is configured, and starts the writers.
    ///
    /// # Errors
    /// [`RecordsError`], with the setting whose file or folder can't be used.
    pub fn open(
        config: &RecordConfig,
        metrics: &Arc<Metrics>,
        shutdown: &Shutdown,
        reload: &Reload,
    ) -> Result<Self, RecordsError> {
        let open = |which, path: &Option<PathBuf>| {
            path.as_ref()
                .map(|path| Log::open(which, path, config.max_log_bytes, metrics, shutdown, reload))
                .transpose()
        };
        Ok(Self {
            usage: open(Which::Usage, &config.usage_log)?,
            access: open(Which::Access, &config.access_log)?,
            traces: Traces::open(config, metrics, shutdown)?,
        })
    }
}

/// What is wrong with the files and folders that are configured, for those who check a configuration: what
/// [`Records::open`] would refuse, found without making or changing anything.
pub fn problems(config: &RecordConfig) -> Vec<Problem> {
    let logs = [(Which::Usage, &config.usage_log), (Which::Access, &config.access_log)];
    let logs = logs.into_iter().filter_map(|(which, path)| log::check(which, path.as_deref()?).err());
    let logs = logs.map(|wrong| Problem { setting: wrong.setting.to_owned(), message: wrong.message() });
    let traces = Traces::check(config).err();
    let traces = traces.map(|wrong| Problem { setting: wrong.setting.to_owned(), message: wrong.message() });
    logs.chain(traces).collect()
}

#[cfg(test)]
mod tests;
