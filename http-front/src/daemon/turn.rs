//! A running turn, seen by the request that started it.

use crate::translate::event::Delta;
use shared::queue::Receiver;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::mpsc;

/// Names a turn within the link; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnKey(pub u64);

/// Whether codex has taken a turn: before that it waits in the daemon's line. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<AtomicBool>);

impl Taken {
    /// codex has answered its `turn/start`.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a turn says, in order. Dropping it before its end interrupts the turn and lets its thread go.
#[derive(Debug)]
pub struct TurnStream {
    key: TurnKey,
    deltas: Receiver<Delta>,
    /// Where the drop is told; `None` once the turn has ended.
    cancel: Option<mpsc::UnboundedSender<TurnKey>>,
    taken: Taken,
}

/// The next thing in a turn.
#[derive(Debug)]
pub enum Next {
    /// Something happened.
    Delta(Delta),
    /// Its queue was full: this side read too slowly and was cut off.
    Cut,
}

impl TurnStream {
    /// A stream of what `deltas` brings; a drop is told to `cancel`.
    pub fn new(key: TurnKey, deltas: Receiver<Delta>, cancel: mpsc::UnboundedSender<TurnKey>) -> Self {
        Self { key, deltas, cancel: Some(cancel), taken: Taken::default() }
    }

    /// The same; `taken` tells whether codex has it.
    pub fn told_by(mut self, taken: Taken) -> Self {
        self.set_told_by(taken);
        self
    }

    /// From here on `taken` tells whether codex has it.
    pub fn set_told_by(&mut self, taken: Taken) {
        self.taken = taken;
    }

    /// Whether codex has it: what it waits for from then on is the provider's.
    pub fn is_taken(&self) -> bool {
        self.taken.is_set()
    }

    /// The next delta. After a [`Delta::End`] or a [`Next::Cut`] nothing more comes. Cancel safe.
    pub async fn next(&mut self) -> Next {
        let delta = self.deltas.recv().await;
        self.seen(delta)
    }

    /// A delta that is there already.
    pub fn try_next(&mut self) -> Option<Delta> {
        let delta = self.deltas.try_recv()?;
        match self.seen(Some(delta)) {
            Next::Delta(delta) => Some(delta),
            Next::Cut => None,
        }
    }

    fn seen(&mut self, delta: Option<Delta>) -> Next {
        match delta {
            Some(delta) => {
                if matches!(delta, Delta::End(_)) {
                    self.cancel = None;
                }
                Next::Delta(delta)
            }
            None => {
                self.cancel = None;
                Next::Cut
            }
        }
    }
}

impl Drop for TurnStream {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            // Without a link there is no turn to interrupt.
            let _no_link = cancel.send(self.key);
        }
    }
}
