//! What is to be known of an attempt besides whether it failed.
//!
//! The library tells it in two places that are for people: how many spans a collector refused of those that it took is a
//! log line, and why an export failed is a text. Both may have words of the collector. This listens to the line and takes
//! its number alone, and reads the name of the gRPC status off the text; nothing else of either is kept or logged.

use super::Failure;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tonic::Code;
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// Who says it.
const LIBRARY: &str = "opentelemetry-otlp";
/// The numbers, of spans and of metrics.
const REFUSED: [&str; 2] = ["rejected_spans", "rejected_data_points"];

/// What was heard of the attempt that runs; clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    noted: Arc<Mutex<Noted>>,
    /// Made once: each that is made looks at every log line of the program.
    subscriber: Dispatch,
}

#[derive(Debug, Default)]
struct Noted {
    refused: u64,
    failure: Option<Failure>,
}

/// Listens to the log lines of an attempt, of which none goes further.
struct Ear(Arc<Mutex<Noted>>);

impl Default for Heard {
    fn default() -> Self {
        let noted = Arc::<Mutex<Noted>>::default();
        Self { subscriber: Dispatch::new(Ear(Arc::clone(&noted))), noted }
    }
}

impl Heard {
    /// Another attempt begins.
    pub(super) fn forget(&self) {
        *lock(&self.noted) = Noted::default();
    }

    /// What is to hear the attempt.
    pub(super) fn subscriber(&self) -> Dispatch {
        self.subscriber.clone()
    }

    /// It failed, and the transport knows why.
    pub(super) fn failed(&self, failure: Failure) {
        lock(&self.noted).failure = Some(failure);
    }

    /// How many were refused, or why all are lost.
    pub(super) fn result(&self, result: OTelSdkResult) -> Result<u64, Failure> {
        let noted = lock(&self.noted);
        match (result, noted.failure) {
            (Ok(()), _) => Ok(noted.refused),
            (Err(_), Some(failure)) => Err(failure),
            (Err(OTelSdkError::InternalFailure(text)), None) => Err(named(&text)),
            (Err(OTelSdkError::Timeout(_)), None) => Err(Failure::Late),
            (Err(OTelSdkError::AlreadyShutdown), None) => Err(Failure::Other),
        }
    }
}

/// `… gRPC code: Unavailable`, and behind a colon what broke where it is no answer of the collector.
fn named(text: &str) -> Failure {
    let Some((_, rest)) = text.split_once("gRPC code: ") else { return Failure::Other };
    let (name, broke) = rest.split_once(':').map_or((rest, false), |(name, _)| (name, true));
    if broke {
        return Failure::Unreachable;
    }
    let code = (0..=16).map(Code::from_i32).find(|code| format!("{code:?}") == name);
    code.map_or(Failure::Other, Failure::Grpc)
}

fn lock(noted: &Mutex<Noted>) -> MutexGuard<'_, Noted> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscriber for Ear {
    fn enabled(&self, line: &Metadata<'_>) -> bool {
        line.target() == LIBRARY
            && *line.level() == Level::WARN
            && REFUSED.iter().any(|name| line.fields().field(name).is_some())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Number(&self.0));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Number<'a>(&'a Mutex<Noted>);

impl Visit for Number<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if REFUSED.contains(&field.name()) {
            lock(self.0).refused = u64::try_from(value).unwrap_or(0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests;
