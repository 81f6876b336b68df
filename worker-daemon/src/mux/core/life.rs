//! The coming and going of clients and children, deadlines, and the end.

use super::{Core, RETRY_AFTER, TOMBSTONE};
use crate::mux::{action::Action, table::Kind, threads::Leaving};
use shared::{
    app_server::{failure, method, start::InitializeResult},
    control::{self, Status, WorkerState},
    id::{ConnId, Generation, ThreadId},
    line::Line,
    rpc::{self, ErrorObject, code},
};
use std::time::Instant;

impl Core {
    /// A client is gone. What it had waiting is dropped, its turns are interrupted, its threads let go.
    pub fn on_gone(&mut self, conn: ConnId, now: Instant, out: &mut Vec<Action>) {
        if self.conns.remove(&conn).is_none() {
            return;
        }
        self.admission.take(|w| w.conn == conn);
        self.table.forget(conn);
        self.decline_asked(|asked| asked.conn == conn, out);
        for thread in self.threads.of(conn) {
            self.let_go(&thread);
        }
        self.trim_held();
        self.pump(now, out);
    }

    /// A child's handshake stands: it takes requests from now on.
    pub fn on_up(
        &mut self,
        generation: Generation,
        greeting: InitializeResult,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        self.child = Some(generation);
        self.greeting = Some(greeting);
        self.greet(out);
        self.pump(now, out);
    }

    /// A child is gone. What it had not answered gets an error, and its running turns an end.
    pub fn on_down(&mut self, generation: Generation, out: &mut Vec<Action>) {
        if self.child == Some(generation) {
            self.child = None;
        }
        let restarted = code::restarted();
        for pending in self.table.drain(generation) {
            self.fail_origin(pending.origin, &restarted, out);
        }
        // What waits for a thread of the dead child would name a thread that nobody knows any more.
        let threads = self.threads.held_by(generation);
        let orphaned =
            self.admission.take(|w| w.thread.as_ref().is_some_and(|t| threads.binary_search(t).is_ok()));
        for waiting in orphaned {
            self.fail_waiting(waiting, &restarted, out);
        }
        self.asked.retain(|_, asked| asked.generation != generation);
        self.held.clear();
        self.leaving.clear();
        for id in threads {
            self.end_turn(&id, &restarted.message, failure::RESTARTED_DETAILS, out);
            if let Some(owner) = self.threads.close(id.as_str()).and_then(|t| t.owner) {
                let params = Some(serde_json::json!({ "threadId": id.as_str() }));
                self.tell(owner, method::THREAD_CLOSED, params, out);
            }
        }
    }

    /// The supervisor's state changed: subscribers hear of it, and what can't be served soon is refused now.
    pub fn on_status(&mut self, status: Status, out: &mut Vec<Action>) {
        let seq = self.status.seq + 1;
        self.status = Status { seq, ..status };
        if self.draining && self.status.state == WorkerState::Ready {
            self.status.state = WorkerState::Draining;
        }
        let mut subscribers: Vec<ConnId> =
            self.conns.iter().filter(|(_, c)| c.subscribed).map(|(id, _)| *id).collect();
        subscribers.sort_unstable();
        for conn in subscribers {
            let note = rpc::Notification { method: control::STATUS, params: Some(&self.status) };
            out.push(Action::ToClient(conn, Line::json(&note)));
        }
        match self.status.state {
            WorkerState::Backoff | WorkerState::Stopped => {
                self.refuse_waiting(&code::unavailable(self.retry_after()), out)
            }
            WorkerState::Starting
            | WorkerState::Initializing
            | WorkerState::Ready
            | WorkerState::Draining => {}
        }
    }

    /// Ends what has waited too long. Called a few times a second.
    pub fn on_tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        let late = code::timeout(self.limits.request_timeout);
        let expired = self.table.expire(now, TOMBSTONE);
        for origin in expired.origins {
            self.fail_origin(origin, &late, out);
        }
        for lost in expired.lost {
            self.on_lost(lost.kind, lost.thread);
        }
        self.trim_held();
        for waiting in self.admission.take(|w| w.deadline <= now) {
            self.fail_waiting(waiting, &code::overloaded(RETRY_AFTER), out);
        }
        let mut greetings: Vec<_> = Vec::new();
        for (conn, client) in &mut self.conns {
            if client.greeting.as_ref().is_some_and(|(_, deadline)| *deadline <= now)
                && let Some((id, _)) = client.greeting.take()
            {
                greetings.push((*conn, id));
            }
        }
        for (conn, id) in greetings {
            let unavailable = code::unavailable(RETRY_AFTER);
            self.fail(conn, &id, &unavailable, out);
            // What was pipelined behind it is from a client that is not initialized.
            for waiting in self.admission.take(|w| w.conn == conn) {
                self.fail_waiting(waiting, &unavailable, out);
            }
        }
        self.pump(now, out);
    }

    /// The child lost a request. What hung on its answer must not hang for ever.
    fn on_lost(&mut self, kind: Kind, thread: Option<ThreadId>) {
        let Some(id) = thread else { return };
        match kind {
            Kind::StartTurn => self.threads.answered(id.as_str(), None),
            Kind::Unsubscribe => {
                if let Some(thread) = self.threads.get_mut(id.as_str()) {
                    thread.leaving = Leaving::No;
                }
            }
            Kind::OpenThread | Kind::Interrupt | Kind::Other => return,
        }
        self.let_go_if_abandoned(&id);
    }

    /// No new work from now on; what runs may finish.
    pub fn on_drain(&mut self, out: &mut Vec<Action>) {
        self.draining = true;
        for waiting in self.admission.take(|w| !w.kind.is_control()) {
            self.fail_waiting(waiting, &code::draining(RETRY_AFTER), out);
        }
        let status = self.status.clone();
        self.on_status(status, out);
    }

    /// Ends everything that still runs: every client gets its answer, every turn its interrupt.
    pub fn on_force(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.draining = true;
        let draining = code::draining(RETRY_AFTER);
        self.refuse_waiting(&draining, out);
        let Some(generation) = self.child else { return };
        for id in self.threads.held_by(generation) {
            self.end_turn(&id, &draining.message, failure::DRAINING_DETAILS, out);
            self.let_go(&id);
        }
        self.pump(now, out);
        for origin in self.table.abandon() {
            self.fail_origin(origin, &draining, out);
        }
    }

    fn refuse_waiting(&mut self, error: &ErrorObject, out: &mut Vec<Action>) {
        for waiting in self.admission.take(|_| true) {
            self.fail_waiting(waiting, error, out);
        }
        let mut greetings: Vec<_> = Vec::new();
        for (conn, client) in &mut self.conns {
            if let Some((id, _)) = client.greeting.take() {
                greetings.push((*conn, id));
            }
        }
        greetings.sort_unstable();
        for (conn, id) in greetings {
            self.fail(conn, &id, error, out);
        }
    }

    /// Tells the owner of a running turn that it failed, in the child's place.
    fn end_turn(&mut self, id: &ThreadId, message: &str, details: &str, out: &mut Vec<Action>) {
        let Some(thread) = self.threads.get(id.as_str()) else {
            return;
        };
        if let (Some(turn), Some(owner)) = (thread.running(), thread.owner) {
            let params = serde_json::json!({
                "threadId": id.as_str(),
                "turn": {
                    "id": turn.as_str(),
                    "items": [],
                    "status": "failed",
                    "error": {"message": message, "codexErrorInfo": "other", "additionalDetails": details},
                },
            });
            self.tell(owner, method::TURN_COMPLETED, Some(params), out);
        }
    }

    fn tell(&self, conn: ConnId, name: &str, params: Option<serde_json::Value>, out: &mut Vec<Action>) {
        if self.conns.get(&conn).is_some_and(|c| c.initialized && !c.opt_outs.contains(name)) {
            out.push(Action::ToClient(conn, Line::json(&rpc::Notification { method: name, params })));
        }
    }
}
