//! What became of spans and metrics: counted always, told at most once a minute.

use super::Failure;
use crate::SpanCounts;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// The least time between two log lines.
const BETWEEN: Duration = Duration::from_secs(60);

/// The counts of a process.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    metrics_failed: AtomicU64,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    failing: bool,
    spans: SpanCounts,
    metrics: u64,
}

/// Spans that are being sent: failed, unless it is told otherwise.
#[derive(Debug)]
pub(super) struct Sending<'a> {
    tally: &'a Tally,
    count: u64,
}

impl Tally {
    /// The counts of spans.
    pub(crate) fn spans(&self) -> SpanCounts {
        SpanCounts {
            exported: self.exported.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }

    /// There was no room for a span.
    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    /// A collector didn't take an export of metrics.
    pub(super) fn metrics_failed(&self) {
        self.metrics_failed.fetch_add(1, Relaxed);
    }

    /// So many spans are being sent.
    pub(super) fn sending(&self, count: u64) -> Sending<'_> {
        Sending { tally: self, count }
    }

    /// Logs what is lost since the last line, where a minute has gone since; and once that exports work again.
    pub(super) fn tell(&self, failure: Option<Failure>) {
        self.tell_at(Instant::now(), failure);
    }

    fn tell_at(&self, now: Instant, failure: Option<Failure>) {
        let (spans, metrics) = (self.spans(), self.metrics_failed.load(Relaxed));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let lost =
            spans.failed > told.spans.failed || spans.dropped > told.spans.dropped || metrics > told.metrics;
        if lost && told.at.is_none_or(|at| now.duration_since(at) >= BETWEEN) {
            let error = failure.map_or_else(
                || "spans came faster than the collector took them".to_owned(),
                |failure| failure.to_string(),
            );
            tracing::warn!(
                event = "otlp_failed",
                error,
                spans_failed = spans.failed - told.spans.failed,
                spans_dropped = spans.dropped - told.spans.dropped,
                metric_exports_failed = metrics - told.metrics,
                "telemetry is lost; requests are not affected"
            );
            *told = Told { at: Some(now), failing: failure.is_some(), spans, metrics };
        } else if failure.is_none() && std::mem::take(&mut told.failing) {
            tracing::info!(event = "otlp_recovered", "the collector takes telemetry again");
        }
    }
}

impl Sending<'_> {
    /// The collector took them but for some, or didn't.
    pub(super) fn ended(mut self, result: &Result<u64, Failure>) {
        if let Ok(refused) = result {
            let taken = self.count.saturating_sub(*refused);
            self.tally.exported.fetch_add(taken, Relaxed);
            self.count -= taken;
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.tally.failed.fetch_add(self.count, Relaxed);
    }
}

#[cfg(test)]
mod tests;
