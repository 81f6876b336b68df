//! Requests that wait for their turn to be sent.
//!
//! The child loses requests when too many are unanswered, so few are sent at a time. Connections are served in
//! turn, and within a connection the callers behind it. A `turn/start` for which no permit is free moves to the
//! waiting line, so that it doesn't hold up what stands behind it. Interrupts and unsubscribes have a lane of
//! their own: what frees resources must not wait for them. What the child was too busy for waits aside for a
//! moment, and with it what names the same thread, so that a thread's requests stay in their order.

mod fair;

use super::table::Kind;
use bytes::Bytes;
use fair::Fair;
use shared::{
    id::{ConnId, ThreadId},
    line::Line,
};
use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

pub use fair::Caller;

/// A request that was not sent yet, or is to be sent again.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its connection.
    pub conn: ConnId,
    /// For whom the connection asks.
    pub caller: Caller,
    /// Its id as the client wrote it, raw JSON.
    pub id: Bytes,
    /// What stands before the id.
    pub head: Bytes,
    /// What stands behind it.
    pub tail: Bytes,
    /// Its kind.
    pub kind: Kind,
    /// The thread that it names.
    pub thread: Option<ThreadId>,
    /// When waiting ends.
    pub deadline: Instant,
    /// Times that the child was too busy for it.
    pub attempts: u32,
}

impl Waiting {
    /// The line with another id.
    pub fn line(&self, id: u64) -> Line {
        Line::spliced(self.head.clone(), id.to_string().into(), self.tail.clone())
    }
}

/// The waiting requests.
#[derive(Debug, Default)]
pub struct Admission {
    control: VecDeque<Waiting>,
    work: Fair,
    turns: Fair,
    /// Requests that are sent again, with the time from which on; those of a thread are together and in order.
    aside: Vec<(Instant, Waiting)>,
    /// When the first of each thread among them is due.
    aside_threads: HashMap<ThreadId, Instant>,
}

impl Admission {
    /// Puts a request behind those of its caller.
    pub fn push(&mut self, waiting: Waiting) {
        if waiting.kind.is_control() {
            self.control.push_back(waiting);
        } else {
            self.work.push(waiting);
        }
    }

    /// Keeps a request aside until `due`.
    pub fn put_aside(&mut self, waiting: Waiting, due: Instant) {
        if let Some(thread) = &waiting.thread {
            self.aside_threads.entry(thread.clone()).or_insert(due);
        }
        self.aside.push((due, waiting));
    }

    /// When the next request is to be sent again.
    pub fn next_due(&self) -> Option<Instant> {
        self.aside.iter().map(|(due, _)| *due).min()
    }

    /// Lets what is due be sent again, before what came later.
    pub fn release(&mut self, now: Instant) {
        if self.aside.iter().all(|(due, _)| *due > now) {
            return;
        }
        let (due, later) = std::mem::take(&mut self.aside).into_iter().partition(|(due, _)| *due <= now);
        self.aside = later;
        let due: Vec<(Instant, Waiting)> = due;
        self.aside_threads.retain(|_, due| *due > now);
        for (_, waiting) in due.into_iter().rev() {
            if waiting.kind.is_control() {
                self.control.push_front(waiting);
            } else {
                self.work.push_front(waiting);
            }
        }
    }

    /// The next interrupt or unsubscribe.
    pub fn next_control(&mut self) -> Option<Waiting> {
        self.control.pop_front()
    }

    /// The next request for work, of the caller whose turn it is.
    pub fn next_work(&mut self) -> Option<Waiting> {
        while let Some(waiting) = self.work.pop() {
            // Behind one of its thread that waits aside.
            let Some(due) = waiting.thread.as_ref().and_then(|id| self.aside_threads.get(id)).copied() else {
                return Some(waiting);
            };
            self.aside.push((due, waiting));
        }
        None
    }

    /// Moves a `turn/start` to the waiting line, in which `room` more have room. What has none comes back: the
    /// request itself, or the youngest of the caller that waits for the most.
    pub fn wait_for_permit(&mut self, waiting: Waiting, room: usize) -> Option<Waiting> {
        if room > 0 {
            self.turns.push(waiting);
            return None;
        }
        let own = self.turns.len_of(waiting.conn, &waiting.caller);
        match self.turns.take_from_longest(own + 1) {
            Some(youngest) => {
                self.turns.push(waiting);
                Some(youngest)
            }
            None => Some(waiting),
        }
    }

    /// The next `turn/start` of the waiting line.
    pub fn next_turn(&mut self) -> Option<Waiting> {
        self.turns.pop()
    }

    /// Length of the waiting line.
    pub fn waiting_turns(&self) -> usize {
        self.turns.len()
    }

    /// Requests that wait anywhere.
    pub fn len(&self) -> usize {
        self.control.len() + self.turns.len() + self.work.len() + self.aside.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes every waiting request that `wanted` picks, in a stable order.
    pub fn take(&mut self, mut wanted: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = split(&mut self.control, &mut wanted);
        let (aside, left) = std::mem::take(&mut self.aside).into_iter().partition(|(_, w)| wanted(w));
        self.aside = left;
        let aside: Vec<(Instant, Waiting)> = aside;
        if !aside.is_empty() {
            let left = &self.aside;
            self.aside_threads.retain(|id, _| left.iter().any(|(_, w)| w.thread.as_ref() == Some(id)));
        }
        taken.extend(aside.into_iter().map(|(_, waiting)| waiting));
        taken.extend(self.work.take(&mut wanted));
        taken.extend(self.turns.take(&mut wanted));
        taken
    }
}

fn split(queue: &mut VecDeque<Waiting>, wanted: &mut impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
    let mut taken = Vec::new();
    if queue.iter().any(&mut *wanted) {
        for waiting in std::mem::take(queue) {
            if wanted(&waiting) { taken.push(waiting) } else { queue.push_back(waiting) }
        }
    }
    taken
}
