//! Requests that wait for their turn to be sent.
//!
//! The child loses requests when too many are unanswered, so few are sent at a time. Connections are served in
//! turn, and within a connection the callers behind it. A `turn/start` for which no permit is free moves to the
//! waiting line, so that it doesn't hold up what stands behind it. Interrupts and unsubscribes have a lane of
//! their own: what frees resources must not wait for them. What the child was too busy for waits aside for a
//! moment, and with it what names the same thread, so that a thread's requests stay in their order.

mod around;
mod fair;

use super::{observe::Seen, table::Kind, whose::Whose};
use bytes::Bytes;
use fair::Fair;
use shared::{
    id::{ConnId, ThreadId},
    line::Line,
};
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

pub use around::Around;
pub use fair::Caller;

/// A request that was not sent yet, or is to be sent again.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its connection.
    pub conn: ConnId,
    /// For whom the connection asks.
    pub caller: Caller,
    /// The HTTP request and the trace that it is for, where its client has told.
    pub whose: Whose,
    /// What is told of it.
    pub seen: Seen,
    /// Its id as the client wrote it, raw JSON.
    pub id: Bytes,
    /// The line around it.
    pub around: Around,
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
        self.around.line(id)
    }
}

/// The waiting requests.
#[derive(Debug, Default)]
pub struct Admission {
    control: Fair,
    work: Fair,
    turns: Fair,
    /// Requests that are sent again, with the time from which on; those of a thread are together and in order.
    aside: Vec<(Instant, Waiting)>,
    /// When the first of each thread among them is due.
    aside_threads: HashMap<ThreadId, Instant>,
    /// How many of these requests name a thread, interrupts and unsubscribes left out.
    named: HashMap<ThreadId, usize>,
}

impl Admission {
    /// Puts a request behind those of its caller.
    pub fn push(&mut self, waiting: Waiting) {
        if waiting.kind.is_control() {
            self.control.push(waiting);
        } else {
            self.count(&waiting);
            self.work.push(waiting);
        }
    }

    /// Keeps a request aside until `due`.
    pub fn put_aside(&mut self, waiting: Waiting, due: Instant) {
        self.count(&waiting);
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
        self.control.pop()
    }

    /// The next request for work, of the caller whose turn it is.
    pub fn next_work(&mut self) -> Option<Waiting> {
        while let Some(waiting) = self.work.pop() {
            if let Some(next) = self.unless_behind(waiting) {
                return Some(next);
            }
        }
        None
    }

    /// The request, unless one of its thread waits aside: then it waits behind that.
    fn unless_behind(&mut self, waiting: Waiting) -> Option<Waiting> {
        match waiting.thread.as_ref().and_then(|id| self.aside_threads.get(id)).copied() {
            Some(due) => {
                self.aside.push((due, waiting));
                None
            }
            None => {
                self.uncount(&waiting);
                Some(waiting)
            }
        }
    }

    /// Moves a `turn/start` to the waiting line, which holds at most `most`. What has no room comes back: the request
    /// itself, or the youngest of whoever waits for more.
    pub fn wait_for_permit(&mut self, waiting: Waiting, most: usize) -> Option<Waiting> {
        let refused = if self.turns.len() < most {
            None
        } else {
            match self.turns.take_from_longer(waiting.conn, &waiting.caller) {
                Some(youngest) => Some(youngest),
                None => return Some(waiting),
            }
        };
        if let Some(refused) = &refused {
            self.uncount(refused);
        }
        self.count(&waiting);
        self.turns.push(waiting);
        refused
    }

    /// The next `turn/start` of the waiting line. One whose history waits aside comes back with it, behind its caller's others and where the
    /// line has room.
    pub fn next_turn(&mut self) -> Option<Waiting> {
        while let Some(waiting) = self.turns.pop() {
            if let Some(next) = self.unless_behind(waiting) {
                return Some(next);
            }
        }
        None
    }

    /// Whether a request for work names this thread.
    pub fn names(&self, thread: &str) -> bool {
        self.named.contains_key(thread)
    }

    fn count(&mut self, waiting: &Waiting) {
        if let Some(thread) = waiting.thread.as_ref().filter(|_| !waiting.kind.is_control()) {
            *self.named.entry(thread.clone()).or_default() += 1;
        }
    }

    fn uncount(&mut self, waiting: &Waiting) {
        if let Some(thread) = waiting.thread.as_ref().filter(|_| !waiting.kind.is_control())
            && let Some(count) = self.named.get_mut(thread)
        {
            *count -= 1;
            if *count == 0 {
                self.named.remove(thread);
            }
        }
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

    /// Moves every deadline.
    pub fn delay(&mut self, by: Duration) {
        self.control.each_mut(|waiting| waiting.deadline += by);
        self.work.each_mut(|waiting| waiting.deadline += by);
        self.turns.each_mut(|waiting| waiting.deadline += by);
        for (_, waiting) in &mut self.aside {
            waiting.deadline += by;
        }
    }

    /// Takes every waiting request that `wanted` picks, in a stable order.
    pub fn take(&mut self, mut wanted: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = self.control.take(&mut wanted);
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
        for waiting in &taken {
            self.uncount(waiting);
        }
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
