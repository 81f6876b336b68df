//! Who owns which thread, and what its turn is doing.

use super::{
    observe::{Seen, SeenTurn},
    turn::Run,
    whose::Whose,
};
use shared::id::{ConnId, Generation, ThreadId, TurnId};
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    time::{Duration, Instant},
};

/// What the turn of a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn<'a> {
    /// None runs.
    Idle,
    /// A `turn/start` is not answered yet, so that more than what is known may run.
    Starting,
    /// It runs.
    Running(&'a TurnId),
}

/// How far letting a thread go has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Nobody wants it gone.
    No,
    /// The daemon's unsubscribe waits for room at the child.
    Queued,
    /// An unsubscribe is on its way.
    Sent,
}

/// One thread of the child.
#[derive(Debug)]
pub struct Thread {
    /// The connection that started, forked or resumed it; `None` once that is gone or has let it go.
    pub owner: Option<ConnId>,
    /// The child that holds it.
    pub generation: Generation,
    /// How far letting it go has come.
    pub leaving: Leaving,
    /// The wire id of the request that was sent about it last.
    pub newest: u64,
    /// The turn that runs.
    pub run: Option<Run>,
    /// Whether its turns end when the model calls functions, as its last `turn/start` asked.
    pub once: bool,
    /// The turn that was interrupted for that.
    pub interrupted: Option<TurnId>,
    /// The HTTP request and the trace that its turn is for, where the client has told.
    pub whose: Whose,
    /// The running turn as it is observed, where a client started it.
    pub seen: Option<SeenTurn>,
    /// Its `turn/start`s that no turn came of yet, as they are observed.
    starts: Vec<Seen>,
    /// Its `turn/start`s that the child has not answered.
    starting: usize,
    /// Turns that ended: the answer to a `turn/start` may come after the end of its turn. The last one, and more only
    /// while a start is unanswered.
    ended: Vec<TurnId>,
    /// The turn whose end the daemon told and whose own end never came: what comes of it later is for nobody.
    disowned: Option<TurnId>,
    /// Whether it holds one of the permits.
    permit: bool,
}

impl Thread {
    fn has_ended(&self, turn: &str) -> bool {
        self.ended.iter().any(|ended| ended.as_str() == turn)
    }

    fn note_end(&mut self, turn: Option<TurnId>) {
        self.run = None;
        self.ended.extend(turn);
        self.trim_ended();
    }

    /// Whatever is answered from here on was sent after the last end.
    fn trim_ended(&mut self) {
        if self.starting == 0 && self.ended.len() > 1 {
            self.ended.drain(..self.ended.len() - 1);
        }
    }

    /// Whether its owner has been told the end of this turn in the child's place.
    pub fn is_disowned(&self, turn: &str) -> bool {
        let given_up =
            self.run.as_ref().is_some_and(|run| run.given_up.is_some() && run.turn.as_str() == turn);
        given_up || self.disowned.as_ref().is_some_and(|disowned| disowned.as_str() == turn)
    }

    /// Whether this turn was interrupted because the model has called functions, as its client wanted.
    pub fn is_interrupted(&self, turn: &str) -> bool {
        self.interrupted.as_ref().is_some_and(|interrupted| interrupted.as_str() == turn)
    }

    /// What its turn is doing, as far as letting it go is concerned.
    pub fn turn(&self) -> Turn<'_> {
        match &self.run {
            _ if self.starting > 0 => Turn::Starting,
            Some(run) if run.is_unnamed() => Turn::Starting,
            Some(run) => Turn::Running(&run.turn),
            None => Turn::Idle,
        }
    }

    /// A `turn/start` was written.
    pub fn add_start(&mut self, seen: Seen) {
        self.starts.push(seen);
    }

    /// The `turn/start` that was written with this id, unless a turn came of it already.
    pub fn take_start(&mut self, wire: u64) -> Option<Seen> {
        let at = self.starts.iter().position(|seen| seen.wire == wire)?;
        Some(self.starts.remove(at))
    }

    /// Those that no turn came of yet.
    pub fn starts(&self) -> &[Seen] {
        &self.starts
    }

    /// The oldest one that no turn came of yet.
    pub fn first_start(&mut self) -> Option<Seen> {
        (!self.starts.is_empty()).then(|| self.starts.remove(0))
    }

    /// The turn that runs, answered or not.
    pub fn running(&self) -> Option<&TurnId> {
        self.run.as_ref().filter(|run| !run.is_unnamed()).map(|run| &run.turn)
    }
}

/// All threads that some client made. A thread with a turn that runs or is being started holds a permit.
#[derive(Debug, Default)]
pub struct Threads {
    by_id: HashMap<ThreadId, Thread>,
    counts: BTreeMap<Generation, usize>,
    permits: usize,
}

impl Threads {
    /// Adds a thread. False when it is known already and isn't `owner`'s: a resume can't take a thread away.
    pub fn open(&mut self, id: ThreadId, owner: Option<ConnId>, generation: Generation) -> bool {
        match self.by_id.entry(id) {
            Entry::Occupied(known) => owner.is_some() && known.get().owner == owner,
            Entry::Vacant(place) => {
                *self.counts.entry(generation).or_default() += 1;
                place.insert(Thread {
                    owner,
                    generation,
                    leaving: Leaving::No,
                    newest: 0,
                    run: None,
                    once: false,
                    interrupted: None,
                    whose: Whose::default(),
                    seen: None,
                    starts: Vec::new(),
                    starting: 0,
                    ended: Vec::new(),
                    disowned: None,
                    permit: false,
                });
                true
            }
        }
    }

    /// A thread.
    pub fn get(&self, id: &str) -> Option<&Thread> {
        self.by_id.get(id)
    }

    /// A thread, to change its owner or how far it is let go.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Thread> {
        self.by_id.get_mut(id)
    }

    /// Permits in use.
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Threads that are known.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Threads of a child.
    pub fn len_of(&self, generation: Generation) -> usize {
        self.counts.get(&generation).copied().unwrap_or_default()
    }

    /// Whether no thread is known.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// A `turn/start` was sent.
    pub fn starting(&mut self, id: &str) {
        self.change(id, |thread| thread.starting += 1);
    }

    /// A `turn/start` was answered with this turn, or, with `None`, in a way that no turn comes of it.
    pub fn answered(&mut self, id: &str, turn: Option<&str>, now: Instant) {
        self.change(id, |thread| {
            thread.starting = thread.starting.saturating_sub(1);
            thread.take_up(turn, now);
            thread.trim_ended();
        });
    }

    /// A turn was started by a request whose answer doesn't name it (a compaction): it holds its permit until it
    /// begins.
    pub fn answered_without_name(&mut self, id: &str, now: Instant) {
        self.change(id, |thread| {
            thread.starting = thread.starting.saturating_sub(1);
            if thread.run.is_none() {
                thread.run = Some(Run::unnamed(now));
            }
        });
    }

    /// A `turn/start` that was given up is answered with this turn after all.
    pub fn answered_late(&mut self, id: &str, turn: Option<&str>, now: Instant) {
        self.change(id, |thread| thread.take_up(turn, now));
    }

    /// `turn/started` came.
    pub fn began(&mut self, id: &str, turn: &str, now: Instant) {
        self.change(id, |thread| {
            if !thread.has_ended(turn) && thread.running().is_none_or(|running| running.as_str() != turn) {
                thread.run = Some(Run::new(turn.into(), now));
            }
        });
    }

    /// `turn/completed` came, or nobody waits for it any more.
    pub fn ended(&mut self, id: &str, turn: Option<&str>) {
        self.change(id, |thread| {
            let unnamed = thread.run.as_ref().is_some_and(Run::is_unnamed);
            if !unnamed && thread.running().is_none_or(|running| turn.is_none_or(|t| running.as_str() == t)) {
                thread.note_end(turn.map(TurnId::from));
            }
        });
    }

    /// Nobody waits for the end of the turn that runs in a thread any more.
    pub fn disown(&mut self, id: &str) {
        self.change(id, |thread| {
            thread.disowned = thread.run.take().map(|run| run.turn);
            thread.note_end(thread.disowned.clone());
        });
    }

    /// Changes what a thread's turn is doing, and its permit with it.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut Thread)) {
        let Some(thread) = self.by_id.get_mut(id) else {
            return;
        };
        change(thread);
        let busy = thread.starting > 0 || thread.run.is_some();
        self.permits = self.permits + usize::from(busy) - usize::from(thread.permit);
        thread.permit = busy;
    }

    /// Forgets a thread; gives its permit back.
    pub fn close(&mut self, id: &str) -> Option<Thread> {
        let thread = self.by_id.remove(id)?;
        self.permits -= usize::from(thread.permit);
        if let Some(count) = self.counts.get_mut(&thread.generation) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&thread.generation);
            }
        }
        Some(thread)
    }

    /// The threads of a connection, in a stable order.
    pub fn of(&self, conn: ConnId) -> Vec<ThreadId> {
        self.ids(|t| t.owner == Some(conn))
    }

    /// Whether a turn runs, or is being started, in a thread of this connection.
    pub fn is_busy(&self, conn: ConnId) -> bool {
        self.by_id.values().any(|t| t.owner == Some(conn) && t.turn() != Turn::Idle)
    }

    /// The threads of a child, in a stable order.
    pub fn held_by(&self, generation: Generation) -> Vec<ThreadId> {
        self.ids(|t| t.generation == generation)
    }

    /// Whether a thread is one of this child's.
    pub fn is_of(&self, id: &ThreadId, generation: Generation) -> bool {
        self.by_id.get(id).is_some_and(|thread| thread.generation == generation)
    }

    /// Looks at every running turn, in no order.
    pub fn each_run(&self, mut look: impl FnMut(&ThreadId, &Run)) {
        for (id, thread) in &self.by_id {
            if let Some(run) = &thread.run {
                look(id, run);
            }
        }
    }

    /// Changes every running turn of a child, in no order.
    pub fn each_run_mut(&mut self, generation: Generation, mut change: impl FnMut(&ThreadId, &mut Run)) {
        for (id, thread) in self.by_id.iter_mut().filter(|(_, thread)| thread.generation == generation) {
            if let Some(run) = &mut thread.run {
                change(id, run);
            }
        }
    }

    /// Moves every time of the turns.
    pub fn delay(&mut self, by: Duration) {
        for run in self.by_id.values_mut().filter_map(|thread| thread.run.as_mut()) {
            run.began += by;
            run.heard += by;
            run.given_up = run.given_up.map(|since| since + by);
        }
    }

    /// The threads that `wanted` picks, in a stable order.
    pub fn ids(&self, mut wanted: impl FnMut(&Thread) -> bool) -> Vec<ThreadId> {
        let mut ids: Vec<ThreadId> =
            self.by_id.iter().filter(|(_, t)| wanted(t)).map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        ids
    }
}

impl Thread {
    fn take_up(&mut self, turn: Option<&str>, now: Instant) {
        if self.run.is_none() {
            self.run = turn.filter(|t| !self.has_ended(t)).map(|turn| Run::new(turn.into(), now));
        }
    }
}
