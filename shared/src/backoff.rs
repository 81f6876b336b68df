//! Delays between attempts: none after a stable run, then `initial` doubling to `max`.

use std::time::Duration;

/// The bounds of the delays.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The first delay that is not zero.
    pub initial: Duration,
    /// No delay is longer.
    pub max: Duration,
    /// A run of at least this long was stable: the next attempt comes at once.
    pub stable_after: Duration,
}

/// Counts failures in a row and says how long to wait.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: Policy,
    streak: u32,
    doublings: u32,
}

impl Backoff {
    /// No failure yet.
    pub fn new(policy: Policy) -> Self {
        Self { policy, streak: 0, doublings: 0 }
    }

    /// Failures in a row, the last one counted.
    pub fn streak(&self) -> u32 {
        self.streak
    }

    /// The delay before the next attempt, after a run that was ready for `ready_for` (`None`: never ready).
    ///
    /// What counts is how long the child was *ready*, not how long it ran: one that starts and dies in a loop
    /// would otherwise be restarted without any delay.
    pub fn after(&mut self, ready_for: Option<Duration>) -> Duration {
        if ready_for.is_some_and(|d| d >= self.policy.stable_after) {
            self.streak = 1;
            self.doublings = 0;
            return Duration::ZERO;
        }
        self.streak = self.streak.saturating_add(1);
        let delay = self.policy.initial.saturating_mul(1 << self.doublings).min(self.policy.max);
        self.doublings = (self.doublings + 1).min(31);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        initial: Duration::from_millis(250),
        max: Duration::from_secs(5),
        stable_after: Duration::from_secs(30),
    };

    #[test]
    fn doubles_to_the_maximum_and_never_past_it() {
        let mut backoff = Backoff::new(POLICY);
        let got: Vec<u64> = (0..7).map(|_| backoff.after(None).as_millis() as u64).collect();
        assert_eq!(got, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(backoff.streak(), 7);
        for _ in 0..100 {
            assert_eq!(backoff.after(Some(Duration::from_secs(1))), POLICY.max);
        }
    }

    #[test]
    fn a_stable_run_is_followed_by_an_immediate_restart_and_resets_the_doubling() {
        let mut backoff = Backoff::new(POLICY);
        backoff.after(None);
        backoff.after(None);
        assert_eq!(backoff.after(Some(Duration::from_secs(30))), Duration::ZERO);
        assert_eq!(backoff.streak(), 1);
        assert_eq!(backoff.after(None), Duration::from_millis(250));
        assert_eq!(backoff.after(None), Duration::from_millis(500));
    }
}
