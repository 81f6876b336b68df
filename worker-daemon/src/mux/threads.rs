//! Who owns which thread, and what its turn is doing.

use shared::id::{ConnId, Generation, ThreadId, TurnId};
use std::collections::HashMap;

/// What the turn of a thread is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// None runs.
    Idle,
    /// `turn/start` was sent; its id is not known yet.
    Starting,
    /// It runs.
    Running(TurnId),
}

/// One thread of the child.
#[derive(Debug)]
pub struct Thread {
    /// The connection that started, forked or resumed it; `None` once that is gone or has let it go.
    pub owner: Option<ConnId>,
    /// The child that holds it.
    pub generation: Generation,
    /// What its turn is doing.
    pub turn: Turn,
    /// The turn that ended last: the answer to its `turn/start` may come after its end.
    pub ended: Option<TurnId>,
    /// Whether its turn holds one of the permits.
    pub permit: bool,
}

/// All threads that some client made.
#[derive(Debug, Default)]
pub struct Threads {
    by_id: HashMap<ThreadId, Thread>,
    permits: usize,
}

impl Threads {
    /// Adds a thread, or gives an existing one to a new owner (a resume).
    pub fn open(&mut self, id: ThreadId, owner: Option<ConnId>, generation: Generation) {
        self.by_id
            .entry(id)
            .and_modify(|t| t.owner = owner)
            .or_insert(Thread {
                owner,
                generation,
                turn: Turn::Idle,
                ended: None,
                permit: false,
            });
    }

    /// A thread.
    pub fn get(&self, id: &str) -> Option<&Thread> {
        self.by_id.get(id)
    }

    /// A thread, to change what its turn is doing. Permits change through [`Threads`] alone.
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

    /// Whether no thread is known.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// A turn is about to be started on `id`: takes a permit unless one runs there already or it isn't known.
    pub fn starting(&mut self, id: &str) {
        if let Some(thread) = self.by_id.get_mut(id)
            && thread.turn == Turn::Idle
        {
            thread.turn = Turn::Starting;
            thread.ended = None;
            self.permits += usize::from(!std::mem::replace(&mut thread.permit, true));
        }
    }

    /// The turn's id became known, by the answer to `turn/start` or by `turn/started`.
    pub fn started(&mut self, id: &str, turn: &str) {
        if let Some(thread) = self.by_id.get_mut(id)
            && thread.ended.as_ref().is_none_or(|ended| ended.as_str() != turn)
            && !matches!(&thread.turn, Turn::Running(_))
        {
            thread.turn = Turn::Running(turn.into());
        }
    }

    /// The turn `turn` ended, or, with `None`, the one that was being started never began: gives the permit back.
    pub fn ended(&mut self, id: &str, turn: Option<&str>) {
        let Some(thread) = self.by_id.get_mut(id) else {
            return;
        };
        let over = match (&thread.turn, turn) {
            (Turn::Running(running), Some(turn)) => running.as_str() == turn,
            (Turn::Running(_), None) => false,
            (Turn::Starting | Turn::Idle, _) => true,
        };
        if over {
            thread.turn = Turn::Idle;
            thread.ended = turn.map(TurnId::from);
            self.permits -= usize::from(std::mem::take(&mut thread.permit));
        }
    }

    /// Forgets a thread; gives its permit back.
    pub fn close(&mut self, id: &str) -> Option<Thread> {
        let thread = self.by_id.remove(id)?;
        self.permits -= usize::from(thread.permit);
        Some(thread)
    }

    /// The threads of a connection, in a stable order.
    pub fn of(&self, conn: ConnId) -> Vec<ThreadId> {
        self.ids(|t| t.owner == Some(conn))
    }

    /// The threads of a child, in a stable order.
    pub fn held_by(&self, generation: Generation) -> Vec<ThreadId> {
        self.ids(|t| t.generation == generation)
    }

    fn ids(&self, mut wanted: impl FnMut(&Thread) -> bool) -> Vec<ThreadId> {
        let mut ids: Vec<ThreadId> = self
            .by_id
            .iter()
            .filter(|(_, t)| wanted(t))
            .map(|(id, _)| id.clone())
            .collect();
        ids.sort_unstable();
        ids
    }
}
