//! What is counted of requests and turns.

use super::{Histogram, Seen, TurnOutcome};
use shared::control::metrics::{ERRORS, METHODS, OTHER};
use std::time::Instant;

/// The counts. Each is exact: nothing is counted twice, whichever way it ends.
#[derive(Debug, Clone)]
pub struct Counts {
    /// From writing a request to its answer, by the method as [`METHODS`] has them, and at the end the others.
    latency: Vec<Histogram>,
    /// From the arrival of a `turn/start` to its writing.
    pub queue_wait: Histogram,
    /// From writing a `turn/start` to the model's first item.
    pub first_event: Histogram,
    /// From writing a `turn/start` to the end of its turn.
    pub turn_duration: Histogram,
    /// Turns that ended, by how.
    turns: [u64; TurnOutcome::ALL.len()],
    /// Errors that clients were answered with, by the code as [`ERRORS`] has them, and at the end the others.
    errors: [u64; ERRORS.len() + 1],
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            latency: vec![Histogram::default(); METHODS.len() + 1],
            queue_wait: Histogram::default(),
            first_event: Histogram::default(),
            turn_duration: Histogram::default(),
            turns: [0; TurnOutcome::ALL.len()],
            errors: [0; ERRORS.len() + 1],
        }
    }
}

impl Counts {
    /// A request is written for the first time.
    pub(super) fn written(&mut self, seen: &Seen, now: Instant) {
        if seen.is_turn() {
            self.queue_wait.add(now.saturating_duration_since(seen.arrived));
        }
    }

    /// codex answered, or never will.
    pub(super) fn answered(&mut self, seen: &Seen, _answer: Result<(), i64>, now: Instant) {
        let known = METHODS.iter().position(|known| *known == seen.method);
        if let (Some(written), Some(histogram)) =
            (seen.written, self.latency.get_mut(known.unwrap_or(METHODS.len())))
        {
            histogram.add(now.saturating_duration_since(written));
        }
    }

    /// A client was answered with an error.
    pub(super) fn refused(&mut self, code: i64) {
        let known = ERRORS.iter().position(|known| *known == code);
        self.errors[known.unwrap_or(ERRORS.len())] += 1;
    }

    /// The model's first item of a turn came.
    pub(super) fn first_item(&mut self, seen: &Seen, now: Instant) {
        if let Some(written) = seen.written.filter(|_| seen.is_turn()) {
            self.first_event.add(now.saturating_duration_since(written));
        }
    }

    /// A turn is over.
    pub(super) fn turn_ended(&mut self, seen: &Seen, outcome: TurnOutcome, now: Instant) {
        if let Some(written) = seen.written.filter(|_| seen.is_turn()) {
            self.turns[outcome as usize] += 1;
            self.turn_duration.add(now.saturating_duration_since(written));
        }
    }

    /// How long requests took, by the method.
    pub fn latency(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        METHODS.iter().copied().chain([OTHER]).zip(&self.latency)
    }

    /// How many turns ended, by how.
    pub fn turns(&self) -> impl Iterator<Item = (TurnOutcome, u64)> {
        TurnOutcome::ALL.into_iter().zip(self.turns)
    }

    /// How many errors clients were answered with, by the code; `None` is any other.
    pub fn errors(&self) -> impl Iterator<Item = (Option<i64>, u64)> {
        ERRORS.iter().copied().map(Some).chain([None]).zip(self.errors)
    }
}
