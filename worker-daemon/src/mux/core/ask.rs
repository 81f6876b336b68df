//! The daemon's own requests, and letting threads go.

use super::{Core, Leaving, OWN_DEADLINE, Turn};
use crate::mux::{
    action::Action,
    table::{Interrupt, Kind, Origin, Pending},
};
use shared::{
    app_server::{
        method,
        start::{ThreadParams, TurnInterruptParams},
    },
    id::{Generation, ThreadId},
    line::Line,
    rpc,
};
use std::time::{Duration, Instant};

/// How often an interrupt that the child refuses or loses is sent again: with the next tick after that.
const REFUSALS: u32 = 25;

/// A request of the daemon itself, before it is sent.
pub(super) struct Own {
    kind: Kind,
    thread: Option<ThreadId>,
    generation: Generation,
    deadline: Instant,
    interrupt: Option<Interrupt>,
}

impl Core {
    /// Lets a thread go that has no owner any more. While a `turn/start` is unanswered the thread stays, and this
    /// is called again with the answer.
    pub(super) fn let_go(&mut self, id: &ThreadId) {
        let Some(thread) = self.threads.get_mut(id.as_str()) else {
            return;
        };
        thread.owner = None;
        if thread.leaving == Leaving::No
            && thread.turn() != Turn::Starting
            && let Some(lane) = self.lanes.get_mut(&thread.generation)
        {
            thread.leaving = Leaving::Queued;
            lane.leaving.push_back(id.clone());
        }
    }

    /// What happens to a thread may be what letting it go was waiting for.
    pub(super) fn let_go_if_abandoned(&mut self, thread: &ThreadId) {
        if self.threads.get(thread.as_str()).is_some_and(|t| t.owner.is_none()) {
            self.let_go(thread);
        }
    }

    /// Interrupts the turn of a thread, then unsubscribes.
    pub(super) fn send_off(&mut self, id: &ThreadId, now: Instant, out: &mut Vec<Action>) {
        // It may have closed by itself or with its child, or somebody else may have resumed it.
        let Some(thread) = self
            .threads
            .get_mut(id.as_str())
            .filter(|thread| thread.owner.is_none() && thread.leaving == Leaving::Queued)
        else {
            return;
        };
        thread.leaving = Leaving::Sent;
        let generation = thread.generation;
        if let Some(turn) = thread.running().cloned() {
            self.interrupt(id, turn.as_str(), generation, now, out);
        }
        self.unsubscribe(id, generation, now, out);
    }

    /// The child refused to interrupt a turn. It says that there is no active turn not only when the turn is over, but
    /// also when it has answered the start of one and not begun it. The unsubscribe that went out with the interrupt
    /// doesn't end the turn, so a turn that was not heard of is interrupted again: it would run on for nobody.
    pub(super) fn on_refused_interrupt(&mut self, pending: &mut Pending, busy: bool) {
        if let (Some(id), Some(mut interrupt)) = (&pending.thread, pending.interrupt.take())
            && (busy || !interrupt.heard)
            && interrupt.refusals < REFUSALS
            && let Some(lane) = self.lanes.get_mut(&pending.generation)
        {
            interrupt.refusals += 1;
            lane.refused.push((id.clone(), interrupt));
        }
    }

    /// Lets the interrupts that the child refused be sent again.
    pub(super) fn interrupt_refused(&mut self) {
        for lane in self.lanes.values_mut() {
            lane.interrupts.extend(lane.refused.drain(..));
        }
    }

    /// Interrupts the turn that runs in a thread.
    pub(super) fn interrupt(
        &mut self,
        id: &ThreadId,
        turn: &str,
        generation: Generation,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let interrupt = self.interrupt_of(id, turn);
        self.send_interrupt(id, interrupt, generation, now, out);
    }

    /// The same as soon as there is room at the child.
    pub(super) fn interrupt_later(&mut self, id: &ThreadId, turn: &str, generation: Generation) {
        let interrupt = self.interrupt_of(id, turn);
        if let Some(lane) = self.lanes.get_mut(&generation) {
            lane.interrupts.push_back((id.clone(), interrupt));
        }
    }

    fn interrupt_of(&self, id: &ThreadId, turn: &str) -> Interrupt {
        let run = self.threads.get(id.as_str()).and_then(|thread| thread.run.as_ref());
        let heard = run.is_some_and(|run| run.begun && run.turn.as_str() == turn);
        Interrupt { turn: turn.into(), heard, refusals: 0 }
    }

    pub(super) fn send_interrupt(
        &mut self,
        id: &ThreadId,
        interrupt: Interrupt,
        generation: Generation,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        self.note_interrupt(Some(id), now);
        let turn = interrupt.turn.clone();
        let params = TurnInterruptParams { thread_id: id.as_str(), turn_id: turn.as_str() };
        let own = self.own(Kind::Interrupt, Some(id), generation, now + self.own_deadline());
        self.ask(Own { interrupt: Some(interrupt), ..own }, method::TURN_INTERRUPT, &params, now, out);
    }

    fn unsubscribe(&mut self, id: &ThreadId, generation: Generation, now: Instant, out: &mut Vec<Action>) {
        let params = ThreadParams { thread_id: id.as_str() };
        let own = self.own(Kind::Unsubscribe, Some(id), generation, now + self.own_deadline());
        self.ask(own, method::THREAD_UNSUBSCRIBE, &params, now, out);
    }

    fn own_deadline(&self) -> Duration {
        OWN_DEADLINE.min(self.limits.request_timeout)
    }

    /// A request of the daemon itself.
    pub(super) fn own(
        &self,
        kind: Kind,
        thread: Option<&ThreadId>,
        generation: Generation,
        deadline: Instant,
    ) -> Own {
        Own { kind, thread: thread.cloned(), generation, deadline, interrupt: None }
    }

    /// Sends a request of the daemon itself. The few that go out together may pass the window by one or two.
    pub(super) fn ask<P: serde::Serialize>(
        &mut self,
        own: Own,
        method: &str,
        params: &P,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Own { kind, thread, generation, deadline, interrupt } = own;
        let mut seen = self.observe.own(method, now);
        self.observe.written(&mut seen, generation, self.table.newest() + 1, now);
        let id = self.table.insert(Pending {
            origin: Origin::Daemon,
            kind,
            thread: thread.clone(),
            interrupt,
            seen,
            generation,
            deadline,
            again: None,
        });
        if let Some(thread) = thread.and_then(|thread| self.threads.get_mut(thread.as_str())) {
            thread.newest = id;
        }
        out.push(Action::ToChild(
            generation,
            Line::json(&rpc::Request {
                id,
                method,
                params,
                caller: None,
                once: false,
                request: None,
                trace: None,
            }),
        ));
    }
}
