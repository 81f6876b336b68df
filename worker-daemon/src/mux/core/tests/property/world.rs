//! The clients, the core and the child, and what must hold between them.

use super::{
    super::{Bench, Core, HELLO, Limits, limits},
    About, Step,
    child::Child,
};
use serde_json::{Value, json};
use shared::{control::WorkerState, id::ConnId};
use std::collections::{BTreeMap, BTreeSet};

const CLIENTS: usize = 3;
/// Time that passes in a history at most, far below what a tombstone is kept for: the model loses nothing.
const LONGEST: u64 = 300;

#[derive(Default)]
struct Client {
    /// Requests without an answer, with the thread that they name.
    pending: BTreeMap<String, Option<String>>,
    threads: Vec<String>,
    /// Questions of the child.
    asked: Vec<u64>,
}

pub(super) struct World {
    bench: Bench,
    child: Child,
    up: bool,
    clients: BTreeMap<u64, Client>,
    /// Who made which thread, over all children.
    makers: BTreeMap<String, u64>,
    connections: u64,
    requests: u64,
    time: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            bench: Bench::cold(Limits { rpc_window: 4, waiting_turns: 2, client_requests: 12, ..limits() }),
            child: Child::default(),
            up: false,
            clients: BTreeMap::new(),
            makers: BTreeMap::new(),
            connections: 0,
            requests: 0,
            time: 0,
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Connect { mute } => {
                if self.clients.len() < CLIENTS {
                    self.connections += 1;
                    self.clients.insert(self.connections, Client::default());
                    self.bench.connect(self.connections);
                    if !mute {
                        self.hello(self.connections);
                    }
                }
            }
            Step::Hello(c) => drop(self.client(c).map(|conn| self.hello(conn))),
            Step::Open(c) => drop(self.client(c).map(|conn| {
                self.request(conn, "thread/start", json!({"who": conn}));
            })),
            Step::About(c, about, t) => drop(self.client(c).map(|conn| self.about(conn, about, t))),
            Step::Foreign(c, t) => {
                let threads: Vec<String> = self.makers.keys().cloned().collect();
                if let (Some(conn), Some(thread)) = (self.client(c), pick(&threads, t)) {
                    self.request(conn, "turn/start", json!({"threadId": thread}));
                }
            }
            Step::Other(c) => drop(self.client(c).map(|conn| self.request(conn, "model/list", json!({})))),
            Step::Gone(c) => drop(self.client(c).map(|conn| self.gone(conn))),
            Step::Refuse => self.child.refuse = true,
            Step::Answer(n) => self.answer(usize::from(n)),
            Step::Note(t) => {
                let line = self.child.pick(t);
                self.say(line.map(|t| json!({"method": "item/x", "params": {"threadId": t}})));
            }
            Step::Begin(t) => self.about_turn(t, Child::begin),
            Step::Complete(t) => self.about_turn(t, Child::complete),
            Step::Ask(t) => self.about_turn(t, Child::ask),
            Step::Reply(c) => drop(self.client(c).map(|conn| {
                let asked = self.clients.get_mut(&conn).and_then(|client| client.asked.pop());
                self.reply(conn, asked);
            })),
            Step::Forge(c, k) => drop(self.client(c).map(|conn| {
                let keys: Vec<u64> = self
                    .clients
                    .iter()
                    .filter(|(other, _)| **other != conn)
                    .flat_map(|(_, client)| client.asked.clone())
                    .collect();
                self.reply(conn, pick(&keys, k));
            })),
            Step::Crash { backoff } => self.crash(backoff),
            Step::Up => self.up(),
            Step::Tick(seconds) => {
                let seconds = u64::from(seconds).min(LONGEST - self.time);
                self.time += seconds;
                let shown = self.bench.tick(seconds);
                self.deliver(shown);
            }
            Step::Drain => {
                let shown = self.bench.act(Core::on_drain);
                self.deliver(shown);
            }
        }
    }

    /// What must hold at any time.
    pub(super) fn check(&self) {
        let core = &self.bench.core;
        let limits = &core.limits;
        assert!(core.table.work(self.bench.generation) <= limits.rpc_window, "the window");
        if self.time == 0 {
            let work = self.child.answers.iter().filter(|(_, work, _)| *work).count();
            assert!(work <= limits.rpc_window, "{work} requests for work at the child");
        }
        assert!(core.turns_active() <= limits.turns, "{} permits", core.turns_active());
        if self.time < limits.request_timeout.as_secs() {
            // Past it a start counts as lost, and a turn that runs all the same as one from its first word on.
            assert!(self.child.turns() <= core.turns_active(), "a turn runs without a permit");
        }
        let busy = core
            .threads
            .held_by(self.bench.generation)
            .iter()
            .filter_map(|id| core.threads.get(id.as_str()))
            .filter(|thread| thread.turn() != super::super::super::Turn::Idle)
            .count();
        assert_eq!(core.turns_active(), busy, "permits and turns");
        let in_flight: usize = self.clients.values().map(|c| c.pending.len()).sum();
        let known: usize = core.conns.values().map(|c| c.in_flight.len()).sum();
        assert_eq!(in_flight, known, "requests in flight");
    }

    /// Lets everything come to its end.
    pub(super) fn finish(&mut self) {
        self.up();
        self.settle();
        for (conn, client) in &self.clients {
            assert!(client.pending.is_empty(), "{conn} waits for {:?}", client.pending);
        }
        for conn in self.clients.keys().copied().collect::<Vec<_>>() {
            self.gone(conn);
        }
        self.settle();
        assert!(self.bench.core.is_idle(), "left: {:#?}", self.bench.core);
        assert_eq!(self.bench.core.turns_active(), 0);
        assert!(self.child.threads.is_empty(), "left: {:?}", self.child.threads);
        assert!(self.child.asks.is_empty(), "unanswered: {:?}", self.child.asks);
    }

    fn settle(&mut self) {
        while !self.child.answers.is_empty() || self.child.turns() > 0 {
            self.answer(0);
            for name in self.child.threads.keys().cloned().collect::<Vec<_>>() {
                let line = self.child.complete(&name);
                self.say(line);
            }
            self.check();
        }
    }

    fn client(&self, n: u8) -> Option<u64> {
        let conns: Vec<u64> = self.clients.keys().copied().collect();
        pick(&conns, n)
    }

    fn hello(&mut self, conn: u64) {
        // Ids are the test's own, so that two of them are two requests.
        let id = self.expects(conn, None);
        let shown = self.bench.client(conn, &HELLO.replace("\"id\":0", &format!("\"id\":\"{id}\"")));
        self.deliver(shown);
    }

    fn expects(&mut self, conn: u64, thread: Option<String>) -> String {
        self.requests += 1;
        let id = format!("r{}", self.requests);
        let client = self.clients.get_mut(&conn).expect("a client");
        client.pending.insert(id.clone(), thread);
        id
    }

    fn request(&mut self, conn: u64, method: &str, params: Value) {
        let thread = params["threadId"].as_str().map(str::to_owned);
        let id = self.expects(conn, thread);
        let line = json!({"id": id, "method": method, "params": params}).to_string();
        let shown = self.bench.client(conn, &line);
        self.deliver(shown);
    }

    fn about(&mut self, conn: u64, about: About, t: u8) {
        let Some(thread) = pick(&self.clients[&conn].threads, t) else {
            return;
        };
        let turn = self.child.threads.get(&thread).and_then(|t| t.turn.clone());
        let (method, params) = match about {
            About::Inject => ("thread/inject_items", json!({"threadId": thread})),
            About::Start => ("turn/start", json!({"threadId": thread})),
            About::Interrupt => ("turn/interrupt", json!({"threadId": thread, "turnId": turn})),
            About::Unsubscribe => ("thread/unsubscribe", json!({"threadId": thread})),
        };
        self.request(conn, method, params);
    }

    fn reply(&mut self, conn: u64, key: Option<u64>) {
        let Some(key) = key else { return };
        let line = json!({"id": key, "result": {"by": conn}}).to_string();
        let shown = self.bench.client(conn, &line);
        self.deliver(shown);
    }

    fn gone(&mut self, conn: u64) {
        self.clients.remove(&conn);
        let shown = self.bench.gone(conn);
        self.deliver(shown);
    }

    fn answer(&mut self, n: usize) {
        if !self.child.answers.is_empty() {
            let at = n % self.child.answers.len();
            let (_, _, line) = self.child.answers.remove(at);
            self.say(Some(line));
        }
    }

    fn about_turn(&mut self, t: u8, what: fn(&mut Child, &str) -> Option<Value>) {
        let line = self.child.pick(t).and_then(|name| what(&mut self.child, &name));
        self.say(line);
    }

    fn say(&mut self, line: Option<Value>) {
        if let Some(line) = line {
            let shown = self.bench.child(&line.to_string());
            self.deliver(shown);
        }
    }

    fn up(&mut self) {
        if !std::mem::replace(&mut self.up, true) {
            let shown = self.bench.up();
            self.deliver(shown);
            let shown = self.bench.status(WorkerState::Ready);
            self.deliver(shown);
        }
    }

    fn crash(&mut self, backoff: bool) {
        if std::mem::take(&mut self.up) {
            self.child.die();
            let shown = self.bench.down();
            self.deliver(shown);
            for client in self.clients.values_mut() {
                // Threads that it was told of are gone; questions have nobody who asks any more.
                client.asked.clear();
            }
            let state = if backoff { WorkerState::Backoff } else { WorkerState::Starting };
            let shown = self.bench.status(state);
            self.deliver(shown);
        }
    }

    /// Hands the core's lines to whom they are for, and checks that they are.
    fn deliver(&mut self, shown: Vec<String>) {
        for line in shown {
            let (to, line) = line.split_once(' ').expect("a receiver");
            let value: Value = serde_json::from_str(line).expect("JSON");
            match to.parse() {
                Err(_) => {
                    assert!(self.up, "a line for a dead child: {line}");
                    self.child.take(&value);
                    for (name, thread) in &self.child.threads {
                        self.makers.insert(name.clone(), thread.maker);
                    }
                }
                Ok(conn) => self.hear(conn, &value),
            }
        }
    }

    fn hear(&mut self, conn: u64, line: &Value) {
        let client = self.clients.get_mut(&conn).expect("a line for a client that is gone");
        if let Some(thread) = line["params"]["threadId"].as_str() {
            assert_eq!(self.makers[thread], conn, "{conn} hears of another's thread: {line}");
        }
        if line.get("method").is_some() {
            if let Some(key) = line["id"].as_u64() {
                client.asked.push(key);
            }
            return;
        }
        let id = line["id"].as_str().expect("an id of the test's own");
        let thread = client.pending.remove(id).expect("one answer to each request");
        if line.get("error").is_some() {
            return;
        }
        if let Some(thread) = thread {
            assert_eq!(self.makers[&thread], conn, "{conn} used another's thread: {line}");
        }
        if let Some(thread) = line["result"]["thread"]["id"].as_str() {
            assert_eq!(self.makers[thread], conn, "{conn} got another's thread");
            client.threads.push(thread.to_owned());
        }
        let unique: BTreeSet<&String> = client.threads.iter().collect();
        assert_eq!(unique.len(), client.threads.len(), "a thread was given twice");
        assert!(self.bench.core.conns.contains_key(&ConnId(conn)));
    }
}

fn pick<T: Clone>(from: &[T], n: u8) -> Option<T> {
    (!from.is_empty()).then(|| from[usize::from(n) % from.len()].clone())
}
