//! The heart of the daemon: many clients on one side, one child on the other, and nothing mixed up. While a child is
//! replaced there are two: new threads go to the fresh one, and the old one keeps those that it has.
//!
//! A pure state machine: events go in, [`Action`]s come out, time is an argument. It promises that
//! - every request of a client gets exactly one answer, across the death of the child too;
//! - what the child says about a thread reaches the connection that owns the thread, and no other;
//! - every request of the child gets an answer;
//! - a turn that is silent or runs for too long, or whose end the child lost, is ended;
//! - a departed client's turns are interrupted and its threads let go;
//! - at most [`Limits::rpc_window`] requests are unanswered at each child, and at most [`Limits::turns`] turns run.
//!
//! It never parses a line twice on the hot path, never waits, and never does I/O.

mod ask;
mod child;
mod client;
mod lane;
mod life;
pub mod metrics;
mod observed;
mod own;
pub mod params;
mod probe;
mod pump;
mod reply;
#[cfg(test)]
mod tests;
mod toggles;
mod watch;

use super::{
    action::Action,
    admit::{Admission, Waiting},
    observe::Observe,
    table::{Kind, Origin, Pending, Table},
    threads::{Leaving, Threads, Turn},
};
use crate::policy::Policy;
use bytes::Bytes;
use lane::Lane;
use shared::{
    app_server::start::InitializeResult,
    control::{Models, Status},
    id::{ConnId, Generation, ThreadId},
    line::Line,
    rpc::{self, ErrorObject, code},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use toggles::Switches;

/// Interrupts and unsubscribes that may be unanswered at once. They take the child microseconds; with the work
/// beside them they stay far below the 150 unanswered requests from which on it refuses and then loses some.
const CONTROL_WINDOW: usize = 32;
/// How long the daemon waits for an answer to its own interrupts and unsubscribes before it sends them again.
const OWN_DEADLINE: Duration = Duration::from_secs(10);
/// Notifications kept for a thread whose `thread/start` is not answered yet.
const HELD_NOTIFICATIONS: usize = 1024;
/// How long the answer to a request that timed out is still awaited, to let go of what it made.
const TOMBSTONE: Duration = Duration::from_secs(600);
/// What a client is told to wait when there is no better knowledge.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The bounds of the core.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests for work that may be unanswered at a child (`WORKER_RPC_WINDOW`).
    pub rpc_window: usize,
    /// Turns that may run (`WORKER_MAX_CONCURRENCY`).
    pub turns: usize,
    /// Turns that may wait for a permit (`WORKER_QUEUE_MAX`).
    pub waiting_turns: usize,
    /// Requests of one connection that may be unanswered (`WORKER_CLIENT_REQUESTS_MAX`).
    pub client_requests: usize,
    /// Threads that one connection may have (`WORKER_CLIENT_THREADS_MAX`).
    pub client_threads: usize,
    /// Time that a request has, waiting included (`WORKER_REQUEST_TIMEOUT_MS`).
    pub request_timeout: Duration,
    /// Time that a turn has (`WORKER_TURN_TIMEOUT_MS`).
    pub turn_timeout: Duration,
    /// Time that a turn may be silent (`WORKER_TURN_IDLE_TIMEOUT_MS`).
    pub turn_idle_timeout: Duration,
    /// Time between probes of a child (`WORKER_PROBE_INTERVAL_MS`).
    pub probe_interval: Duration,
    /// Time that a child has to answer one (`WORKER_PROBE_TIMEOUT_MS`).
    pub probe_timeout: Duration,
    /// Memory of a child in bytes above which it is replaced (`WORKER_MAX_RSS_BYTES`); `None`: never.
    pub max_rss: Option<u64>,
}

/// A connected client.
#[derive(Debug, Default)]
struct Conn {
    /// Whether it may restart and drain.
    operator: bool,
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
    generation: Generation,
    thread: ThreadId,
    line: Bytes,
    /// The id that was given last when it came: only that request or an earlier one can make its thread.
    newest: u64,
}

/// A request for a fresh child.
#[derive(Debug)]
struct Restart {
    conn: ConnId,
    id: Bytes,
    deadline: Instant,
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
    /// What waits for a child, while there is none.
    lobby: Admission,
    /// What waits for each living child.
    lanes: BTreeMap<Generation, Lane>,
    asked: HashMap<u64, Asked>,
    next_asked: u64,
    held: VecDeque<Held>,
    /// Requests for a fresh child that wait for it.
    restarts: Vec<Restart>,
    /// The child that takes new threads, once its handshake stands.
    active: Option<Generation>,
    /// The one that shook hands last, whether it lives or not.
    newest: Option<Generation>,
    /// The child that got the last turn.
    last_turn: Option<Generation>,
    /// Since when the active one is.
    active_since: Option<Instant>,
    greeting: Option<InitializeResult>,
    status: Status,
    /// What the catalog of the child that takes new threads says of the models.
    models: Arc<Models>,
    /// What an operator has switched at run time.
    switches: Switches,
    draining: bool,
    /// Who asks what was counted.
    asking: metrics::Asking,
    /// Who is told of it all.
    observe: Observe,
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
            lobby: Admission::default(),
            lanes: BTreeMap::new(),
            asked: HashMap::new(),
            next_asked: 0,
            held: VecDeque::new(),
            restarts: Vec::new(),
            active: None,
            newest: None,
            last_turn: None,
            active_since: None,
            greeting: None,
            status: Status::default(),
            models: Arc::default(),
            switches: Switches::default(),
            draining: false,
            asking: metrics::Asking::default(),
            observe: Observe::default(),
        }
    }

    /// Those who are told of what happens.
    pub fn observe(&mut self) -> &mut Observe {
        &mut self.observe
    }

    /// Turns that run or are being started.
    pub fn turns_active(&self) -> usize {
        self.threads.permits()
    }

    /// Requests that no client and no child has an answer to yet, waiting ones counted.
    pub fn unanswered(&self) -> usize {
        let waiting: usize = self.lanes.values().map(|lane| lane.admission.len()).sum();
        self.lobby.len() + waiting + self.table.len()
            - self.lanes.values().filter(|l| l.probe.is_out()).count()
    }

    /// Threads that some client owns or that are being let go.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Whether something is still to be told to this connection: an answer, the end of a turn, or every change of
    /// the status.
    pub fn is_owed(&self, conn: ConnId) -> bool {
        let Some(client) = self.conns.get(&conn) else { return false };
        client.subscribed || !client.in_flight.is_empty() || self.threads.is_busy(conn)
    }

    /// Whether nothing of any request is left.
    pub fn is_idle(&self) -> bool {
        let refused: usize = self.lanes.values().map(|lane| lane.refused.len() + lane.interrupts.len()).sum();
        self.threads.is_empty()
            && self.unanswered() + refused == 0
            && self.asked.is_empty()
            && self.held.is_empty()
            && self.switches.is_idle()
            && self.asking.is_idle()
    }

    /// When something is to be done although nothing happens, besides [`Core::on_tick`]'s own rhythm.
    pub fn next_due(&self) -> Option<Instant> {
        self.lanes.values().filter_map(|lane| lane.admission.next_due()).min()
    }

    /// Turns that wait for a permit, at all children.
    fn waiting_turns(&self) -> usize {
        self.lobby.waiting_turns() + self.lanes.values().map(|l| l.admission.waiting_turns()).sum::<usize>()
    }

    /// Takes every waiting request that `wanted` picks, in a stable order.
    fn take_waiting(&mut self, mut wanted: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let mut taken = self.lobby.take(&mut wanted);
        for lane in self.lanes.values_mut() {
            taken.extend(lane.admission.take(&mut wanted));
        }
        taken
    }

    /// The child that a request goes to: the one that has its thread, or the one that takes new ones.
    fn target(&self, thread: Option<&str>) -> Option<Generation> {
        thread.and_then(|id| self.threads.get(id)).map(|thread| thread.generation).or(self.active)
    }

    /// Where a request for this child waits.
    fn admission(&mut self, target: Option<Generation>) -> &mut Admission {
        match target.and_then(|generation| self.lanes.get_mut(&generation)) {
            Some(lane) => &mut lane.admission,
            None => &mut self.lobby,
        }
    }

    /// Forgets held notifications that no thread can come for any more.
    fn trim_held(&mut self) {
        let oldest = self.table.oldest_opening().unwrap_or(u64::MAX);
        while self.held.front().is_some_and(|held| held.newest < oldest) {
            self.held.pop_front();
        }
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
            self.observe.refused(error.code);
            out.push(Action::ToClient(conn, Line::json(&rpc::ErrorAnswer { id: raw(id), error })));
        }
    }

    fn fail_waiting(&mut self, waiting: Waiting, error: &ErrorObject, now: Instant, out: &mut Vec<Action>) {
        // Its own client has taken it back.
        let code = Some(error.code).filter(|code| *code != code::CANCELLED);
        self.observe.dropped(&waiting.seen, code, now);
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
