//! Series of streams and tokens.

use super::{
    labels::{Label, NONE, TOKEN_TYPES},
    series::{Maker, Series},
};
use crate::openai::usage::Tokens;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge};

const TTFB: Series = Series::histogram(
    "codex_stream_ttfb_ms",
    &[Label::Route, Label::Model],
    "Milliseconds from the beginning of a request to the first token of its stream: of the text, the reasoning or a call.",
);
const DURATION: Series = Series::histogram(
    "codex_stream_duration_ms",
    &[Label::Route, Label::Model],
    "Milliseconds from the beginning of a request to the end of its stream.",
);
const END: Series = Series::counter(
    "codex_stream_end_total",
    &[Label::StreamOutcome],
    "Streams whose head had gone out, by how they ended.",
);
const ACTIVE: Series =
    Series::gauge("codex_streams_active", &[], "Streams whose head has gone out and that run.");
const TOKENS: Series = Series::counter(
    "codex_tokens_total",
    &[Label::TokenType, Label::Model],
    "Tokens that answers used, as far as it is known exactly; cached ones are a part of the prompt's, those of reasoning a part of the completion's.",
);
const UNKNOWN: Series = Series::counter(
    "codex_tokens_unknown_total",
    &[],
    "Answers of the model whose use of tokens isn't known, because they ended early.",
);

/// Of streams and tokens.
pub(super) const ALL: &[&Series] = &[&TTFB, &DURATION, &END, &ACTIVE, &TOKENS, &UNKNOWN];

/// Series of streams and tokens.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) ttfb: HistogramVec,
    pub(super) duration: HistogramVec,
    pub(super) end: IntCounterVec,
    pub(super) active: IntGauge,
    tokens: IntCounterVec,
    pub(super) unknown: IntCounter,
}

impl Streams {
    pub(super) fn new(make: &Maker) -> Self {
        let streams = Self {
            ttfb: make.histograms(&TTFB),
            duration: make.histograms(&DURATION),
            end: make.each_counter(&END),
            active: make.gauge(&ACTIVE),
            tokens: make.counters(&TOKENS),
            unknown: make.counter(&UNKNOWN),
        };
        streams.model(super::labels::DEFAULT_MODEL);
        streams
    }

    /// What an answer of this model used.
    pub(super) fn used(&self, model: &str, tokens: Tokens) {
        let Tokens { input, cached, output, reasoning, total: _ } = tokens;
        for (kind, count) in TOKEN_TYPES.into_iter().zip([input, output, cached, reasoning]) {
            self.tokens.with_label_values(&[kind, model]).inc_by(count);
        }
    }

    /// What rates are asked of is there before the first one of this model.
    pub(super) fn model(&self, model: &str) {
        if model != NONE {
            self.used(model, Tokens::default());
        }
    }
}
