//! Sends what the windows and permits allow.

use super::{CONTROL_WINDOW, Core, Kind, Leaving, Origin, Pending, RETRY_AFTER, Turn, Waiting};
use crate::mux::action::{Action, Order};
use shared::{
    id::Generation,
    rpc::{ErrorObject, code},
};
use std::time::Instant;

impl Core {
    /// Sends what may be sent, to every child. While one is being replaced, the turns of both take turns.
    pub(super) fn pump(&mut self, now: Instant, out: &mut Vec<Action>) {
        let active_first = self.last_turn.is_some_and(|last| Some(last) != self.active);
        if let Some(active) = self.active.filter(|_| active_first) {
            self.pump_lane(active, now, out);
        }
        if self.lanes.len() > usize::from(self.active.is_some()) {
            let old: Vec<Generation> =
                self.lanes.keys().copied().filter(|g| Some(*g) != self.active).collect();
            for generation in old {
                self.pump_lane(generation, now, out);
                self.tell_drained(generation, out);
            }
        }
        if let Some(active) = self.active.filter(|_| !active_first) {
            self.pump_lane(active, now, out);
        }
    }

    fn pump_lane(&mut self, generation: Generation, now: Instant, out: &mut Vec<Action>) {
        if let Some(lane) = self.lanes.get_mut(&generation) {
            lane.admission.release(now);
        }
        // One of each in turn: neither many clients' requests nor one client's many threads hold up the other.
        while self.table.control(generation) < CONTROL_WINDOW
            && let Some(lane) = self.lanes.get_mut(&generation)
        {
            let waiting = lane.admission.next_control();
            let leaving = lane.leaving.pop_front();
            let interrupt = lane.interrupts.pop_front();
            if waiting.is_none() && leaving.is_none() && interrupt.is_none() {
                break;
            }
            if let Some((id, interrupt)) = interrupt {
                self.send_interrupt(&id, interrupt, generation, now, out);
            }
            if let Some(waiting) = waiting {
                self.send_control(waiting, generation, now, out);
            }
            if let Some(id) = leaving {
                self.send_off(&id, now, out);
            }
        }
        while self.table.work(generation) < self.limits.rpc_window {
            let free = self.threads.permits() < self.limits.turns;
            let Some(lane) = self.lanes.get_mut(&generation) else { return };
            let waiting_turn = if free { lane.admission.next_turn() } else { None };
            let Some(waiting) = waiting_turn.or_else(|| lane.admission.next_work()) else {
                return;
            };
            if let Some(error) = self.unfit(&waiting) {
                self.fail_waiting(waiting, &error, now, out);
            } else if waiting.kind != Kind::StartTurn || free {
                self.send(waiting, generation, now, out);
            } else {
                let most = self.limits.waiting_turns;
                let Some(lane) = self.lanes.get_mut(&generation) else { return };
                if let Some(refused) = lane.admission.wait_for_permit(waiting, most) {
                    self.fail_waiting(refused, &code::overloaded(RETRY_AFTER), now, out);
                }
            }
        }
    }

    /// Tells once when a child that was replaced has nothing left to do.
    fn tell_drained(&mut self, generation: Generation, out: &mut Vec<Action>) {
        let left = self.threads.len_of(generation) + self.table.work(generation);
        if let Some(lane) = self.lanes.get_mut(&generation) {
            let unanswered = self.table.control(generation) - usize::from(lane.probe.is_out());
            if left + unanswered + lane.admission.len() + lane.refused.len() + lane.interrupts.len() == 0
                && !std::mem::replace(&mut lane.drained, true)
            {
                out.push(Action::Order(Order::Drained(generation)));
            }
        }
    }

    fn send(&mut self, mut waiting: Waiting, generation: Generation, now: Instant, out: &mut Vec<Action>) {
        self.observe.written(&mut waiting.seen, generation, self.table.newest() + 1, now);
        if waiting.kind == Kind::Interrupt {
            self.note_interrupt(waiting.thread.as_ref(), now);
        }
        if waiting.kind == Kind::StartTurn
            && let Some(id) = &waiting.thread
        {
            self.threads.starting(id.as_str());
            if let Some(thread) = self.threads.get_mut(id.as_str()) {
                thread.add_start(waiting.seen.clone());
            }
            self.last_turn = Some(generation);
        }
        let id = self.table.insert(Pending {
            origin: Origin::Client { conn: waiting.conn, id: waiting.id.clone() },
            kind: waiting.kind,
            thread: waiting.thread.clone(),
            interrupt: None,
            seen: waiting.seen.clone(),
            generation,
            deadline: waiting.deadline,
            again: Some(waiting.clone()),
        });
        if let Some(thread) = waiting.thread.as_ref().and_then(|id| self.threads.get_mut(id.as_str())) {
            thread.newest = id;
        }
        out.push(Action::ToChild(generation, waiting.line(id)));
    }

    /// An unsubscribe doesn't stop a running turn, so the daemon sees to it that none is left behind.
    fn send_control(
        &mut self,
        waiting: Waiting,
        generation: Generation,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        if waiting.kind == Kind::Unsubscribe
            && let Some(id) = &waiting.thread
            && let Some(thread) = self.threads.get_mut(id.as_str())
        {
            match thread.turn() {
                Turn::Idle => thread.leaving = Leaving::Sent,
                Turn::Running(turn) => {
                    let turn = turn.clone();
                    thread.leaving = Leaving::Sent;
                    // The one that is on its way is sent again until codex has taken it.
                    if !thread.is_interrupted(turn.as_str()) {
                        self.interrupt(id, turn.as_str(), generation, now, out);
                    }
                }
                Turn::Starting => {
                    // Without the turn's id it can't be interrupted yet. The client is done with it; the daemon is not.
                    thread.owner = None;
                    self.observe.settled(&waiting.seen, now);
                    let done = serde_json::json!({"status": "unsubscribed"});
                    return self.answer(waiting.conn, &waiting.id, &done, out);
                }
            }
        }
        self.send(waiting, generation, now, out);
    }

    /// Why this `turn/start` must not be sent, if so. A turn that runs in a thread which nobody owns has no permit,
    /// and nobody would hear of it.
    fn unfit(&self, waiting: &Waiting) -> Option<ErrorObject> {
        let id = waiting.thread.as_ref().filter(|_| waiting.kind == Kind::StartTurn)?;
        match self.threads.get(id.as_str()) {
            None => Some(ErrorObject {
                code: code::INVALID_REQUEST,
                message: "thread not found".to_owned(),
                data: None,
            }),
            // It was resumed by another one while this waited.
            Some(thread) if thread.owner.is_some_and(|owner| owner != waiting.conn) => {
                Some(code::not_owner())
            }
            // Its client has unsubscribed in the meantime.
            Some(thread) if thread.owner.is_none() || thread.leaving != Leaving::No => {
                Some(code::cancelled())
            }
            Some(_) => None,
        }
    }
}
