//! A running turn, seen by the request that started it.

use super::pool::{Elsewhere, Place};
use crate::translate::{
    event::{Delta, End},
    failure,
};
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
pub struct TurnStream {
    key: TurnKey,
    deltas: Receiver<Delta>,
    /// Where the drop is told; `None` once the turn has ended.
    cancel: Option<mpsc::UnboundedSender<TurnKey>>,
    taken: Taken,
    /// Its place at its worker, until it ends.
    place: Option<Place>,
    /// Where it can go while nothing of it has run.
    elsewhere: Option<Elsewhere>,
    /// Whether it has a thread: until then nothing of it can have run.
    opened: bool,
    /// Whether it has shown nothing of the worker's account yet.
    untold: bool,
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
        Self {
            key,
            deltas,
            cancel: Some(cancel),
            taken: Taken::default(),
            place: None,
            elsewhere: None,
            opened: false,
            untold: true,
        }
    }

    /// The same, which has this place at its worker.
    pub(super) fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// The same, which goes elsewhere where its worker doesn't run it.
    pub(super) fn or_else(mut self, elsewhere: Option<Elsewhere>) -> Self {
        self.elsewhere = elsewhere;
        self
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
        loop {
            let delta = self.deltas.recv().await;
            if let Some(next) = self.seen(delta) {
                return next;
            }
        }
    }

    /// A delta that is there already.
    pub fn try_next(&mut self) -> Option<Delta> {
        loop {
            let delta = self.deltas.try_recv()?;
            match self.seen(Some(delta)) {
                Some(Next::Delta(delta)) => return Some(delta),
                Some(Next::Cut) => return None,
                None => {}
            }
        }
    }

    /// What a delta is for the reader; `None`: nothing, the turn goes on elsewhere.
    fn seen(&mut self, delta: Option<Delta>) -> Option<Next> {
        let Some(delta) = delta else {
            self.over();
            return Some(Next::Cut);
        };
        match &delta {
            Delta::End(end) => {
                self.tell_account(end);
                let elsewhere = self.elsewhere.take().filter(|_| failure::ran_nowhere(end, self.opened));
                if self.moved(elsewhere) {
                    return None;
                }
                self.over();
            }
            Delta::Thread(_) => self.opened = true,
            // An attempt has failed, of which something may have run. It says nothing of the account.
            Delta::Retry => self.elsewhere = None,
            // It runs. What another would need of it is let go.
            Delta::Alive
            | Delta::Begun
            | Delta::Text { .. }
            | Delta::Message { .. }
            | Delta::Reasoning { .. }
            | Delta::Reasoned { .. }
            | Delta::Call { .. }
            | Delta::Command(_)
            | Delta::Foreign
            | Delta::Usage(_) => self.runs(),
        }
        Some(Next::Delta(delta))
    }

    /// There is a sign of life: what another worker would need is let go, and the upstream takes the account.
    fn runs(&mut self) {
        self.elsewhere = None;
        self.shown(false);
    }

    /// The end, without any sign of life before it, may say something of the account.
    fn tell_account(&mut self, end: &End) {
        if let Some(refused) = failure::refuses_account(end) {
            self.shown(refused);
        }
    }

    /// The first word on the account; what comes later is another matter.
    fn shown(&mut self, refused: bool) {
        if std::mem::take(&mut self.untold)
            && let Some(place) = &self.place
        {
            place.shown(refused);
        }
    }

    /// Goes on as another turn. Whether there is one.
    fn moved(&mut self, elsewhere: Option<Elsewhere>) -> bool {
        // The place is free before another is taken: one that fails everywhere is counted nowhere twice.
        self.place = None;
        let Some(again) = elsewhere.and_then(Elsewhere::again) else { return false };
        self.cancel = None;
        *self = again;
        true
    }

    fn over(&mut self) {
        self.cancel = None;
        self.place = None;
        self.elsewhere = None;
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
