//! How many connections there are.

use prometheus::{IntCounter, IntGauge, IntGaugeVec};

/// Values of the label `state`.
pub(super) const STATES: &[&str] = &["idle", "busy"];

/// Where connections are counted; clones count together.
#[derive(Debug, Clone)]
pub struct ConnectionCounts {
    idle: IntGauge,
    busy: IntGauge,
    evicted: IntCounter,
}

impl ConnectionCounts {
    pub(super) fn new(states: &IntGaugeVec, evicted: IntCounter) -> Self {
        let [idle, busy] = ["idle", "busy"].map(|state| states.with_label_values(&[state]));
        Self { idle, busy, evicted }
    }

    /// Of a listener so many were idle and busy, and are now.
    pub fn moved(&self, before: (usize, usize), now: (usize, usize)) {
        for (gauge, before, now) in [(&self.idle, before.0, now.0), (&self.busy, before.1, now.1)] {
            let more = i64::try_from(now).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX);
            if more != 0 {
                gauge.add(more);
            }
        }
    }

    /// One was closed for another.
    pub fn evicted(&self) {
        self.evicted.inc();
    }
}

#[cfg(test)]
impl Default for ConnectionCounts {
    fn default() -> Self {
        super::Metrics::new().connections()
    }
}

#[cfg(test)]
impl ConnectionCounts {
    /// Idle, busy, evicted.
    pub(crate) fn told(&self) -> (i64, i64, u64) {
        (self.idle.get(), self.busy.get(), self.evicted.get())
    }
}
