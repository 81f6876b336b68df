//! The heart of the daemon: many clients on one side, one child on the other, and nothing mixed up.
//!
//! A pure state machine: events go in, [`Action`]s come out, time is an argument. It promises that
//! - every request of a client gets exactly one answer, across the death of the child too;
//! - what the child says about a thread reaches the connection that owns the thread, and no other;
//! - every request of the child gets an answer;
//! - a departed client's turns are interrupted and its threads let go;
//! - at most [`Limits::rpc_window`] requests are unanswered at the child, and at most [`Limits::turns`] turns run.
//!
//! It never parses a line twice on the hot path, never waits, and never does I/O.

mod child;
mod client;
mod life;
pub mod params;
#[cfg(test)]
mod tests;

use super::{
    action::Action,
    admit::{Admission, Waiting},
    table::{Kind, Origin, Pending, Table},
    threads::{Leaving, Threads, Turn},
};
use crate::policy::Policy;
use bytes::Bytes;
use shared::{
    app_server::{
        method,
        start::{InitializeResult, ThreadParams, TurnInterruptParams},
    },
    control::Status,
    id::{ConnId, Generation, ThreadId},
    line::Line,
    rpc::{self, ErrorObject, code},
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

/// Interrupts and unsubscribes that may be unanswered at once. They take the child microseconds; with the work
/// beside them they stay far below the 150 unanswered requests from which on it refuses and then loses some.
const CONTROL_WINDOW: usize = 32;
/// Notifications kept for a thread whose `thread/start` is not answered yet.
const HELD_NOTIFICATIONS: usize = 1024;
/// How long the answer to a request that timed out is still awaited, to let go of what it made.
const TOMBSTONE: Duration = Duration::from_secs(600);
/// What a client is told to wait when there is no better knowledge.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The bounds of the core.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests for work that may be unanswered at the child (`WORKER_RPC_WINDOW`).
    pub rpc_window: usize,
    /// Turns that may run (`WORKER_MAX_CONCURRENCY`).
    pub turns: usize,
    /// Turns that may wait for a permit (`WORKER_QUEUE_MAX`).
    pub waiting_turns: usize,
    /// Requests of one connection that may be unanswered (`WORKER_CLIENT_REQUESTS_MAX`).
    pub client_requests: usize,
    /// Time that a request has, waiting included (`WORKER_REQUEST_TIMEOUT_MS`).
    pub request_timeout: Duration,
}

/// A connected client.
#[derive(Debug, Default)]
struct Conn {
    initialized: bool,
    subscribed: bool,
    opt_outs: HashSet<String>,
    /// Raw ids of its unanswered requests.
    in_flight: HashSet<Bytes>,
    /// The id of an `initialize` that waits for the child's first handshake.
    greeting: Option<(Bytes, Instant)>,
}

/// A notification of a thread that may just be being made.
#[derive(Debug)]
struct Held {
    thread: ThreadId,
    line: Bytes,
    /// The id that was given last when it came: only that request or an earlier one can make its thread.
    newest: u64,
}

/// A request of the child that a client has not answered yet.
#[derive(Debug)]
struct Asked {
    conn: ConnId,
    generation: Generation,
    /// The child's own id, raw JSON.
    id: Bytes,
    method: String,
    thread: Option<ThreadId>,
}

/// The state machine.
#[derive(Debug)]
pub struct Core {
    limits: Limits,
    policy: Policy,
    conns: HashMap<ConnId, Conn>,
    threads: Threads,
    table: Table,
    admission: Admission,
    asked: HashMap<u64, Asked>,
    next_asked: u64,
    held: VecDeque<Held>,
    /// Threads that the daemon lets go once there is room at the child.
    leaving: VecDeque<ThreadId>,
    /// The child that takes requests, once its handshake stands.
    child: Option<Generation>,
    greeting: Option<InitializeResult>,
    status: Status,
    draining: bool,
}

impl Core {
    /// A core without clients and without a child.
    pub fn new(limits: Limits, policy: Policy) -> Self {
        Self {
            limits,
            policy,
            conns: HashMap::new(),
            threads: Threads::default(),
            table: Table::default(),
            admission: Admission::default(),
            asked: HashMap::new(),
            next_asked: 0,
            held: VecDeque::new(),
            leaving: VecDeque::new(),
            child: None,
            greeting: None,
            status: Status::default(),
            draining: false,
        }
    }

    /// Turns that run or are being started.
    pub fn turns_active(&self) -> usize {
        self.threads.permits()
    }

    /// Requests that no client and no child has an answer to yet, waiting ones counted.
    pub fn unanswered(&self) -> usize {
        self.admission.len() + self.table.len()
    }

    /// Threads that some client owns or that are being let go.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Whether nothing of any request is left.
    pub fn is_idle(&self) -> bool {
        self.threads.is_empty() && self.unanswered() == 0 && self.asked.is_empty() && self.held.is_empty()
    }

    /// Sends what the windows and permits allow.
    fn pump(&mut self, now: Instant, out: &mut Vec<Action>) {
        let Some(generation) = self.child else { return };
        // One of each in turn: neither many clients' requests nor one client's many threads hold up the other.
        while self.table.control() < CONTROL_WINDOW {
            let waiting = self.admission.next_control();
            let leaving = self.leaving.pop_front();
            if waiting.is_none() && leaving.is_none() {
                break;
            }
            if let Some(waiting) = waiting {
                self.send_control(waiting, generation, now, out);
            }
            if let Some(id) = leaving {
                self.send_off(&id, now, out);
            }
        }
        while self.table.work() < self.limits.rpc_window {
            let free = self.threads.permits() < self.limits.turns;
            let waiting_turn = if free { self.admission.next_turn() } else { None };
            let Some(waiting) = waiting_turn.or_else(|| self.admission.next_work()) else {
                return;
            };
            if let Some(error) = self.unfit(&waiting) {
                self.fail_waiting(waiting, &error, out);
            } else if waiting.kind != Kind::StartTurn || free {
                self.send(waiting, generation, out);
            } else if self.admission.waiting_turns() < self.limits.waiting_turns {
                self.admission.wait_for_permit(waiting);
            } else {
                self.fail_waiting(waiting, &code::overloaded(RETRY_AFTER), out);
            }
        }
    }

    fn send(&mut self, waiting: Waiting, generation: Generation, out: &mut Vec<Action>) {
        if waiting.kind == Kind::StartTurn
            && let Some(thread) = &waiting.thread
        {
            self.threads.starting(thread.as_str());
        }
        let id = self.table.insert(Pending {
            origin: Origin::Client { conn: waiting.conn, id: waiting.id.clone() },
            kind: waiting.kind,
            thread: waiting.thread.clone(),
            generation,
            deadline: waiting.deadline,
            counted: true,
        });
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
                    self.interrupt(id, turn.as_str(), generation, now, out);
                }
                Turn::Starting => {
                    // Without the turn's id it can't be interrupted yet. The client is done with it; the daemon is not.
                    thread.owner = None;
                    let done = serde_json::json!({"status": "unsubscribed"});
                    return self.answer(waiting.conn, &waiting.id, &done, out);
                }
            }
        }
        self.send(waiting, generation, out);
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

    /// Lets a thread go that has no owner any more. While a `turn/start` is unanswered the thread stays, and this
    /// is called again with the answer.
    fn let_go(&mut self, id: &ThreadId) {
        let Some(thread) = self.threads.get_mut(id.as_str()) else {
            return;
        };
        thread.owner = None;
        if thread.leaving == Leaving::No && thread.turn() != Turn::Starting {
            thread.leaving = Leaving::Queued;
            self.leaving.push_back(id.clone());
        }
    }

    /// Interrupts the turn of a thread, then unsubscribes.
    fn send_off(&mut self, id: &ThreadId, now: Instant, out: &mut Vec<Action>) {
        // The thread may have closed by itself, or with its child.
        let Some(thread) = self.threads.get_mut(id.as_str()) else {
            return;
        };
        thread.leaving = Leaving::Sent;
        let generation = thread.generation;
        if let Some(turn) = thread.running().cloned() {
            self.interrupt(id, turn.as_str(), generation, now, out);
        }
        self.unsubscribe(id, generation, now, out);
    }

    /// Forgets held notifications that no thread can come for any more.
    fn trim_held(&mut self) {
        let oldest = self.table.oldest_opening().unwrap_or(u64::MAX);
        while self.held.front().is_some_and(|held| held.newest < oldest) {
            self.held.pop_front();
        }
    }

    fn interrupt(
        &mut self,
        id: &ThreadId,
        turn: &str,
        generation: Generation,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let params = TurnInterruptParams { thread_id: id.as_str(), turn_id: turn };
        self.ask(Kind::Interrupt, method::TURN_INTERRUPT, id, &params, generation, now, out);
    }

    fn unsubscribe(&mut self, id: &ThreadId, generation: Generation, now: Instant, out: &mut Vec<Action>) {
        let params = ThreadParams { thread_id: id.as_str() };
        self.ask(Kind::Unsubscribe, method::THREAD_UNSUBSCRIBE, id, &params, generation, now, out);
    }

    /// A request of the daemon itself. The few that go out together may pass the window by one or two.
    #[expect(clippy::too_many_arguments, reason = "one private place that builds the daemon's own requests")]
    fn ask<P: serde::Serialize>(
        &mut self,
        kind: Kind,
        method: &str,
        thread: &ThreadId,
        params: &P,
        generation: Generation,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let id = self.table.insert(Pending {
            origin: Origin::Daemon,
            kind,
            thread: Some(thread.clone()),
            generation,
            deadline: now + self.limits.request_timeout,
            counted: true,
        });
        out.push(Action::ToChild(generation, Line::json(&rpc::Request { id, method, params })));
    }

    /// Answers a client's request and forgets it.
    fn answer<R: serde::Serialize>(&mut self, conn: ConnId, id: &Bytes, result: &R, out: &mut Vec<Action>) {
        if self.settle(conn, id) {
            out.push(Action::ToClient(conn, Line::json(&rpc::Answer { id: raw(id), result })));
        }
    }

    /// Answers a client's request with an error and forgets it.
    fn fail(&mut self, conn: ConnId, id: &Bytes, error: &ErrorObject, out: &mut Vec<Action>) {
        if self.settle(conn, id) {
            out.push(Action::ToClient(conn, Line::json(&rpc::ErrorAnswer { id: raw(id), error })));
        }
    }

    fn fail_waiting(&mut self, waiting: Waiting, error: &ErrorObject, out: &mut Vec<Action>) {
        self.fail(waiting.conn, &waiting.id, error, out);
    }

    fn fail_origin(&mut self, origin: Origin, error: &ErrorObject, out: &mut Vec<Action>) {
        match origin {
            Origin::Client { conn, id } => self.fail(conn, &id, error, out),
            Origin::Nobody | Origin::Daemon => {}
        }
    }

    /// Whether the request is still unanswered; it is answered after this.
    fn settle(&mut self, conn: ConnId, id: &Bytes) -> bool {
        self.conns.get_mut(&conn).is_some_and(|c| c.in_flight.remove(id))
    }
}

/// An id that was parsed as JSON when it came in.
fn raw(id: &Bytes) -> &serde_json::value::RawValue {
    serde_json::from_slice(id).expect("ids are kept as the JSON that they were parsed from")
}
