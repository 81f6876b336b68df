//! The entries of one trace: the first and the last ones, and how many were between. Pure.

use super::{Direction, redact::Facts};
use shared::trace::Frame;
use std::collections::{HashMap, VecDeque};

/// Entries that are kept of the beginning, and as many of the end.
pub(super) const HALF: usize = 200;

#[derive(Debug)]
struct Entry {
    turn: u32,
    direction: Direction,
    facts: Facts,
    count: u64,
    bytes: u64,
    at_ms: u64,
    last_ms: u64,
}

/// What went over the socket, in order.
#[derive(Debug, Default)]
pub(super) struct Frames {
    first: Vec<Entry>,
    last: VecDeque<Entry>,
    /// Entries that were let go between them.
    dropped: usize,
    /// The number of each turn's last entry, counted from the first one of all.
    tips: HashMap<u32, usize>,
}

impl Frames {
    /// Takes a message of so many bytes that went `at_ms` behind the beginning. Notifications of one method that follow
    /// each other in a turn are one entry.
    pub(super) fn push(&mut self, turn: u32, direction: Direction, facts: Facts, bytes: u64, at_ms: u64) {
        if let Some(tip) = self.tips.get(&turn).copied()
            && let Some(entry) = self.entry(tip)
            && entry.facts == facts
            && entry.direction == direction
            && facts.is_plain()
        {
            entry.count += 1;
            entry.bytes += bytes;
            entry.last_ms = at_ms;
            return;
        }
        let entry = Entry { turn, direction, facts, count: 1, bytes, at_ms, last_ms: at_ms };
        let number = self.first.len() + self.dropped + self.last.len();
        self.tips.insert(turn, number);
        if self.first.len() < HALF {
            self.first.push(entry);
            return;
        }
        if self.last.len() == HALF {
            self.last.pop_front();
            self.dropped += 1;
        }
        self.last.push_back(entry);
    }

    /// The entry of this number, unless it was let go.
    fn entry(&mut self, number: usize) -> Option<&mut Entry> {
        if number < self.first.len() {
            return self.first.get_mut(number);
        }
        self.last.get_mut(number.checked_sub(self.first.len() + self.dropped)?)
    }

    /// The entries as the file has them, and how many were let go.
    pub(super) fn into_entries(self) -> (Vec<Frame>, u64) {
        let frames = self.first.into_iter().chain(self.last).map(Frame::from).collect();
        (frames, self.dropped as u64)
    }
}

impl From<Entry> for Frame {
    fn from(entry: Entry) -> Self {
        let Entry { turn, direction, facts, count, bytes, at_ms, last_ms } = entry;
        Self {
            turn,
            direction: direction.as_str().into(),
            kind: facts.kind.into(),
            method: facts.method.map(Into::into),
            id: facts.id,
            thread_id: facts.thread.map(|id| id.to_string()),
            turn_id: facts.turn.map(|id| id.to_string()),
            count,
            bytes,
            at_ms,
            last_ms,
            code: facts.code,
            error_info: facts.info.map(Into::into),
            http_status: facts.http_status,
            reason: facts.reason.map(Into::into),
            will_retry: facts.will_retry,
            status: facts.status.map(Into::into),
            tokens: facts.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(method: &'static str) -> Facts {
        Facts { kind: "notification", method: Some(method), ..Facts::default() }
    }

    fn told(frames: Frames) -> Vec<(u32, String, u64, u64, u64, u64)> {
        let (frames, _) = frames.into_entries();
        let word = |frame: &Frame| frame.method.clone().unwrap_or_default().into_owned();
        frames.iter().map(|f| (f.turn, word(f), f.count, f.bytes, f.at_ms, f.last_ms)).collect()
    }

    #[test]
    fn notifications_that_follow_each_other_in_a_turn_are_one_entry() {
        let mut frames = Frames::default();
        let from = Direction::FromDaemon;
        for (turn, method, at) in
            [(0, "a", 1), (1, "a", 2), (0, "a", 3), (1, "b", 4), (0, "a", 5), (1, "a", 6)]
        {
            frames.push(turn, from, plain(method), 10, at);
        }
        let end = Facts { status: Some("completed"), ..plain("b") };
        frames.push(1, from, end.clone(), 1, 7);
        frames.push(1, from, end, 1, 8);
        let words = |method: &str| method.to_owned();
        assert_eq!(
            told(frames),
            [
                (0, words("a"), 3, 30, 1, 5),
                (1, words("a"), 1, 10, 2, 2),
                (1, words("b"), 1, 10, 4, 4),
                (1, words("a"), 1, 10, 6, 6),
                (1, words("b"), 1, 1, 7, 7),
                (1, words("b"), 1, 1, 8, 8),
            ]
        );
    }

    #[test]
    fn the_first_and_the_last_are_kept() {
        let mut frames = Frames::default();
        let total = 2 * HALF + 7;
        for at in 0..total as u64 {
            frames.push(0, Direction::ToDaemon, Facts { kind: "request", ..Facts::default() }, 1, at);
        }
        let (entries, dropped) = frames.into_entries();
        let at: Vec<u64> = entries.iter().map(|frame| frame.at_ms).collect();
        let wanted: Vec<u64> = (0..HALF as u64).chain((HALF as u64 + 7)..total as u64).collect();
        assert_eq!((at, dropped), (wanted, 7));
    }

    proptest! {
        /// Nothing is lost but what is counted, and there is a bound.
        #[test]
        fn bytes_and_messages_add_up(pushed in proptest::collection::vec((0..4_u32, 0..3_usize, any::<bool>()), 0..1500)) {
            let mut frames = Frames::default();
            for (at, (turn, method, plainly)) in pushed.iter().enumerate() {
                let facts = plain(["a", "b", "c"][*method]);
                let facts = if *plainly { facts } else { Facts { kind: "request", ..facts } };
                frames.push(*turn, Direction::FromDaemon, facts, 1, at as u64);
            }
            let (entries, dropped) = frames.into_entries();
            prop_assert!(entries.len() <= 2 * HALF);
            prop_assert!(entries.is_sorted_by_key(|frame| frame.at_ms));
            let counted: u64 = entries.iter().map(|frame| frame.count).sum();
            let bytes: u64 = entries.iter().map(|frame| frame.bytes).sum();
            prop_assert_eq!(counted, bytes);
            if dropped == 0 {
                prop_assert_eq!(counted, pushed.len() as u64);
            } else {
                prop_assert_eq!(entries.len(), 2 * HALF);
                prop_assert!(counted + dropped <= pushed.len() as u64);
            }
        }
    }
}
