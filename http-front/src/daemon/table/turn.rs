//! What is kept of a turn, and what each answer of the daemon is for.

use super::{call::Call, traced::Late};
use crate::{
    daemon::{asker::Asker, turn::TurnKey},
    trace::TurnTrace,
    translate::{event::Delta, plan::Plan},
};
use serde_json::value::RawValue;
use shared::{id::ThreadId, queue::Sender};

/// What the front asked, and what the answer is for.
#[derive(Debug)]
pub(super) enum Expected {
    /// The thread of a turn.
    Thread(TurnKey),
    /// A part of a turn's history.
    Injected(TurnKey),
    /// The turn itself.
    Turn(TurnKey),
    /// An interrupt or an unsubscribe; the answer changes nothing.
    Nothing(Option<Late>),
    /// A call of the link itself.
    Call(Call),
}

/// How far a turn is.
#[derive(Debug)]
pub(super) enum Phase {
    /// `thread/start` is not answered yet.
    Opening(Plan),
    /// The rest was sent; the turn's id is not known yet.
    Starting(ThreadId),
    /// It runs.
    Running(ThreadId, String),
}

#[derive(Debug)]
pub(super) struct Turn {
    pub(super) phase: Phase,
    /// Whether it has codex's own tools.
    pub(super) agent: bool,
    /// For whom it is.
    pub(super) asker: Asker,
    /// `None` once nobody listens any more.
    pub(super) deltas: Option<Sender<Delta>>,
    /// Calls of the client's functions that codex waits for.
    pub(super) asked: Vec<Box<RawValue>>,
    /// Looks since anything was heard of it.
    pub(super) quiet: u32,
    /// Where its lines are told, where it is traced.
    pub(super) trace: Option<TurnTrace>,
}
