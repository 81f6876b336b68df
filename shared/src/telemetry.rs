//! Logs: one JSON object a line on stdout, or text for people.
//!
//! Every line has `timestamp`, `level`, `component` and `event`; a line of a library has the event `log`. Lines
//! are written by a thread of their own, so that a full pipe never stops a request; past its bound lines are
//! dropped rather than memory taken.

mod json;

use crate::settings::{Problem, Reader};
use std::sync::atomic::{AtomicU64, Ordering};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Panics of this process.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Lines that may wait to be written.
const WAITING_LINES: usize = 65_536;

/// How logs are written.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Which lines are written (`RUST_LOG`).
    pub filter: String,
    /// JSON, or text for people (`LOG_FORMAT`).
    pub json: bool,
}

impl LogConfig {
    /// Reads the two settings of [`crate::settings::COMMON`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let filter = reader.text("RUST_LOG").unwrap_or_default();
        if EnvFilter::try_new(&filter).is_err() {
            reader.problem("RUST_LOG", "must be an EnvFilter such as info or http_front=debug,info");
        }
        let format = reader.text("LOG_FORMAT").unwrap_or_default();
        if !matches!(format.as_str(), "json" | "text") {
            reader.problem("LOG_FORMAT", "must be json or text");
        }
        Self { filter, json: format != "text" }
    }
}

/// Flushes what waits when it is dropped.
#[must_use = "dropping it ends the writing of logs"]
#[derive(Debug)]
pub struct Guard {
    _writer: WorkerGuard,
}

/// Starts logging for the process and turns panics into `panic` events.
///
/// # Errors
/// A [`Problem`] when the filter can't be parsed or logging was started before.
pub fn init(component: &'static str, config: &LogConfig) -> Result<Guard, Problem> {
    let wrong = |message: String| Problem { setting: "RUST_LOG".into(), message };
    let filter = EnvFilter::try_new(&config.filter).map_err(|e| wrong(e.to_string()))?;
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .finish(std::io::stdout());
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = if config.json {
        layer.event_format(json::Format { component }).boxed()
    } else {
        layer.with_target(false).with_ansi(false).boxed()
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|e| wrong(e.to_string()))?;
    report_panics();
    Ok(Guard { _writer: guard })
}

/// How many panics there were in this process since [`init`].
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// A panic's message may hold what a client sent, so only its place is told.
fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        let place = info.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        tracing::error!(event = "panic", place, "Panic occurred");
    }));
}
