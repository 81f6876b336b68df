//! Medians and percentiles.

use std::{fmt, time::Duration};

/// One round of one side.
pub(crate) struct Round {
    /// Turns that it made.
    pub(crate) turns: usize,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// Time to the first token of each turn.
    pub(crate) first_tokens: Vec<Duration>,
}

impl Round {
    /// Turns per second.
    pub(crate) fn rate(&self) -> f64 {
        self.turns as f64 / self.elapsed.as_secs_f64()
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} turns/s, first token {:.2} ms", self.rate(), percentile(&self.first_tokens, 0.5))
    }
}

/// All rounds of one side: the median of each figure.
pub(crate) struct Summary {
    /// Turns per second.
    pub(crate) rate: f64,
    /// Milliseconds to the first token, median.
    pub(crate) p50: f64,
    /// Milliseconds to the first token, 99th percentile.
    pub(crate) p99: f64,
}

impl Summary {
    /// The summary of some rounds.
    pub(crate) fn of(rounds: &[Round]) -> Self {
        let of = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
        Self {
            rate: of(&Round::rate),
            p50: of(&|r| percentile(&r.first_tokens, 0.5)),
            p99: of(&|r| percentile(&r.first_tokens, 0.99)),
        }
    }
}

/// The median; 0 of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A percentile in milliseconds.
fn percentile(values: &[Duration], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    values.get(at).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}
