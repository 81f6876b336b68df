//! The metrics of the GenAI conventions, over OTLP: by the names of before, and by those under `gen_ai.client.inference`.
//!
//! Their attributes are of closed sets: the model is one of those that are served, told apart as those of the page of metrics are, and the
//! error a code of the table of errors.

mod series;

use super::{attributes, model::Measured};
use crate::{
    metrics::models::{Model, Models},
    observe::Ended,
};
use opentelemetry::{
    KeyValue, StringValue,
    metrics::{Counter, Histogram, Meter},
};
use series::Series;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// The conventions' buckets of durations, in seconds.
const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Those of the time to the first token.
const FIRST: [f64; 16] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Those of the time of a token.
const TOKEN: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
/// Those of counts of tokens.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// The metrics.
#[derive(Debug)]
pub(super) struct Meters {
    instruments: Instruments,
    models: Models,
    /// The series of the models that were asked, by whether it was a chat: as many as there are names of models.
    series: [RwLock<HashMap<StringValue, Arc<Series>>>; 2],
}

#[derive(Debug)]
struct Instruments {
    usage: Histogram<u64>,
    /// Input and output.
    tokens: [Counter<u64>; 2],
    operation: [Histogram<f64>; 2],
    chunk: [Histogram<f64>; 2],
    request: Histogram<f64>,
    first: Histogram<f64>,
    token: Histogram<f64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, help: &'static str, buckets: &[f64]| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(help);
            histogram.with_boundaries(buckets.to_vec()).build()
        };
        Self {
            usage: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Number of input and output tokens used.")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            tokens: [
                ("gen_ai.client.inference.usage.input_tokens", "Number of input tokens used."),
                ("gen_ai.client.inference.usage.output_tokens", "Number of output tokens used."),
            ]
            .map(|(name, help)| meter.u64_counter(name).with_unit("{token}").with_description(help).build()),
            operation: ["gen_ai.client.operation.duration", "gen_ai.client.inference.duration"]
                .map(|name| seconds(name, "GenAI operation duration.", &SECONDS)),
            chunk: [
                "gen_ai.client.operation.time_to_first_chunk",
                "gen_ai.client.inference.time_to_first_chunk",
            ]
            .map(|name| seconds(name, "Time to the first chunk of a stream.", &SECONDS)),
            request: seconds(
                "gen_ai.server.request.duration",
                "Request duration, to its last byte.",
                &SECONDS,
            ),
            first: seconds(
                "gen_ai.server.time_to_first_token",
                "Time to the first token of a stream that succeeded.",
                &FIRST,
            ),
            token: seconds(
                "gen_ai.server.time_per_output_token",
                "Time per token behind the first one of a stream that succeeded.",
                &TOKEN,
            ),
        }
    }
}

impl Meters {
    pub(super) fn new(meter: &Meter) -> Self {
        let series = [RwLock::default(), RwLock::default()];
        Self { instruments: Instruments::new(meter), models: Models::default(), series }
    }

    /// The series of a model.
    fn series(&self, model: Option<&str>, chat: bool) -> Arc<Series> {
        let model: StringValue = match self.models.name(model).0 {
            Model::Fixed(name) => name.into(),
            Model::Named(name) => name.into(),
        };
        let all = &self.series[usize::from(chat)];
        if let Some(series) = all.read().unwrap_or_else(PoisonError::into_inner).get(&model) {
            return Arc::clone(series);
        }
        let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
        let series = all.entry(model).or_insert_with_key(|model| {
            let attributes = vec![
                KeyValue::new("gen_ai.operation.name", attributes::operation(chat)),
                KeyValue::new("gen_ai.provider.name", attributes::PROVIDER),
                KeyValue::new("gen_ai.system", attributes::PROVIDER),
                KeyValue::new("gen_ai.request.model", model.clone()),
                KeyValue::new("gen_ai.response.model", model.clone()),
            ];
            Arc::new(Series::new(&self.instruments, attributes))
        });
        Arc::clone(series)
    }

    /// A request for the model is over.
    pub(super) fn measure(&self, measured: &Measured, ended: &Ended<'_>) {
        self.series(measured.asked.model.as_deref(), measured.chat).measure(
            &self.instruments,
            measured,
            ended,
        );
    }
}
