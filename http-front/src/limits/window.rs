//! What happened within a window of time that slides. Pure: time is an argument.
//!
//! A window is kept as [`BUCKETS`] parts and the one that runs. A part counts until its youngest moment is a whole window
//! old: so what is counted is never less than what happened within the last window, and never more than what happened
//! within the last window and a sixtieth. Its memory is constant, whatever happens in it.

use std::time::Duration;

/// Into how many parts a window falls.
const BUCKETS: u64 = 60;
/// Those that count: all of a window, and the one that runs.
const KEPT: usize = BUCKETS as usize + 1;

/// A sliding sum.
#[derive(Debug, Clone)]
pub(super) struct Window {
    width: Duration,
    /// The length of a part in nanoseconds, rounded up: what counts covers at least the window.
    part: u64,
    /// The number of the part that runs, from 0 at the beginning of time.
    at: u64,
    /// The counts, that of part `n` at `n % KEPT`.
    counts: [u64; KEPT],
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Window {
    /// An empty one of this width.
    pub(super) fn new(width: Duration) -> Self {
        Self { width, part: nanos(width).div_ceil(BUCKETS).max(1), at: 0, counts: [0; KEPT] }
    }

    /// Its width.
    pub(super) fn width(&self) -> Duration {
        self.width
    }

    /// The longest that something counts: the width and a part.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_nanos(self.part.saturating_mul(KEPT as u64))
    }

    /// The same counts in a window of another width, from `now` on. What happened in a part counts from its youngest
    /// moment.
    pub(super) fn resized(&self, width: Duration, now: Duration) -> Self {
        let mut resized = Self::new(width);
        for number in self.at.saturating_sub(BUCKETS)..=self.at {
            let end = number.saturating_add(1).saturating_mul(self.part).saturating_sub(1);
            resized.add(Duration::from_nanos(end).min(now), self.counts[slot(number)]);
        }
        resized.advance(now);
        resized
    }

    /// Lets go what is too old. Time that runs backwards stands still.
    pub(super) fn advance(&mut self, now: Duration) {
        let at = nanos(now) / self.part;
        if at <= self.at {
            return;
        }
        if at - self.at > BUCKETS {
            self.counts = [0; KEPT];
        } else {
            for number in self.at + 1..=at {
                self.counts[slot(number)] = 0;
            }
        }
        self.at = at;
    }

    /// Adds to the part that runs, and gives its number.
    pub(super) fn add(&mut self, now: Duration, count: u64) -> u64 {
        self.advance(now);
        let running = &mut self.counts[slot(self.at)];
        *running = running.saturating_add(count);
        self.at
    }

    /// Takes back what was added to the part of this number, unless that counts no more.
    pub(super) fn take_back(&mut self, number: u64, count: u64) {
        if number <= self.at && self.at - number <= BUCKETS {
            let counted = &mut self.counts[slot(number)];
            *counted = counted.saturating_sub(count);
        }
    }

    /// What counts, as of the last time that was told.
    pub(super) fn sum(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How long from `now` until less than `limit` counts, if nothing is added; zero where it does already.
    pub(super) fn until_below(&self, limit: u64, now: Duration) -> Duration {
        let mut sum = self.sum();
        if sum < limit {
            return Duration::ZERO;
        }
        for number in self.at.saturating_sub(BUCKETS)..=self.at {
            sum = sum.saturating_sub(self.counts[slot(number)]);
            if sum < limit {
                return self.gone_at(number).saturating_sub(now);
            }
        }
        // Nothing is below 0.
        self.longest()
    }

    /// How long from `now` until nothing counts, if nothing is added.
    pub(super) fn until_empty(&self, now: Duration) -> Duration {
        self.until_below(1, now)
    }

    /// When the part of this number counts no more.
    fn gone_at(&self, number: u64) -> Duration {
        Duration::from_nanos(number.saturating_add(KEPT as u64).saturating_mul(self.part))
    }
}

/// Where the count of a part stands.
fn slot(number: u64) -> usize {
    usize::try_from(number % KEPT as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
