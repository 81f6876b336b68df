//! Ended spans on their way to the exporter.
//!
//! Promises that ending a span takes a lock for a moment and never waits, and that no more than the bound are kept: past
//! it spans are dropped and counted. The exporter is woken by a full batch, or wakes by itself after the delay, and not by
//! each span.

use crate::export::{Exporter, Tally};
use opentelemetry::Context;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

/// Spans that are sent at once.
const BATCH: usize = 512;

/// The queue; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Waiting>,
    full: Notify,
    most: usize,
    batch: usize,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<SpanData>,
    over: bool,
}

impl Queue {
    /// An empty queue for at most so many spans.
    pub(crate) fn new(most: usize, tally: Arc<Tally>) -> Self {
        let waiting = Mutex::default();
        Self(Arc::new(Shared { waiting, full: Notify::new(), most, batch: BATCH.min(most), tally }))
    }

    fn push(&self, span: SpanData) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.over || waiting.spans.len() >= self.0.most {
            drop(waiting);
            self.0.tally.dropped();
            return;
        }
        waiting.spans.push(span);
        let full = waiting.spans.len() == self.0.batch;
        drop(waiting);
        if full {
            self.0.full.notify_one();
        }
    }

    fn take(&self) -> Vec<SpanData> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The oldest first.
        let now = waiting.spans.len().min(self.0.batch);
        let later = waiting.spans.split_off(now);
        std::mem::replace(&mut waiting.spans, later)
    }

    fn close(&self) {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).over = true;
    }

    /// Sends what is pushed until `ending`, and then what is left.
    pub(crate) fn send(
        self,
        exporter: Exporter,
        resource: &Resource,
        delay: Duration,
        ending: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let resource = ResourceAttributesWithSchema::from(resource);
        async move {
            while !ending.is_cancelled() {
                let due = timeout(delay, self.0.full.notified());
                tokio::select! {
                    _ = due => {}
                    () = ending.cancelled() => {}
                }
                self.empty(&exporter, &resource, &ending).await;
            }
            self.close();
            self.empty(&exporter, &resource, &ending).await;
        }
    }

    async fn empty(
        &self,
        exporter: &Exporter,
        resource: &ResourceAttributesWithSchema,
        ending: &CancellationToken,
    ) {
        loop {
            let batch = self.take();
            if batch.is_empty() {
                return;
            }
            let last = batch.len() < self.0.batch;
            exporter.spans(batch, resource, ending).await;
            // What has come meanwhile waits for company.
            if last {
                return;
            }
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.push(span);
        }
    }

    /// Nobody asks for it: the end of the program does.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
