//! Requests that wait for their turn to be sent.
//!
//! The child loses requests when too many are unanswered, so few are sent at a time. Requests of a connection
//! stay in their order; connections are served in turn. A `turn/start` for which no permit is free moves to the
//! waiting line, so that it doesn't hold up what stands behind it. Interrupts and unsubscribes have a lane of
//! their own: what frees resources must not wait for them.

use super::table::Kind;
use bytes::Bytes;
use shared::{
    id::{ConnId, ThreadId},
    line::Line,
};
use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

/// A request that was not sent yet.
#[derive(Debug)]
pub struct Waiting {
    /// Its connection.
    pub conn: ConnId,
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
}

impl Waiting {
    /// The line with another id.
    pub fn line(self, id: u64) -> Line {
        Line::spliced(self.head, id.to_string().into(), self.tail)
    }
}

/// The waiting requests.
#[derive(Debug, Default)]
pub struct Admission {
    control: VecDeque<Waiting>,
    work: HashMap<ConnId, VecDeque<Waiting>>,
    /// Connections with work, in the order in which they are served.
    order: VecDeque<ConnId>,
    turns: VecDeque<Waiting>,
}

impl Admission {
    /// Puts a request behind those of its connection.
    pub fn push(&mut self, waiting: Waiting) {
        if waiting.kind.is_control() {
            self.control.push_back(waiting);
            return;
        }
        let queue = self.work.entry(waiting.conn).or_default();
        if queue.is_empty() {
            self.order.push_back(waiting.conn);
        }
        queue.push_back(waiting);
    }

    /// The next interrupt or unsubscribe.
    pub fn next_control(&mut self) -> Option<Waiting> {
        self.control.pop_front()
    }

    /// The next request for work, of the connection whose turn it is.
    pub fn next_work(&mut self) -> Option<Waiting> {
        let conn = self.order.pop_front()?;
        let queue = self.work.get_mut(&conn)?;
        let waiting = queue.pop_front();
        if queue.is_empty() {
            self.work.remove(&conn);
        } else {
            self.order.push_back(conn);
        }
        waiting
    }

    /// Moves a `turn/start` to the waiting line.
    pub fn wait_for_permit(&mut self, waiting: Waiting) {
        self.turns.push_back(waiting);
    }

    /// The `turn/start` that has waited longest for a permit.
    pub fn next_turn(&mut self) -> Option<Waiting> {
        self.turns.pop_front()
    }

    /// Length of the waiting line.
    pub fn waiting_turns(&self) -> usize {
        self.turns.len()
    }

    /// Requests that wait anywhere.
    pub fn len(&self) -> usize {
        self.control.len() + self.turns.len() + self.work.values().map(VecDeque::len).sum::<usize>()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes every waiting request that `wanted` picks, in a stable order.
    pub fn take(&mut self, mut wanted: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = split(&mut self.control, &mut wanted);
        let mut conns: Vec<ConnId> = self.work.keys().copied().collect();
        conns.sort_unstable();
        for conn in conns {
            if let Some(queue) = self.work.get_mut(&conn) {
                taken.extend(split(queue, &mut wanted));
                if queue.is_empty() {
                    self.work.remove(&conn);
                    self.order.retain(|c| *c != conn);
                }
            }
        }
        taken.extend(split(&mut self.turns, &mut wanted));
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
