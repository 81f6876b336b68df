//! The counts as `daemon/metrics` tells them.

use super::counts::Counts;
use shared::control::metrics::{OTHER, Told};

impl Counts {
    /// Adds them to what is told.
    pub fn tell(&self, told: &mut Told) {
        told.latency =
            self.latency().map(|(method, histogram)| (method.to_owned(), histogram.told())).collect();
        told.queue_wait = self.queue_wait.told();
        told.first_event = self.first_event.told();
        told.turn_duration = self.turn_duration.told();
        told.turns = self.turns().map(|(outcome, count)| (outcome.as_str().to_owned(), count)).collect();
        let name = |code: Option<i64>| code.map_or_else(|| OTHER.to_owned(), |code| code.to_string());
        told.rpc_errors = self.errors().map(|(code, count)| (name(code), count)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::control::metrics::{METHODS, TurnOutcome, codes};

    #[test]
    fn labels_are_the_closed_sets_and_there_from_the_start() {
        let mut told = Told::default();
        Counts::default().tell(&mut told);
        assert_eq!(told.latency.len(), METHODS.len() + 1);
        assert!(METHODS.iter().chain([&OTHER]).all(|method| told.latency.contains_key(*method)));
        assert!(TurnOutcome::ALL.iter().all(|outcome| told.turns[outcome.as_str()] == 0));
        assert_eq!(codes().filter(|code| told.rpc_errors[code] == 0).count(), told.rpc_errors.len());
    }
}
