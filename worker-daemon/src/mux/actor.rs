//! The task around the core: takes events, performs actions, never waits for a client or the child.

mod told;

use super::{
    action::{Action, Order},
    core::{Core, metrics::Measured},
};
use crate::{due::due, toggles::Kept};
use bytes::Bytes;
use shared::{
    app_server::start::InitializeResult,
    control::{self, Closed, Load, Models, Status, toggles::Toggles},
    id::{ConnId, Generation},
    line::Line,
    queue::Sender,
    rpc,
    shutdown::Shutdown,
    time::clock,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// Events that may wait for the actor. A full inbox holds up the readers, not the actor.
pub const INBOX: usize = 1024;
/// Events that are handled before the other inbox is looked at again.
const BATCH: usize = 128;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long a younger daemon waits for a write of what is switched.
const HANDING: Duration = Duration::from_secs(3);
/// A time between two looks that only a pause of the daemon explains.
const PAUSED: Duration = Duration::from_secs(2);

/// What clients do.
#[derive(Debug)]
pub enum ClientEvent {
    /// One connected.
    Connected {
        /// Its connection.
        conn: ConnId,
        /// Whether its user is root or our own.
        operator: bool,
        /// Where lines for it go; dropping it lets its writer finish and close.
        lines: Sender<Line>,
        /// Cancelled to cut it off: it gets what is half written and what its queue still holds, and a few seconds.
        cut: CancellationToken,
    },
    /// One sent a line.
    Line(ConnId, Bytes),
    /// One sent a line over the limit, in bytes.
    Overlong(ConnId, usize),
    /// One sends no more, and still reads: it goes once it has what it is owed.
    Finished(ConnId),
    /// One is gone.
    Gone(ConnId),
}

/// What the child and its supervisor do.
#[derive(Debug)]
pub enum ChildEvent {
    /// A handshake stands.
    Up {
        /// The child.
        generation: Generation,
        /// Where lines for it go.
        lines: Sender<Line>,
        /// Its answer to `initialize`.
        greeting: InitializeResult,
        /// What the catalog that it was started with says of the models.
        models: Arc<Models>,
    },
    /// It sent a line.
    Line(Generation, Bytes),
    /// It is gone, and all its lines were delivered.
    Down(Generation),
    /// The supervisor's state changed.
    Status(Box<Status>),
    /// A fresh child took over, or did not come up and why.
    Replaced(Result<(), String>),
    /// A younger daemon is about to serve the socket. It is told what is switched, once nothing of that is being written or
    /// that takes too long.
    HandingOver(oneshot::Sender<Toggles>),
    /// It serves.
    Superseded,
    /// What is switched is this daemon's: nobody has taken over, or an older one has let go and this was switched there.
    TogglesOurs(Option<Toggles>),
}

struct Client {
    lines: Sender<Line>,
    cut: CancellationToken,
}

/// The actor. Owns the core, the clients' queues and the child's.
pub struct Actor {
    core: Core,
    clients: HashMap<ConnId, Client>,
    /// Those that send no more.
    finished: HashSet<ConnId>,
    children: HashMap<Generation, Sender<Line>>,
    load: watch::Sender<Load>,
    orders: mpsc::Sender<Order>,
    /// What is to be on disk.
    keep: watch::Sender<Toggles>,
    /// Who measures the processes.
    measure: mpsc::Sender<Option<u32>>,
    /// Who waits for what is switched.
    handing: Option<(oneshot::Sender<Toggles>, Instant)>,
    /// When deadlines were looked at last.
    looked: Instant,
    actions: Vec<Action>,
}

impl Actor {
    /// An actor around `core`; what it wants of the supervisor goes to `orders`, what is to be on disk to `keep`, and what
    /// is to be measured to `measure`.
    pub fn new(
        core: Core,
        orders: mpsc::Sender<Order>,
        keep: watch::Sender<Toggles>,
        measure: mpsc::Sender<Option<u32>>,
    ) -> (Self, watch::Receiver<Load>) {
        let (load, watch) = watch::channel(Load::default());
        let actor = Self {
            core,
            clients: HashMap::new(),
            finished: HashSet::new(),
            children: HashMap::new(),
            load,
            orders,
            keep,
            measure,
            handing: None,
            looked: Instant::now(),
            actions: Vec::new(),
        };
        (actor, watch)
    }

    /// Runs until the end is forced and the child's inbox is closed.
    pub async fn run(
        mut self,
        mut from_clients: mpsc::Receiver<ClientEvent>,
        mut from_child: mpsc::Receiver<ChildEvent>,
        mut kept: mpsc::Receiver<Kept>,
        mut measured: mpsc::Receiver<Measured>,
        shutdown: Shutdown,
    ) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut clients, mut children) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        let (mut drained, mut forced, mut closed) = (false, false, false);
        loop {
            tokio::select! {
                n = from_child.recv_many(&mut children, BATCH) => {
                    if n == 0 { break }
                    for event in children.drain(..) {
                        self.child(event);
                    }
                }
                n = from_clients.recv_many(&mut clients, BATCH), if !forced && !closed => {
                    // Once the listener has ended and the last client is gone this would be ready for ever.
                    closed = n == 0;
                    self.core.on_clock(clock::now_ms());
                    for event in clients.drain(..) {
                        self.client(event);
                    }
                }
                Some(Kept { revision, written }) = kept.recv() => {
                    self.core.on_kept(revision, written, now(), &mut self.actions);
                }
                Some(measured) = measured.recv() => {
                    self.core.on_measured(&measured, now(), &mut self.actions);
                }
                _ = tick.tick() => self.tick(),
                () = due(self.core.next_due().map(Instant::from_std)) => self.tick(),
                () = shutdown.draining(), if !drained => {
                    drained = true;
                    self.core.on_drain(now(), &mut self.actions);
                }
                () = shutdown.forced(), if !forced => {
                    forced = true;
                    self.core.on_force(now(), &mut self.actions);
                    self.perform();
                    // Each writer sends what is queued and closes.
                    self.clients.clear();
                }
            }
            self.perform();
        }
    }

    /// Looks at deadlines. After a pause of the whole daemon (a stopped process, a frozen container) they are moved: what
    /// came meanwhile is not read yet, and a child that has answered must not count as one that has not.
    fn tick(&mut self) {
        let now = Instant::now();
        let gap = now.duration_since(self.looked);
        self.looked = now;
        if gap >= PAUSED {
            let gap_ms = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(event = "paused", gap_ms, "the daemon did not run; deadlines are moved by that");
            self.core.stood_still(gap);
        }
        self.core.on_clock(clock::now_ms());
        self.core.on_tick(now.into_std(), &mut self.actions);
    }

    fn client(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Connected { conn, operator, lines, cut } => {
                self.clients.insert(conn, Client { lines, cut });
                self.core.on_connected(conn, operator);
            }
            ClientEvent::Line(conn, line) => self.core.on_client(conn, line, now(), &mut self.actions),
            ClientEvent::Overlong(conn, limit) => self.core.on_overlong(conn, limit, &mut self.actions),
            ClientEvent::Finished(conn) => {
                self.finished.insert(conn);
            }
            ClientEvent::Gone(conn) => self.gone(conn),
        }
    }

    fn gone(&mut self, conn: ConnId) {
        self.clients.remove(&conn);
        self.finished.remove(&conn);
        self.core.on_gone(conn, now(), &mut self.actions);
    }

    /// Lets those go that send no more and are owed nothing; false when there is none. Their writers send what is
    /// queued and close.
    fn let_finished_go(&mut self) -> bool {
        let (core, finished) = (&self.core, &mut self.finished);
        let done: Vec<ConnId> = finished.extract_if(|conn| !core.is_owed(*conn)).collect();
        for conn in &done {
            self.gone(*conn);
        }
        !done.is_empty()
    }

    fn child(&mut self, event: ChildEvent) {
        match event {
            ChildEvent::Up { generation, lines, greeting, models } => {
                self.children.insert(generation, lines);
                self.core.on_models(models);
                self.core.on_up(generation, greeting, now(), &mut self.actions);
            }
            ChildEvent::Line(generation, line) => {
                let bytes = line.len();
                if !self.core.on_child(generation, line, now(), &mut self.actions) {
                    tracing::warn!(
                        event = "child_line_ignored",
                        bytes,
                        "the child sent a line that is no message"
                    );
                }
            }
            ChildEvent::Down(generation) => {
                self.children.remove(&generation);
                self.core.on_down(generation, now(), &mut self.actions);
            }
            ChildEvent::Status(status) => self.core.on_status(*status, now(), &mut self.actions),
            ChildEvent::Replaced(outcome) => {
                let outcome = outcome.as_ref().copied().map_err(String::as_str);
                self.core.on_replaced(outcome, now(), &mut self.actions);
            }
            ChildEvent::HandingOver(told) => {
                self.core.freeze_toggles();
                self.handing = Some((told, Instant::now() + HANDING));
            }
            ChildEvent::Superseded => self.core.on_superseded(now(), &mut self.actions),
            ChildEvent::TogglesOurs(handed) => {
                self.core.on_toggles_ours(handed, now(), &mut self.actions);
            }
        }
    }

    /// Performs what the core wants, and tells what is still going on.
    fn perform(&mut self) {
        self.perform_actions();
        while self.let_finished_go() {
            self.perform_actions();
        }
        let over = |(_, until): &mut (_, Instant)| self.core.toggles_rest() || *until <= Instant::now();
        if let Some((handing, _)) = self.handing.take_if(over) {
            // Whoever gave up goes on without it.
            let _told = handing.send(self.core.toggles());
        }
        let load = self.core.load();
        self.load.send_if_modified(|old| std::mem::replace(old, load) != load);
    }

    /// Cutting off a slow client makes new actions, hence the loop.
    fn perform_actions(&mut self) {
        while !self.actions.is_empty() {
            let mut slow = Vec::new();
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::ToChild(generation, line) => {
                        // A line for a child that is gone is answered by `on_down`.
                        if let Some(child) = self.children.get(&generation) {
                            let _fits = child.push(line);
                        }
                    }
                    Action::ToClient(conn, line) => {
                        if let Some(client) = self.clients.get(&conn)
                            && client.lines.push(line).is_err()
                        {
                            slow.push(conn);
                        }
                    }
                    Action::Order(order) => {
                        if self.orders.try_send(order).is_err() {
                            tracing::error!(event = "order_lost", ?order, "the supervisor doesn't listen");
                        }
                    }
                    Action::Keep(toggles) => {
                        let _before = self.keep.send_replace(toggles);
                    }
                    Action::Measure { codex } => {
                        // One is out at a time; should the task be gone, the deadline answers.
                        let _fits = self.measure.try_send(codex);
                    }
                    Action::Report(report) => told::log(&report),
                }
            }
            slow.dedup();
            for conn in slow {
                if let Some(client) = self.clients.remove(&conn) {
                    let (waiting, limit) = (client.lines.waiting(), client.lines.limit());
                    tracing::warn!(event = "client_cut", conn = conn.0, waiting, "a client reads too slowly");
                    let why = Closed::SlowReader { waiting_bytes: waiting, limit_bytes: limit };
                    let told = rpc::Notification { method: control::CLOSED, params: Some(why) };
                    client.lines.cut(Line::json(&told));
                    client.cut.cancel();
                    self.core.on_cut();
                    self.finished.remove(&conn);
                    self.core.on_gone(conn, now(), &mut self.actions);
                }
            }
        }
    }
}

/// The clock of the runtime, so that tests can pause it.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}
