//! Durations, counted by how long they are.

use shared::control::metrics::{self, BUCKETS_MS};
use std::time::Duration;

/// Counts of durations, by the bounds of [`BUCKETS_MS`].
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// How many are in each bucket and no smaller one; the last one is for what is over every bound.
    counts: [u64; BUCKETS_MS.len() + 1],
    sum_ms: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS_MS.len() + 1], sum_ms: 0.0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let ms = duration.as_secs_f64() * 1000.0;
        let bucket = BUCKETS_MS.iter().position(|bound| ms <= f64::from(*bound));
        self.counts[bucket.unwrap_or(BUCKETS_MS.len())] += 1;
        self.sum_ms += ms;
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// As it is told on the socket.
    pub fn told(&self) -> metrics::Histogram {
        metrics::Histogram { counts: self.counts.to_vec(), sum_ms: self.sum_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::default();
        for ms in [0, 5, 6, 600_000, 600_001] {
            histogram.add(Duration::from_millis(ms));
        }
        let told = histogram.told();
        assert_eq!((told.counts[0], told.counts[1], told.counts[15], told.counts[16]), (2, 1, 1, 1));
        assert_eq!((histogram.count(), told.sum_ms), (5, 1_200_012.0));
    }
}
