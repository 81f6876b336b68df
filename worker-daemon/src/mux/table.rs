//! Wire ids: which request of whom the child is answering.
//!
//! Ids grow for the daemon's whole life and are never reused, and each entry remembers the child it was sent to,
//! so no answer of an earlier child can be taken for one of a later one. An entry whose requester is gone stays
//! as a tombstone: its answer is still needed to let go of what it made.

use super::{admit::Waiting, observe::Seen};
use bytes::Bytes;
use shared::id::{ConnId, Generation, ThreadId, TurnId};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
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
    /// Starts a turn, a compaction too.
    StartTurn,
    /// Ends a turn early.
    Interrupt,
    /// Lets a thread go.
    Unsubscribe,
    /// Asks the child whether it is well.
    Probe,
    /// Anything else.
    Other,
}

impl Kind {
    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenThread => "open_thread",
            Self::StartTurn => "start_turn",
            Self::Interrupt => "interrupt",
            Self::Unsubscribe => "unsubscribe",
            Self::Probe => "probe",
            Self::Other => "other",
        }
    }

    /// The kind of a method.
    pub fn of(method: &str) -> Self {
        use shared::app_server::method as m;
        match method {
            m::THREAD_START | m::THREAD_FORK | m::THREAD_RESUME => Self::OpenThread,
            m::TURN_START | m::THREAD_COMPACT_START => Self::StartTurn,
            m::TURN_INTERRUPT => Self::Interrupt,
            m::THREAD_UNSUBSCRIBE => Self::Unsubscribe,
            _ => Self::Other,
        }
    }

    /// Whether it travels on the lane that frees resources and so must never wait behind work.
    pub fn is_control(self) -> bool {
        match self {
            Self::Interrupt | Self::Unsubscribe | Self::Probe => true,
            Self::OpenThread | Self::StartTurn | Self::Other => false,
        }
    }
}

/// An interrupt of the daemon's own, that must not be lost: an unsubscribe doesn't end a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupt {
    /// The turn.
    pub turn: TurnId,
    /// Whether the child has said anything of the turn. Before that it may not know its own turn yet.
    pub heard: bool,
    /// How often the child has refused it.
    pub refusals: u32,
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
    /// What an interrupt of the daemon's is for.
    pub interrupt: Option<Interrupt>,
    /// The child that it was sent to.
    pub generation: Generation,
    /// When waiting ends.
    pub deadline: Instant,
    /// What is told of it.
    pub seen: Seen,
    /// The request itself, should it have to be sent again; `None` for the daemon's own.
    pub again: Option<Waiting>,
}

#[derive(Debug)]
struct Entry {
    pending: Pending,
    /// Whether it is answered already, and its late answer is awaited for what that may have made. Such a tombstone
    /// takes no place in the window.
    late: bool,
}

/// Unanswered requests at one child.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    work: usize,
    control: usize,
}

/// All unanswered requests.
#[derive(Debug, Default)]
pub struct Table {
    next: u64,
    entries: HashMap<u64, Entry>,
    /// Requests that make a thread for a client that still waits for it.
    opening: BTreeSet<u64>,
    windows: BTreeMap<Generation, Window>,
}

impl Table {
    /// Adds a request and gives its wire id.
    pub fn insert(&mut self, pending: Pending) -> u64 {
        self.next += 1;
        *self.lane(pending.generation, pending.kind) += 1;
        if pending.kind == Kind::OpenThread && matches!(pending.origin, Origin::Client { .. }) {
            self.opening.insert(self.next);
        }
        self.entries.insert(self.next, Entry { pending, late: false });
        self.next
    }

    /// Takes the request that `generation` answers with `id`, and whether the answer is late. `None` for an id that
    /// it was never sent.
    pub fn answer(&mut self, id: u64, generation: Generation) -> Option<(Pending, bool)> {
        if self.entries.get(&id)?.pending.generation != generation {
            return None;
        }
        let Entry { pending, late } = self.entries.remove(&id)?;
        self.opening.remove(&id);
        *self.lane(generation, pending.kind) -= usize::from(!late);
        Some((pending, late))
    }

    /// Takes every request of a child that died, and whether it counted as lost before; then its origin is nobody.
    pub fn drain(&mut self, generation: Generation) -> Vec<(Pending, bool)> {
        let mut ids: Vec<u64> = self
            .entries
            .iter()
            .filter(|(_, e)| e.pending.generation == generation)
            .map(|(id, _)| *id)
            .collect();
        // Answers go out in the order of the requests, not of a hash map.
        ids.sort_unstable();
        let taken = ids.into_iter().filter_map(|id| self.answer(id, generation)).collect();
        self.windows.remove(&generation);
        taken
    }

    /// Nobody waits any more for the answers to the requests of a client that is gone.
    pub fn forget(&mut self, gone: ConnId) {
        for (id, entry) in &mut self.entries {
            if matches!(&entry.pending.origin, Origin::Client { conn, .. } if *conn == gone) {
                self.opening.remove(id);
                entry.pending.origin = Origin::Nobody;
                entry.pending.again = None;
            }
        }
    }

    /// Takes the requests whose deadline has passed, in their order. A late answer to one that makes a thread or
    /// starts a turn is awaited for `keep` more, to let go of what it made.
    pub fn expire(&mut self, now: Instant, keep: Duration) -> Vec<Pending> {
        let mut late: Vec<u64> =
            self.entries.iter().filter(|(_, e)| e.pending.deadline <= now).map(|(id, _)| *id).collect();
        late.sort_unstable();
        let mut expired = Vec::new();
        for id in late {
            let Some(generation) = self.entries.get(&id).map(|e| e.pending.generation) else { continue };
            let Some((pending, was_late)) = self.answer(id, generation) else { continue };
            if was_late {
                continue;
            }
            match pending.kind {
                Kind::OpenThread | Kind::StartTurn => {
                    let awaited = Pending {
                        origin: Origin::Nobody,
                        kind: pending.kind,
                        thread: pending.thread.clone(),
                        interrupt: None,
                        seen: pending.seen.clone(),
                        generation,
                        deadline: now + keep,
                        again: None,
                    };
                    self.entries.insert(id, Entry { pending: awaited, late: true });
                }
                Kind::Interrupt | Kind::Unsubscribe | Kind::Probe | Kind::Other => {}
            }
            expired.push(pending);
        }
        expired
    }

    /// Moves every deadline.
    pub fn delay(&mut self, by: Duration) {
        for entry in self.entries.values_mut() {
            entry.pending.deadline += by;
        }
    }

    /// Unanswered requests for work at a child, late ones not counted.
    pub fn work(&self, generation: Generation) -> usize {
        self.windows.get(&generation).map_or(0, |window| window.work)
    }

    /// Unanswered interrupts, unsubscribes and probes at a child.
    pub fn control(&self, generation: Generation) -> usize {
        self.windows.get(&generation).map_or(0, |window| window.control)
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

    /// Takes the origin of every request, in the order of the requests; nobody waits for their answers any more.
    pub fn abandon(&mut self) -> Vec<Origin> {
        self.opening.clear();
        let mut entries: Vec<(&u64, &mut Entry)> = self.entries.iter_mut().collect();
        entries.sort_unstable_by_key(|(id, _)| **id);
        entries.into_iter().map(|(_, e)| std::mem::replace(&mut e.pending.origin, Origin::Nobody)).collect()
    }

    /// Unanswered requests, late ones not counted.
    pub fn len(&self) -> usize {
        self.windows.values().map(|window| window.work + window.control).sum()
    }

    /// Whether nothing is unanswered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Late answers that are still awaited.
    pub fn tombstones(&self) -> usize {
        self.entries.len() - self.len()
    }

    fn lane(&mut self, generation: Generation, kind: Kind) -> &mut usize {
        let window = self.windows.entry(generation).or_default();
        if kind.is_control() { &mut window.control } else { &mut window.work }
    }
}
