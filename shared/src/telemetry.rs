//! Logs: one JSON object a line on stdout, or text for people.
//!
//! Owns how a line looks ([`mod@line`]), which events there are and what they tell ([`events`]), who writes lines, and that a
//! panic becomes one of them. Every line has `timestamp`, `level`, `component` and `event`; a line of a library has the
//! event `log`. `RUST_LOG` chooses among them (`filter`), but not among panics. Lines are written by a thread of their own, so that a full pipe never stops a request; past its bounds
//! lines are dropped rather than memory taken, some may be refused by stdout, and how many is told ([`lines_dropped`]).

pub mod events;
pub mod line;

mod filter;
mod panics;
mod writer;

pub use panics::{about, request, within};

use crate::settings::{Problem, Reader};
use line::Look;
use std::{fs::File, io, os::fd::AsFd, sync::OnceLock, time::Duration};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};
use writer::Writer;

/// Where the lines of this process go.
static WRITER: OnceLock<Writer> = OnceLock::new();

/// How logs are written.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Which lines are written (`RUST_LOG`).
    pub filter: String,
    /// JSON, or text for people (`LOG_FORMAT`).
    pub json: bool,
    /// How long lines are collected behind one that was written (`LOG_COLLECT_MS`), at most [`MAX_COLLECT`].
    pub collect: Duration,
}

/// The longest that lines are collected.
pub const MAX_COLLECT: Duration = Duration::from_secs(1);

impl LogConfig {
    /// Reads the settings of [`crate::settings::COMMON`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let filter = reader.text("RUST_LOG").unwrap_or_default();
        if filter::read(&filter).is_err() {
            reader.problem("RUST_LOG", "must be an EnvFilter such as info or http_front=debug,info");
        }
        let format = reader.text("LOG_FORMAT").unwrap_or_default();
        if !matches!(format.as_str(), "json" | "text") {
            reader.problem("LOG_FORMAT", "must be json or text");
        }
        let collect = reader.millis("LOG_COLLECT_MS");
        if collect > MAX_COLLECT {
            reader.problem("LOG_COLLECT_MS", "must be at most 1000");
        }
        Self { filter, json: format != "text", collect }
    }
}

/// Writes what waits when it is dropped, for at most a second: nobody may read.
#[must_use = "dropping it ends the writing of logs"]
#[derive(Debug)]
pub struct Guard {
    writer: Writer,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.writer.close();
    }
}

/// Starts logging for the process and turns panics into `panic` events.
///
/// # Errors
/// A [`Problem`] when the filter can't be parsed, logging was started before or there can be no thread that writes.
pub fn init(component: &'static str, config: &LogConfig) -> Result<Guard, Problem> {
    let wrong = |message: String| Problem { setting: "RUST_LOG".into(), message };
    let filter = filter::read(&config.filter).map_err(|e| wrong(e.to_string()))?;
    let look = if config.json { Look::Json } else { Look::Text };
    let writer = stdout()
        .and_then(|out| Writer::start(out, component, look, config.collect))
        .map_err(|e| wrong(e.to_string()))?;
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer.clone())
        .event_format(line::Format { component, look });
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|e| wrong(e.to_string()))?;
    let writer = WRITER.get_or_init(|| writer).clone();
    panics::report();
    Ok(Guard { writer })
}

/// Where lines go, without the buffer that the standard library has before it: that one doesn't say how much was taken.
fn stdout() -> io::Result<File> {
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// How many panics there were in this process since [`init`].
pub fn panics() -> u64 {
    panics::count()
}

/// Lines of this process that are missing on stdout since its start: nobody took them in time, or they were refused.
pub fn lines_dropped() -> u64 {
    WRITER.get().map_or(0, Writer::dropped)
}
