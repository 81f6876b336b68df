//! The coming and going of clients and children, deadlines, and the end.

use super::{Core, Lane, Leaving, RETRY_AFTER, TOMBSTONE, Turn, watch::Ending};
use crate::mux::{
    action::{Action, Report},
    admit::Waiting,
    observe::TurnOutcome,
    table::{Kind, Pending},
};
use shared::{
    app_server::{failure, method, start::InitializeResult},
    control::WorkerState,
    id::{ConnId, Generation},
    rpc::code,
};
use std::time::{Duration, Instant};

impl Core {
    /// A client is gone. What it had waiting is dropped, its turns are interrupted, its threads let go.
    pub fn on_gone(&mut self, conn: ConnId, now: Instant, out: &mut Vec<Action>) {
        if self.conns.remove(&conn).is_none() {
            return;
        }
        for waiting in self.take_waiting(|w| w.conn == conn) {
            self.observe.dropped(&waiting.seen, None, now);
        }
        self.restarts.retain(|restart| restart.conn != conn);
        self.switches.forget(conn);
        self.asking.forget(conn);
        self.table.forget(conn);
        self.decline_asked(|asked| asked.conn == conn, out);
        for thread in self.threads.of(conn) {
            self.let_go(&thread);
        }
        self.trim_held();
        self.pump(now, out);
    }

    /// A child's handshake stands: it takes new threads from now on. An earlier one that still lives keeps what it
    /// has, and gets nothing new.
    pub fn on_up(
        &mut self,
        generation: Generation,
        greeting: InitializeResult,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let previous = self.active.replace(generation);
        self.newest = Some(generation);
        self.active_since = Some(now);
        self.greeting = Some(greeting);
        self.lanes.insert(generation, Lane::new(now, now + self.limits.probe_interval));
        let mut moving = self.lobby.take(|_| true);
        if let Some(lane) = previous.and_then(|previous| self.lanes.get_mut(&previous)) {
            let threads = &self.threads;
            let of_old = |w: &Waiting| w.thread.as_ref().is_some_and(|id| threads.get(id.as_str()).is_some());
            moving.extend(lane.admission.take(|w| !of_old(w)));
        }
        for waiting in moving {
            self.admission(Some(generation)).push(waiting);
        }
        self.greet(out);
        self.pump(now, out);
    }

    /// A child is gone. What it had not answered gets an error, and its running turns an end. Whoever hears of that has
    /// heard before that there is no child: the supervisor, which knows how it goes on, says so a moment later.
    pub fn on_down(&mut self, generation: Generation, now: Instant, out: &mut Vec<Action>) {
        if self.active == Some(generation) {
            self.active = None;
            self.active_since = None;
            self.status.state = if self.draining { WorkerState::Stopped } else { WorkerState::Starting };
            self.status.pid = None;
            self.tell_subscribers(now, out);
        }
        let restarted = code::restarted();
        for (pending, late) in self.table.drain(generation) {
            if !late {
                self.observe.answered(&pending.seen, Err(restarted.code), now);
            }
            self.fail_origin(pending.origin, &restarted, out);
        }
        // What waits for a thread of the dead child would name a thread that nobody knows any more.
        let threads = self.threads.held_by(generation);
        let left = self.lanes.remove(&generation).map(|mut lane| lane.admission.take(|_| true));
        for waiting in left.unwrap_or_default() {
            if waiting.thread.as_ref().is_some_and(|t| threads.binary_search(t).is_ok()) {
                self.fail_waiting(waiting, &restarted, now, out);
            } else {
                let target = self.active;
                self.admission(target).push(waiting);
            }
        }
        self.asked.retain(|_, asked| asked.generation != generation);
        self.held.retain(|held| held.generation != generation);
        for id in threads {
            self.end_turn(&id, Ending::Failed(&restarted.message), failure::RESTARTED_DETAILS, out);
            let closed = self.threads.close(id.as_str());
            self.note_closed(closed.as_ref(), TurnOutcome::Lost, now);
            if let Some(owner) = closed.and_then(|t| t.owner) {
                let params = Some(serde_json::json!({ "threadId": id.as_str() }));
                self.tell(owner, method::THREAD_CLOSED, params, out);
            }
        }
        self.trim_held();
        self.pump(now, out);
    }

    /// The daemon did not run for `gap` (a stopped process, a frozen container): that time counts for nothing, because
    /// what was said meanwhile has not been read.
    pub fn stood_still(&mut self, gap: Duration) {
        self.table.delay(gap);
        self.lobby.delay(gap);
        for lane in self.lanes.values_mut() {
            lane.admission.delay(gap);
            lane.probe.delay(gap);
        }
        self.threads.delay(gap);
        for client in self.conns.values_mut() {
            if let Some((_, deadline)) = &mut client.greeting {
                *deadline += gap;
            }
        }
        for restart in &mut self.restarts {
            restart.deadline += gap;
        }
        self.switches.delay(gap);
    }

    /// Ends what has waited too long, looks after turns and children. Called a few times a second.
    pub fn on_tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        for pending in self.table.expire(now, TOMBSTONE) {
            self.on_unanswered(pending, now, out);
        }
        self.trim_held();
        for waiting in self.take_waiting(|w| w.deadline <= now) {
            self.fail_waiting(waiting, &code::overloaded(RETRY_AFTER), now, out);
        }
        let mut greetings: Vec<_> = Vec::new();
        for (conn, client) in &mut self.conns {
            if client.greeting.as_ref().is_some_and(|(_, deadline)| *deadline <= now)
                && let Some((id, _)) = client.greeting.take()
            {
                greetings.push((*conn, id));
            }
        }
        greetings.sort_unstable();
        for (conn, id) in greetings {
            let unavailable = code::unavailable(RETRY_AFTER);
            self.fail(conn, &id, &unavailable, out);
            // What was pipelined behind it is from a client that is not initialized.
            for waiting in self.take_waiting(|w| w.conn == conn) {
                self.fail_waiting(waiting, &unavailable, now, out);
            }
        }
        self.expire_restarts(now, out);
        self.look_after_toggles(now, out);
        self.expire_metrics(now, out);
        // Told again until it is heard: an order can be early, or lost.
        for lane in self.lanes.values_mut() {
            lane.drained = false;
        }
        self.watch_turns(now, out);
        self.interrupt_refused();
        // Threads that nobody has and whose unsubscribe the child lost or was too busy for.
        let left_behind = |t: &crate::mux::threads::Thread| {
            t.owner.is_none() && t.leaving == Leaving::No && t.turn() != Turn::Starting
        };
        for id in self.threads.ids(left_behind) {
            self.let_go(&id);
        }
        self.probe(now, out);
        self.pump(now, out);
    }

    /// The child lost a request, or is late. What hung on its answer must not hang for ever.
    fn on_unanswered(&mut self, mut pending: Pending, now: Instant, out: &mut Vec<Action>) {
        self.on_refused_interrupt(&mut pending, true);
        let Pending { origin, kind, thread, generation, seen, again, .. } = pending;
        let late = code::timeout(self.limits.request_timeout);
        self.observe.answered(&seen, Err(late.code), now);
        self.fail_origin(origin, &late, out);
        if kind != Kind::Probe {
            let whose = again.map(|waiting| waiting.whose).unwrap_or_default();
            out.push(Action::Report(Report::NoAnswer { whose, kind }));
        }
        match kind {
            Kind::StartTurn => {
                if let Some(id) = thread {
                    self.threads.answered(id.as_str(), None, now);
                    if let Some(thread) = self.threads.get_mut(id.as_str()) {
                        thread.take_start(seen.wire);
                    }
                    self.let_go_if_abandoned(&id);
                }
            }
            Kind::Unsubscribe => {
                if let Some(thread) = thread.and_then(|id| self.threads.get_mut(id.as_str())) {
                    thread.leaving = Leaving::No;
                }
            }
            Kind::Probe => self.on_unanswered_probe(generation, now, out),
            Kind::OpenThread | Kind::Interrupt | Kind::Other => {}
        }
    }

    /// No new work from now on; what runs may finish.
    pub fn on_drain(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.draining = true;
        for waiting in self.take_waiting(|w| !w.kind.is_control()) {
            self.fail_waiting(waiting, &code::draining(RETRY_AFTER), now, out);
        }
        self.on_replaced(Err("the daemon is shutting down"), now, out);
        let status = self.status.clone();
        self.on_status(status, now, out);
    }

    /// Ends everything that still runs: every client gets its answer, every turn its interrupt.
    pub fn on_force(&mut self, now: Instant, out: &mut Vec<Action>) {
        if !self.draining {
            self.on_drain(now, out);
        }
        let draining = code::draining(RETRY_AFTER);
        self.refuse_lobby(&draining, now, out);
        self.end_toggles(now, out);
        self.end_metrics(now, out);
        for waiting in self.take_waiting(|_| true) {
            self.fail_waiting(waiting, &draining, now, out);
        }
        for id in self.threads.ids(|_| true) {
            self.end_turn(&id, Ending::Failed(&draining.message), failure::DRAINING_DETAILS, out);
            self.note_ended(id.as_str(), None, TurnOutcome::Interrupted, now);
            self.let_go(&id);
        }
        self.pump(now, out);
        // Not as what waits: codex has it, and may have done it.
        for origin in self.table.abandon() {
            self.fail_origin(origin, &code::forced(), out);
        }
    }
}
