//! The series of one model. Each is looked up once: what a request costs is then the adding alone.

use super::Instruments;
use crate::{
    observe::Ended,
    records::Outcome,
    spans::{attributes, model::Measured},
};
use opentelemetry::{
    KeyValue,
    metrics::{BoundCounter, BoundHistogram, Counter, Histogram},
};
use std::sync::OnceLock;

/// The series with these attributes.
#[derive(Debug)]
pub(super) struct Series {
    attributes: Vec<KeyValue>,
    /// Of input and output.
    usage: [Distribution<u64>; 2],
    tokens: [Sum; 2],
    operation: [Distribution<f64>; 2],
    chunk: [Distribution<f64>; 2],
    request: Distribution<f64>,
    first: Distribution<f64>,
    token: Distribution<f64>,
}

/// A histogram's series. It is there from its first value on: one without any would be told as if it had some.
#[derive(Debug)]
struct Distribution<T> {
    histogram: Histogram<T>,
    bound: OnceLock<BoundHistogram<T>>,
}

/// A counter's series, in the same way.
#[derive(Debug)]
struct Sum {
    counter: Counter<u64>,
    bound: OnceLock<BoundCounter<u64>>,
}

impl<T: Clone> Distribution<T> {
    fn of(histogram: &Histogram<T>) -> Self {
        Self { histogram: histogram.clone(), bound: OnceLock::new() }
    }

    fn record(&self, value: T, attributes: &[KeyValue]) {
        self.record_with(value, || attributes.to_vec());
    }

    /// With attributes that are made only where they are needed.
    fn record_with(&self, value: T, attributes: impl FnOnce() -> Vec<KeyValue>) {
        self.bound.get_or_init(|| self.histogram.bind(&attributes())).record(value);
    }
}

impl Sum {
    fn of(counter: &Counter<u64>) -> Self {
        Self { counter: counter.clone(), bound: OnceLock::new() }
    }

    fn add(&self, value: u64, attributes: &[KeyValue]) {
        self.bound.get_or_init(|| self.counter.bind(attributes)).add(value);
    }
}

impl Series {
    pub(super) fn new(instruments: &Instruments, attributes: Vec<KeyValue>) -> Self {
        let Instruments { usage, tokens, operation, chunk, request, first, token } = instruments;
        Self {
            attributes,
            usage: [(); 2].map(|()| Distribution::of(usage)),
            tokens: tokens.each_ref().map(Sum::of),
            operation: operation.each_ref().map(Distribution::of),
            chunk: chunk.each_ref().map(Distribution::of),
            request: Distribution::of(request),
            first: Distribution::of(first),
            token: Distribution::of(token),
        }
    }

    /// A request for its model is over.
    pub(super) fn measure(&self, instruments: &Instruments, measured: &Measured, ended: &Ended<'_>) {
        let Self { attributes, .. } = self;
        let Measured { took, first, .. } = measured;
        if let Some(first) = first {
            self.chunk.iter().for_each(|chunk| chunk.record(first.as_secs_f64(), attributes));
        }
        if let Some(first) = first
            && ended.outcome == Outcome::Ok
        {
            self.first.record(first.as_secs_f64(), attributes);
            if let Some(tokens) = ended.usage.filter(|tokens| tokens.output > 1) {
                #[expect(clippy::cast_precision_loss, reason = "a count of tokens is far below 2^52")]
                let behind = (tokens.output - 1) as f64;
                self.token.record(took.saturating_sub(*first).as_secs_f64() / behind, attributes);
            }
        }
        if let Some(tokens) = &ended.usage {
            let counts = [("input", tokens.input), ("output", tokens.output)];
            for (((kind, count), sum), usage) in counts.into_iter().zip(&self.tokens).zip(&self.usage) {
                sum.add(count, attributes);
                usage.record_with(count, || self.with("gen_ai.token.type", kind));
            }
        }
        let (took, latency) = (took.as_secs_f64(), ended.latency.as_secs_f64());
        match ended.error {
            None => {
                self.operation.iter().for_each(|operation| operation.record(took, attributes));
                self.request.record(latency, attributes);
            }
            // There are as many of these as codes of errors, and they are seldom.
            Some(error) => {
                let attributes = self.with(attributes::ERROR, error.closed_code());
                instruments.operation.iter().for_each(|operation| operation.record(took, &attributes));
                instruments.request.record(latency, &attributes);
            }
        }
    }

    fn with(&self, name: &'static str, value: &'static str) -> Vec<KeyValue> {
        let mut attributes = self.attributes.clone();
        attributes.push(KeyValue::new(name, value));
        attributes
    }
}
