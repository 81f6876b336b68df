//! A change of one toggle on its way to the daemon's disk. Pure.

use shared::control::toggles::Toggle;

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// To be sent.
    Waiting,
    /// Sent, without an answer.
    Sent,
    /// The daemon refused it; the next daemon may not.
    Refused,
    /// The daemon has it, and not on disk.
    Taken,
}

/// A change that the daemon doesn't have on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending<T> {
    pub(super) number: u64,
    toggle: Toggle<T>,
    pub(super) phase: Phase,
    /// Whether it was asked for while it could not be sent at once.
    late: bool,
}

impl<T> Pending<T> {
    /// Whether it is more than what the daemon told last.
    fn wins(&self) -> bool {
        match self.phase {
            Phase::Waiting | Phase::Sent | Phase::Refused => true,
            Phase::Taken => false,
        }
    }
}

/// The toggle that holds.
pub(super) fn held<'a, T>(pending: Option<&'a Pending<T>>, told: &'a Toggle<T>) -> &'a Toggle<T> {
    pending.filter(|pending| pending.wins()).map_or(told, |pending| &pending.toggle)
}

/// How far a toggle is that isn't on disk. One that was never set is nothing to keep.
pub(super) fn open<T: PartialEq>(
    pending: Option<&Pending<T>>,
    told: &Toggle<T>,
    disk: Option<&Toggle<T>>,
) -> Option<Phase> {
    match pending {
        Some(pending) => Some(pending.phase),
        None if disk == Some(told) || *told == Toggle::default() => None,
        None => Some(Phase::Taken),
    }
}

pub(super) fn pending<T>(number: u64, set: Option<T>, now_ms: u64, late: bool) -> Pending<T> {
    let toggle = Toggle { set, changed_ms: Some(now_ms) };
    Pending { number, toggle, phase: Phase::Waiting, late }
}

/// Its number, what it sets, and when it was asked for where it is late.
pub(super) fn send<T: Clone>(pending: &mut Pending<T>) -> Option<(u64, Option<T>, Option<u64>)> {
    if pending.phase != Phase::Waiting {
        return None;
    }
    pending.phase = Phase::Sent;
    let asked_ms = pending.toggle.changed_ms.filter(|_| pending.late);
    Some((pending.number, pending.toggle.set.clone(), asked_ms))
}

pub(super) fn again<T>(pending: &mut Pending<T>) {
    pending.phase = Phase::Waiting;
    pending.late = true;
}

/// The daemon has this change. It is as old as the daemon says.
pub(super) fn arrived<T: Clone>(slot: &mut Option<Pending<T>>, number: u64, told: &Toggle<T>) {
    if let Some(pending) = slot.as_mut().filter(|pending| pending.number == number) {
        pending.phase = Phase::Taken;
        pending.toggle = told.clone();
    }
}

/// A change that is on the daemon's disk, or that another one has replaced there, is not ours to look after any more.
pub(super) fn follow<T: PartialEq>(slot: &mut Option<Pending<T>>, told: &Toggle<T>, persisted: bool) {
    let over = |pending: &Pending<T>| !pending.wins() && (persisted || pending.toggle != *told);
    if slot.as_ref().is_some_and(over) {
        *slot = None;
    }
}
