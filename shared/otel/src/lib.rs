//! Spans and metrics over OTLP, for both binaries.
//!
//! Owns the settings of OpenTelemetry, the W3C trace context, the queue of ended spans, and what sends them and the
//! metrics to a collector, by gRPC or HTTP/protobuf. Everything that waits runs on threads of its own: whoever ends a span
//! or counts something never waits for a collector, and one that is down, slow or wrong costs what is in the bounded
//! queue and one log line a minute. Reads no environment: the settings come in as values. Logs no header, no address and
//! none of what a collector says.
//!
//! With no endpoint set there is nothing: no thread, no queue, and [`Otel`] is an empty option.

pub mod config;
pub mod context;
mod export;
mod metrics;
mod queue;
mod resource;
mod settings;

pub use config::Config;
pub use settings::SETTINGS;

use export::{Exporter, Tally};
use opentelemetry::{
    InstrumentationScope,
    metrics::{Meter, MeterProvider},
    trace::TracerProvider,
};
use opentelemetry_sdk::{
    metrics::SdkMeterProvider,
    trace::{SdkTracer, SdkTracerProvider, SpanLimits},
};
use queue::Queue;
use shared::{build_info, settings::Problem};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// How long the end of the program waits for a collector.
pub const END: Duration = Duration::from_secs(3);

/// What traces and measures; empty where nothing is exported. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Otel {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    tracer: Option<SdkTracer>,
    meter: Option<Meter>,
    content: bool,
    tally: Arc<Tally>,
}

/// What became of spans since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// A collector took them.
    pub exported: u64,
    /// The queue was full, or the program over.
    pub dropped: u64,
    /// A collector didn't take them.
    pub failed: u64,
}

impl Otel {
    /// What begins spans, where spans are exported.
    pub fn tracer(&self) -> Option<&SdkTracer> {
        self.inner.as_ref()?.tracer.as_ref()
    }

    /// What makes instruments, where metrics are exported.
    pub fn meter(&self) -> Option<&Meter> {
        self.inner.as_ref()?.meter.as_ref()
    }

    /// Whether spans may have what clients and the model say (`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`).
    pub fn content(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.content)
    }

    /// What became of spans.
    pub fn spans(&self) -> SpanCounts {
        self.inner.as_ref().map(|inner| inner.tally.spans()).unwrap_or_default()
    }
}

/// Sends what waits when it is dropped, for [`END`] at most. Blocks then: drop it outside a runtime.
#[must_use = "dropping it ends the export"]
#[derive(Debug)]
pub struct Guard(Option<Running>);

#[derive(Debug)]
struct Running {
    runtime: Runtime,
    ending: CancellationToken,
    meters: Option<SdkMeterProvider>,
    /// Ends when the last span was sent.
    sent: mpsc::Receiver<()>,
}

/// Starts the export as configured. Call it outside a runtime.
///
/// # Errors
/// The certificates to trust can't be read, or the thread can't be made.
pub fn start(config: &Config) -> Result<(Otel, Guard), Problem> {
    if config.traces.is_none() && config.metrics.is_none() {
        return Ok((Otel::default(), Guard(None)));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(2)
        .thread_name("otlp")
        .enable_all()
        .build()
        .map_err(|error| Problem {
            setting: "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(),
            message: format!("the thread that exports can't be made: {error}"),
        })?;
    let resource = resource::of(config);
    let tally = Arc::<Tally>::default();
    let scope = || InstrumentationScope::builder(config.component).with_version(build_info::VERSION).build();
    let ending = CancellationToken::new();
    let (last, sent) = mpsc::channel();
    let in_runtime = runtime.enter();
    let tracer = match &config.traces {
        Some(endpoint) => {
            let exporter = Exporter::new(endpoint, config, &tally)?;
            let queue = Queue::new(config.queue, Arc::clone(&tally));
            let sending = queue.clone().send(exporter, &resource, config.delay, ending.clone());
            runtime.spawn(async move {
                sending.await;
                drop(last);
            });
            let provider = SdkTracerProvider::builder()
                .with_sampler(config.sampler.clone())
                .with_span_limits(SpanLimits::default())
                .with_resource(resource.clone())
                .with_span_processor(queue)
                .build();
            Some(provider.tracer_with_scope(scope()))
        }
        None => None,
    };
    let meters = match &config.metrics {
        Some(endpoint) => {
            let exporter = Exporter::new(endpoint, config, &tally)?;
            Some(metrics::provider(exporter, config.interval, resource, runtime.handle().clone()))
        }
        None => None,
    };
    drop(in_runtime);
    let meter = meters.as_ref().map(|meters| meters.meter_with_scope(scope()));
    let inner = Inner { tracer, meter, content: config.content, tally };
    let running = Running { runtime, ending, meters, sent };
    Ok((Otel { inner: Some(Arc::new(inner)) }, Guard(Some(running))))
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(Running { runtime, ending, meters, sent }) = self.0.take() else { return };
        let until = Instant::now() + END;
        ending.cancel();
        let (done, measured) = mpsc::channel::<()>();
        if let Some(meters) = meters {
            // It waits for the collector for longer than we do, so it has a thread that nobody waits for.
            let end = move || {
                drop(meters.shutdown());
                drop(done);
            };
            drop(thread::Builder::new().name("otlp-end".to_owned()).spawn(end));
        } else {
            drop(done);
        }
        for ended in [sent, measured] {
            // Nothing is ever sent: it ends when the other side is dropped.
            let _ended = ended.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
        runtime.shutdown_background();
    }
}
