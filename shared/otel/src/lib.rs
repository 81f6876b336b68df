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
mod sampling;
mod settings;

pub use config::Config;
pub use settings::SETTINGS;

use export::{Around, Tally};
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
use sampling::Sampling;
use shared::{build_info, control::metrics::Spans, settings::Problem};
use std::{
    mem,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tracing::subscriber::{NoSubscriber, with_default};

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

    /// What became of spans since the start.
    pub fn spans(&self) -> Spans {
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
    tracers: Option<SdkTracerProvider>,
    meters: Option<SdkMeterProvider>,
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
    let tally = Arc::<Tally>::default();
    let ending = CancellationToken::new();
    let around =
        Around { tally: Arc::clone(&tally), ending: ending.clone(), runtime: runtime.handle().clone() };
    let (tracers, meters) = {
        let _inside = runtime.enter();
        // The library warns of variables that it doesn't understand, and aren't asked: the settings are set in code.
        with_default(NoSubscriber::new(), || providers(config, &around))?
    };
    let scope = || InstrumentationScope::builder(config.component).with_version(build_info::VERSION).build();
    let inner = Inner {
        tracer: tracers.as_ref().map(|tracers| tracers.tracer_with_scope(scope())),
        meter: meters.as_ref().map(|meters| meters.meter_with_scope(scope())),
        content: config.content,
        tally,
    };
    let running = Running { runtime, ending, tracers, meters };
    Ok((Otel { inner: Some(Arc::new(inner)) }, Guard(Some(running))))
}

type Providers = (Option<SdkTracerProvider>, Option<SdkMeterProvider>);

fn providers(config: &Config, around: &Around) -> Result<Providers, Problem> {
    let resource = resource::of(config);
    let tracers = match &config.traces {
        Some(endpoint) => {
            let sender = export::spans(endpoint, config, around.clone())?;
            let queue = Queue::new(sender, config.queue, config.delay, Arc::clone(&around.tally));
            let provider = SdkTracerProvider::builder()
                .with_sampler(Sampling(config.sampler.clone()))
                .with_span_limits(SpanLimits::default())
                .with_resource(resource.clone())
                .with_span_processor(queue)
                .build();
            Some(provider)
        }
        None => None,
    };
    let meters = match &config.metrics {
        Some(endpoint) => {
            let sender = export::metrics(endpoint, config, around.clone())?;
            Some(metrics::provider(sender, config.interval, resource))
        }
        None => None,
    };
    Ok((tracers, meters))
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(Running { runtime, ending, tracers, meters }) = self.0.take() else { return };
        let until = Instant::now() + END;
        ending.cancel();
        let ends = [
            tracers.and_then(|tracers| apart(move || drop(tracers.shutdown_with_timeout(END)))),
            meters.and_then(|meters| apart(move || drop(meters.shutdown_with_timeout(END)))),
        ];
        let ended = ends.into_iter().flatten().all(|end| {
            let left = until.saturating_duration_since(Instant::now());
            end.recv_timeout(left).is_ok()
        });
        if ended {
            runtime.shutdown_background();
        } else {
            // A thread of the SDK is still sending on it, and would panic; the process ends now.
            mem::forget(runtime);
        }
    }
}

/// Does it on a thread of its own, at once with others, and says when it is done. What the SDK says of it isn't logged:
/// that the time is over is no fault.
fn apart(end: impl FnOnce() + Send + 'static) -> Option<mpsc::Receiver<()>> {
    let (done, ended) = mpsc::channel();
    let end = move || {
        with_default(NoSubscriber::new(), end);
        // Nobody may wait any more.
        let _waiting = done.send(());
    };
    thread::Builder::new().name("otlp-end".to_owned()).spawn(end).ok().map(|_| ended)
}
