//! Ended spans on their way to the exporter.
//!
//! The SDK's batch processor keeps and sends them, on a thread of its own. It tells how many it dropped only at its end, so
//! this keeps the bound before it: promises that ending a span never waits, that no more than the bound are kept, and that
//! each one past it is counted as dropped at once.

use crate::export::Tally;
use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};
use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::Duration,
};

/// Spans that are sent at once.
const BATCH: usize = 512;

/// The queue.
#[derive(Debug)]
pub(crate) struct Queue {
    batches: BatchSpanProcessor,
    /// Spans that are in the processor's queue, and for a moment those that it has just taken out: never fewer.
    waiting: Arc<AtomicUsize>,
    most: usize,
    over: AtomicBool,
    tally: Arc<Tally>,
}

/// Tells that spans have left the queue.
#[derive(Debug)]
struct Leaving<E> {
    exporter: E,
    waiting: Arc<AtomicUsize>,
}

impl Queue {
    /// An empty queue for at most so many spans, which go to the exporter when a batch is full, or after the delay.
    pub(crate) fn new(
        exporter: impl SpanExporter + 'static,
        most: usize,
        delay: Duration,
        tally: Arc<Tally>,
    ) -> Self {
        let waiting = Arc::<AtomicUsize>::default();
        // Each of them is set: what isn't, it takes out of the environment.
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(most)
            .with_max_export_batch_size(BATCH.min(most))
            .with_scheduled_delay(delay)
            .build();
        let exporter = Leaving { exporter, waiting: Arc::clone(&waiting) };
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        Self { batches, waiting, most, over: AtomicBool::new(false), tally }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let room = |waiting: usize| (waiting < self.most).then_some(waiting + 1);
        if self.over.load(Relaxed) || self.waiting.fetch_update(AcqRel, Acquire, room).is_err() {
            self.tally.dropped();
            return;
        }
        self.batches.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.over.store(true, Relaxed);
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

impl<E: SpanExporter> SpanExporter for Leaving<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.waiting.fetch_sub(batch.len(), AcqRel);
        self.exporter.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
