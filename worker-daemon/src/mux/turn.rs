//! One running turn: how long it has run, when it was heard of last, and whether it ought to be over.

use shared::{app_server::method, id::TurnId};
use std::time::{Duration, Instant};

/// A turn of which nothing was heard for so long is a suspect, should the child run fewer turns than we know.
pub const QUIET: Duration = Duration::from_secs(4);
/// How long the end of a turn that the daemon gave up is awaited.
pub const ENDING: Duration = Duration::from_secs(10);

/// A running turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub turn: TurnId,
    /// When it began.
    pub began: Instant,
    /// When it was heard of last.
    pub heard: Instant,
    /// Whether anything was heard of it yet, besides the answer to its start.
    pub begun: bool,
    /// Whether the last that was heard is that a model call is complete (`rawResponse/completed`).
    pub whole: bool,
    /// Whether the model has called a function since its last answer was complete.
    pub called: bool,
    /// Since when its owner has been told its end, and the child's own word of it is awaited.
    pub given_up: Option<Instant>,
    /// Probes in a row at which it was a suspect.
    pub suspected: u32,
}

/// Why a turn is ended by the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    /// It ran longer than a turn may.
    Total,
    /// Nothing was heard of it for longer than that may be.
    Idle,
}

impl Run {
    /// A turn that begins now.
    pub fn new(turn: TurnId, now: Instant) -> Self {
        Self {
            turn,
            began: now,
            heard: now,
            begun: false,
            whole: false,
            called: false,
            given_up: None,
            suspected: 0,
        }
    }

    /// A turn whose id is told when it begins.
    pub fn unnamed(now: Instant) -> Self {
        Self::new("".into(), now)
    }

    /// Whether its id is not known yet.
    pub fn is_unnamed(&self) -> bool {
        self.turn.as_str().is_empty()
    }

    /// The child said something about it.
    pub fn hear(&mut self, name: &str, now: Instant) {
        self.heard = now;
        self.begun = true;
        self.suspected = 0;
        // The counts of tokens follow the end of a model call, and say nothing about what comes next.
        if name != method::TOKEN_USAGE_UPDATED {
            self.whole = name == method::RAW_RESPONSE_COMPLETED;
        }
    }

    /// Whether it is to be ended; `waits` is whether the child waits for an answer of the turn's client.
    pub fn overdue(&self, now: Instant, total: Duration, idle: Duration, waits: bool) -> Option<Overdue> {
        if self.given_up.is_some() || self.is_unnamed() {
            None
        } else if now.saturating_duration_since(self.began) >= total {
            Some(Overdue::Total)
        } else if !waits && now.saturating_duration_since(self.heard) >= idle {
            Some(Overdue::Idle)
        } else {
            None
        }
    }

    /// Whether it may be over without our knowing.
    pub fn is_quiet(&self, now: Instant) -> bool {
        let known = self.given_up.is_none() && !self.is_unnamed();
        known && now.saturating_duration_since(self.heard) >= QUIET
    }

    /// Whether nobody waits for its end any more.
    pub fn is_past_ending(&self, now: Instant) -> bool {
        let since = self.given_up.or_else(|| self.is_unnamed().then_some(self.began));
        since.is_some_and(|since| now.saturating_duration_since(since) >= ENDING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_overdue_by_its_age_or_its_silence() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (total, idle) = (Duration::from_secs(100), Duration::from_secs(10));
        let mut run = Run::new("t".into(), start);
        assert_eq!(run.overdue(at(9), total, idle, false), None);
        assert_eq!(run.overdue(at(10), total, idle, false), Some(Overdue::Idle));
        assert_eq!(run.overdue(at(10), total, idle, true), None, "it waits for its client");
        run.hear("item/agentMessage/delta", at(95));
        assert_eq!(run.overdue(at(99), total, idle, false), None);
        assert_eq!(run.overdue(at(100), total, idle, true), Some(Overdue::Total));
        run.given_up = Some(at(100));
        assert_eq!(run.overdue(at(200), total, idle, false), None, "once is enough");
        assert!(!run.is_past_ending(at(109)) && run.is_past_ending(at(110)));
    }

    #[test]
    fn the_end_of_a_model_call_is_remembered_until_something_else_comes() {
        let now = Instant::now();
        let mut run = Run::new("t".into(), now);
        run.hear("rawResponse/completed", now);
        assert!(run.whole);
        run.hear("thread/tokenUsage/updated", now);
        assert!(run.whole, "the counts follow it");
        run.hear("item/started", now);
        assert!(!run.whole);
    }
}
