//! What goes wrong all the time is told once a minute. Pure.

use std::time::Duration;

/// The time between two lines.
const BETWEEN: Duration = Duration::from_secs(60);

/// Whether it is time to tell something again.
#[derive(Debug, Default)]
pub struct Seldom {
    told: Option<Duration>,
}

impl Seldom {
    /// Whether to tell it now, by a clock that only goes forward. The first time it is.
    pub fn due(&mut self, now: Duration) -> bool {
        let due = self.told.is_none_or(|told| now.saturating_sub(told) >= BETWEEN);
        if due {
            self.told = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_minute() {
        let mut seldom = Seldom::default();
        let due: Vec<u64> = (0..200).filter(|second| seldom.due(Duration::from_secs(*second))).collect();
        assert_eq!(due, [0, 60, 120, 180]);
    }
}
