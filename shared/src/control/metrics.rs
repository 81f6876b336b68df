//! What the daemon has counted, as `daemon/metrics` answers.

use serde::{Deserialize, Serialize};

/// Upper bounds of the buckets of every duration, in milliseconds, those of the front too.
pub const BUCKETS_MS: [u32; 16] =
    [5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000];

/// Durations, counted by how long they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Histogram {
    /// How many are in each bucket of [`BUCKETS_MS`] and in no smaller one, and at the end how many are over every bound.
    pub counts: Vec<u64>,
    /// The sum of all durations in milliseconds.
    pub sum_ms: f64,
}
