//! What the child answers to what it was asked.

use super::{Core, Leaving};
use crate::mux::{
    action::{Action, Report},
    table::{Kind, Origin, Pending},
};
use bytes::Bytes;
use serde_json::value::RawValue;
use shared::{
    id::{Generation, ThreadId},
    rpc::{self, code, scope::Scope},
};
use std::time::{Duration, Instant};

/// The first delay before a request is sent again for which the child was too busy; it doubles.
const AGAIN_FIRST: Duration = Duration::from_millis(40);
/// The longest such delay.
const AGAIN_LONGEST: Duration = Duration::from_millis(1500);

impl Core {
    /// It answered a request.
    pub(super) fn on_reply(
        &mut self,
        generation: Generation,
        line: &Bytes,
        id: &RawValue,
        answer: Result<Scope<'_>, &RawValue>,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Some(wire) = id.get().parse().ok() else { return };
        let Some((mut pending, late)) = self.table.answer(wire, generation) else {
            return;
        };
        let failed = answer.as_ref().err().map(|error| code_of(error));
        let refused = failed == Some(code::OVERLOADED);
        if answer.is_err() {
            self.on_refused_interrupt(&mut pending, refused);
        }
        if refused && self.send_again(&mut pending, wire, now, out) {
            return;
        }
        let Pending { origin, kind, thread, seen, .. } = pending;
        if !late {
            self.observe.answered(&seen, failed.map_or(Ok(()), Err), now);
        }
        let result = answer.ok();
        let client = match &origin {
            Origin::Client { conn, .. } => Some(*conn),
            Origin::Nobody | Origin::Daemon => None,
        };
        let opened = match (kind, &result) {
            (Kind::OpenThread, Some(scope)) => scope.thread.as_deref().map(ThreadId::from),
            _ => None,
        };
        // The thread is known before its owner hears of it, so that nothing of it can arrive unrouted.
        if let Some(id) = &opened
            && !self.threads.open(id.clone(), client, generation)
        {
            // Resumed by two, or named in a way that we don't read: the first one keeps it.
            self.fail_origin(origin, &code::not_owner(), out);
            return self.trim_held();
        }
        if let Origin::Client { conn, id: own } = origin
            && self.settle(conn, &own)
        {
            if let Some(code) = failed {
                self.observe.refused(code);
            }
            out.push(Action::ToClient(conn, rpc::splice(line, id, own)));
        }
        match kind {
            Kind::OpenThread => {
                if let Some(id) = opened {
                    self.release_held(&id, generation, now, out);
                    if client.is_none() {
                        self.let_go(&id);
                    }
                }
                self.trim_held();
            }
            Kind::StartTurn => {
                let Some(thread) = thread else { return };
                // Well answered, but without the turn's name.
                let is_compaction = result.as_ref().is_some_and(|scope| scope.turn.is_none());
                let turn = result.and_then(|scope| scope.turn);
                if late {
                    self.threads.answered_late(thread.as_str(), turn.as_deref(), now);
                    if let Some(thread) = self.threads.get_mut(thread.as_str()).filter(|_| turn.is_some()) {
                        thread.add_start(seen.clone());
                    }
                    self.note_started(thread.as_str(), seen.wire, turn.as_deref(), now);
                    // Its thread was let go without it.
                    let gone = self.threads.get(thread.as_str()).is_none_or(|t| t.leaving == Leaving::Sent);
                    if let Some(turn) = turn.filter(|_| gone) {
                        self.interrupt(&thread, &turn, generation, now, out);
                    }
                } else if is_compaction {
                    self.threads.answered_without_name(thread.as_str(), now);
                } else {
                    self.threads.answered(thread.as_str(), turn.as_deref(), now);
                    self.note_started(thread.as_str(), seen.wire, turn.as_deref(), now);
                }
                self.let_go_if_abandoned(&thread);
            }
            // Whether it succeeded or the child didn't know the thread: it is gone.
            Kind::Unsubscribe if !refused => {
                if let Some(thread) = thread {
                    self.close(&thread, now, out);
                }
            }
            Kind::Unsubscribe => {
                if let Some(thread) = thread.and_then(|id| self.threads.get_mut(id.as_str())) {
                    thread.leaving = Leaving::No;
                }
            }
            Kind::Probe => self.on_probed(generation, line, now, out),
            Kind::Interrupt | Kind::Other => {}
        }
    }

    /// The child was too busy for a request. It is kept and sent again after a moment, if there is time left and
    /// nothing was sent meanwhile that builds on it: what comes behind a lost part of a history must not run.
    /// False where the answer goes to whoever asked.
    fn send_again(&mut self, pending: &mut Pending, wire: u64, now: Instant, out: &mut Vec<Action>) -> bool {
        let thread = pending.thread.as_ref().and_then(|id| self.threads.get_mut(id.as_str()));
        match pending.origin {
            // The daemon's own, or of a client that is gone: the thread is let go with the next look at what has nobody.
            Origin::Daemon | Origin::Nobody => match thread.filter(|_| pending.kind == Kind::Unsubscribe) {
                Some(thread) => {
                    thread.leaving = Leaving::No;
                    true
                }
                None => false,
            },
            Origin::Client { .. } => {
                // Nothing builds on what ends something.
                let is_last = pending.kind.is_control() || thread.as_ref().is_none_or(|t| t.newest == wire);
                let Some(mut waiting) = pending.again.take_if(|_| is_last) else {
                    return false;
                };
                let due = now + again_after(waiting.attempts, wire);
                if due >= waiting.deadline {
                    return false;
                }
                match pending.kind {
                    Kind::Unsubscribe => {
                        if let Some(thread) = thread {
                            thread.leaving = Leaving::No;
                        }
                    }
                    Kind::StartTurn => {
                        if let Some(id) = &pending.thread {
                            self.threads.answered(id.as_str(), None, now);
                            if let Some(thread) = self.threads.get_mut(id.as_str()) {
                                thread.take_start(wire);
                            }
                        }
                    }
                    Kind::OpenThread | Kind::Interrupt | Kind::Probe | Kind::Other => {}
                }
                waiting.attempts += 1;
                self.observe.put_aside(&waiting.seen, now);
                let whose = waiting.whose.clone();
                out.push(Action::Report(Report::SentAgain { whose, attempts: waiting.attempts }));
                self.admission(Some(pending.generation)).put_aside(waiting, due);
                true
            }
        }
    }
}

/// The code of an error that the child answered with; 0 where it has none.
fn code_of(error: &RawValue) -> i64 {
    serde_json::from_str::<rpc::ErrorObject>(error.get()).map_or(0, |error| error.code)
}

/// The delay before a request is sent again: doubling, and between half of it and the whole by the wire id, so that
/// requests that were refused together don't come again together.
fn again_after(attempts: u32, wire: u64) -> Duration {
    let whole = AGAIN_FIRST.saturating_mul(1 << attempts.min(16)).min(AGAIN_LONGEST);
    // The upper bits of a multiplication by the golden ratio: spread well, and the same in every run.
    let spread = wire.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let half = whole / 2;
    half + half.mul_f64(spread as f64 / f64::from(u32::MAX))
}
