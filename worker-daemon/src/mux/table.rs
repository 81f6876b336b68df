//! Wire ids: which request of whom the child is answering.
//!
//! Ids grow for the daemon's whole life and are never reused, and each entry remembers the child it was sent to,
//! so no answer of an earlier child can be taken for one of a later one. An entry whose requester is gone stays
//! as a tombstone: its answer is still needed to let go of what it made.

use bytes::Bytes;
use shared::id::{ConnId, Generation, ThreadId};
use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

/// Who waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A client, with its own id as it wrote it.
    Client {
        /// The connection.
        conn: ConnId,
        /// The id, raw JSON.
        id: Bytes,
    },
    /// A client that is gone or was answered already.
    Nobody,
    /// The daemon itself.
    Daemon,
}

/// What kind of request it is, as far as the core must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Makes a thread known to its requester: `thread/start`, `thread/fork`, `thread/resume`.
    OpenThread,
    /// Starts a turn.
    StartTurn,
    /// Ends a turn early.
    Interrupt,
    /// Lets a thread go.
    Unsubscribe,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind of a method.
    pub fn of(method: &str) -> Self {
        use shared::app_server::method as m;
        match method {
            m::THREAD_START | m::THREAD_FORK | m::THREAD_RESUME => Self::OpenThread,
            m::TURN_START => Self::StartTurn,
            m::TURN_INTERRUPT => Self::Interrupt,
            m::THREAD_UNSUBSCRIBE => Self::Unsubscribe,
            _ => Self::Other,
        }
    }

    /// Whether it travels on the lane that frees resources and so must never wait behind work.
    pub fn is_control(self) -> bool {
        match self {
            Self::Interrupt | Self::Unsubscribe => true,
            Self::OpenThread | Self::StartTurn | Self::Other => false,
        }
    }
}

/// A request that the child has not answered yet.
#[derive(Debug)]
pub struct Pending {
    /// Who waits.
    pub origin: Origin,
    /// What kind it is.
    pub kind: Kind,
    /// The thread that it names.
    pub thread: Option<ThreadId>,
    /// The child that it was sent to.
    pub generation: Generation,
    /// When waiting ends.
    pub deadline: Instant,
    /// Whether it takes a place in its lane's window; a tombstone does not.
    pub counted: bool,
}

/// What [`Table::expire`] found.
#[derive(Debug, Default)]
pub struct Expired {
    /// Who waited too long, in the order of the requests.
    pub origins: Vec<Origin>,
    /// Requests that nothing is left of, in their order.
    pub lost: Vec<Pending>,
}

/// All unanswered requests.
#[derive(Debug, Default)]
pub struct Table {
    next: u64,
    pending: HashMap<u64, Pending>,
    /// Requests that make a thread for a client that still waits for it.
    opening: BTreeSet<u64>,
    work: usize,
    control: usize,
}

impl Table {
    /// Adds a request and gives its wire id.
    pub fn insert(&mut self, pending: Pending) -> u64 {
        self.next += 1;
        *self.lane(pending.kind) += usize::from(pending.counted);
        if pending.kind == Kind::OpenThread && matches!(pending.origin, Origin::Client { .. }) {
            self.opening.insert(self.next);
        }
        self.pending.insert(self.next, pending);
        self.next
    }

    /// Takes the request that `generation` answers with `id`. `None` for an id that it was never sent.
    pub fn answer(&mut self, id: u64, generation: Generation) -> Option<Pending> {
        if self.pending.get(&id)?.generation != generation {
            return None;
        }
        let pending = self.pending.remove(&id)?;
        self.opening.remove(&id);
        *self.lane(pending.kind) -= usize::from(pending.counted);
        Some(pending)
    }

    /// Takes every request of a child that died.
    pub fn drain(&mut self, generation: Generation) -> Vec<Pending> {
        let ids: Vec<u64> =
            self.pending.iter().filter(|(_, p)| p.generation == generation).map(|(id, _)| *id).collect();
        let mut taken: Vec<(u64, Pending)> =
            ids.into_iter().filter_map(|id| self.answer(id, generation).map(|p| (id, p))).collect();
        // Answers go out in the order of the requests, not of a hash map.
        taken.sort_unstable_by_key(|(id, _)| *id);
        taken.into_iter().map(|(_, pending)| pending).collect()
    }

    /// Leaves tombstones for the requests of a client that is gone.
    pub fn forget(&mut self, gone: ConnId) {
        for (id, pending) in &mut self.pending {
            if matches!(&pending.origin, Origin::Client { conn, .. } if *conn == gone) {
                self.opening.remove(id);
                pending.origin = Origin::Nobody;
            }
        }
    }

    /// Takes the origins of requests whose deadline has passed. Each leaves a tombstone for `keep`, outside the
    /// window. A tombstone whose own deadline has passed is lost: nobody will ever answer it.
    pub fn expire(&mut self, now: Instant, keep: Duration) -> Expired {
        let mut late: Vec<u64> =
            self.pending.iter().filter(|(_, p)| p.deadline <= now).map(|(id, _)| *id).collect();
        late.sort_unstable();
        let mut expired = Expired::default();
        for id in late {
            let Some(mut pending) = self.pending.remove(&id) else {
                continue;
            };
            self.opening.remove(&id);
            *self.lane(pending.kind) -= usize::from(pending.counted);
            if pending.counted {
                expired.origins.push(std::mem::replace(&mut pending.origin, Origin::Nobody));
                pending.counted = false;
                pending.deadline = now + keep;
                self.pending.insert(id, pending);
            } else {
                expired.lost.push(pending);
            }
        }
        expired
    }

    /// Unanswered requests for work, tombstones not counted.
    pub fn work(&self) -> usize {
        self.work
    }

    /// Unanswered interrupts and unsubscribes.
    pub fn control(&self) -> usize {
        self.control
    }

    /// The oldest request that makes a thread for somebody who waits for it. While there is one, notifications
    /// of an unknown thread may belong to what it makes.
    pub fn oldest_opening(&self) -> Option<u64> {
        self.opening.first().copied()
    }

    /// The id that was given last.
    pub fn newest(&self) -> u64 {
        self.next
    }

    /// Takes the origin of every request, in the order of the requests; all become tombstones.
    pub fn abandon(&mut self) -> Vec<Origin> {
        self.opening.clear();
        let mut entries: Vec<(&u64, &mut Pending)> = self.pending.iter_mut().collect();
        entries.sort_unstable_by_key(|(id, _)| **id);
        entries.into_iter().map(|(_, p)| std::mem::replace(&mut p.origin, Origin::Nobody)).collect()
    }

    /// Entries, tombstones counted.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether nothing is unanswered.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    fn lane(&mut self, kind: Kind) -> &mut usize {
        if kind.is_control() { &mut self.control } else { &mut self.work }
    }
}
