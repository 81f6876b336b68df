//! The clients, the core and the child.

mod promises;

use super::{
    super::{Bench, Core, HELLO, Limits, limits, traced::Told},
    About, Step,
    child::{Child, Counts},
};
use crate::mux::action::Order;
use serde_json::{Value, json};
use shared::{
    control::WorkerState,
    id::{ConnId, Generation},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const CLIENTS: usize = 3;
const CHILDREN: usize = 3;
/// Time that passes in a history at most, far below what a tombstone is kept for: the model loses nothing.
const LONGEST: u64 = 300;

#[derive(Default)]
struct Client {
    /// Requests without an answer, with the thread that they name.
    pending: BTreeMap<String, Option<String>>,
    threads: Vec<String>,
    /// Questions of the children, with who asks.
    asked: Vec<(u64, u64)>,
}

pub(super) struct World {
    bench: Bench,
    /// What was told of spans.
    spans: Told,
    /// The living children by generation; the newest is the one that takes new threads, while `up`.
    children: BTreeMap<u64, Child>,
    counts: Counts,
    up: bool,
    /// Turns whose end their clients were told.
    ended: BTreeSet<String>,
    clients: BTreeMap<u64, Client>,
    /// Who made which thread, over all children.
    makers: BTreeMap<String, u64>,
    generations: u64,
    connections: u64,
    requests: u64,
    time: u64,
    /// Writes of toggles that have ended.
    kept: usize,
}

impl World {
    pub(super) fn new() -> Self {
        let mut bench = Bench::cold(Limits {
            rpc_window: 4,
            waiting_turns: 2,
            client_requests: 12,
            turn_timeout: Duration::from_secs(60),
            turn_idle_timeout: Duration::from_secs(20),
            ..limits()
        });
        Self {
            spans: Told::by(&mut bench),
            bench,
            children: BTreeMap::new(),
            counts: Counts::default(),
            up: false,
            ended: BTreeSet::new(),
            clients: BTreeMap::new(),
            makers: BTreeMap::new(),
            generations: 0,
            connections: 0,
            requests: 0,
            time: 0,
            kept: 0,
        }
    }

    /// A child and two clients.
    pub(super) fn begin(&mut self) {
        self.step(Step::Up);
        self.step(Step::Connect { mute: false });
        self.step(Step::Connect { mute: false });
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
                // A member that is open to clients: the model reads from it who asks.
                self.request(conn, "thread/start", json!({"serviceTier": conn.to_string()}));
            })),
            Step::About(c, about, t) => drop(self.client(c).map(|conn| self.about(conn, about, t))),
            Step::Foreign(c, t) => {
                let threads: Vec<String> = self.makers.keys().cloned().collect();
                if let (Some(conn), Some(thread)) = (self.client(c), pick(&threads, t)) {
                    self.request(conn, "turn/start", json!({"threadId": thread}));
                }
            }
            Step::Other(c) => drop(self.client(c).map(|conn| self.request(conn, "model/list", json!({})))),
            Step::Toggle(c, enabled) => drop(self.client(c).map(|conn| {
                self.request(conn, "daemon/toggles/set", json!({"maintenance": {"enabled": enabled}}));
            })),
            Step::Kept { written } => self.kept(written),
            Step::Gone(c) => drop(self.client(c).map(|conn| self.gone(conn))),
            Step::Refuse(n) => drop(self.child(n).map(|child| child.refuse = true)),
            Step::Busy(n) => drop(self.child(n).map(|child| child.busy = true)),
            Step::Answer(n) => self.answer(usize::from(n)),
            Step::Note(t) => {
                self.about_turn(t, |_, name, _| {
                    Some(json!({"method": "item/x", "params": {"threadId": name}}))
                });
            }
            Step::Begin(t) => self.about_turn(t, |child, name, _| child.begin(name)),
            Step::Complete(t) => self.about_turn(t, |child, name, _| child.complete(name)),
            Step::Ask(t) => self.about_turn(t, Child::ask),
            Step::Reply(c) => drop(self.client(c).map(|conn| {
                let asked = self.clients.get_mut(&conn).and_then(|client| client.asked.pop());
                self.reply(conn, asked.map(|(_, key)| key));
            })),
            Step::Forge(c, k) => drop(self.client(c).map(|conn| {
                let keys: Vec<u64> = self
                    .clients
                    .iter()
                    .filter(|(other, _)| **other != conn)
                    .flat_map(|(_, client)| client.asked.iter().map(|(_, key)| *key))
                    .collect();
                self.reply(conn, pick(&keys, k));
            })),
            Step::Crash { which, backoff } => self.crash(which, backoff),
            Step::Up => self.up(),
            Step::Replace => {
                if self.up && self.children.len() < CHILDREN {
                    self.up = false;
                    self.up();
                }
            }
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

    /// Threads that were made.
    pub(super) fn threads(&self) -> usize {
        self.makers.len()
    }

    /// Turns whose end their clients were told.
    pub(super) fn ended(&self) -> usize {
        self.ended.len()
    }

    /// A write of toggles ends, if one is out.
    fn kept(&mut self, written: bool) {
        if let Some(revision) = self.bench.written.get(self.kept).map(|toggles| toggles.revision) {
            self.kept += 1;
            assert_eq!(self.kept, self.bench.written.len(), "more than one write was out");
            let shown = self.bench.act(|core, now, out| core.on_kept(revision, written, now, out));
            self.deliver(shown);
        }
    }

    fn settle(&mut self) {
        while self.kept < self.bench.written.len() {
            self.kept(true);
        }
        loop {
            if let Some(due) = self.bench.core.next_due() {
                self.bench.now = self.bench.now.max(due);
            }
            // What has nobody, and what is sent again, is looked after with the next tick.
            let shown = self.bench.tick(0);
            self.deliver(shown);
            self.check();
            let busy = |child: &Child| !child.answers.is_empty() || child.turns() > 0;
            if !self.children.values().any(busy) && self.bench.core.next_due().is_none() {
                break;
            }
            self.answer(0);
            for generation in self.children.keys().copied().collect::<Vec<_>>() {
                let Some(child) = self.children.get_mut(&generation) else { continue };
                let names: Vec<String> = child.threads.keys().cloned().collect();
                let lines: Vec<Value> = names.iter().filter_map(|name| child.complete(name)).collect();
                for line in lines {
                    self.say(generation, &line);
                }
            }
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
        let trace = json!({"traceparent": id});
        let line = json!({"id": id, "method": method, "params": params, "trace": trace}).to_string();
        let shown = self.bench.client(conn, &line);
        self.deliver(shown);
    }

    fn about(&mut self, conn: u64, about: About, t: u8) {
        let Some(thread) = pick(&self.clients[&conn].threads, t) else {
            return;
        };
        let turn = self.children.values().find_map(|child| child.threads.get(&thread)?.turn.clone());
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

    fn child(&mut self, n: u8) -> Option<&mut Child> {
        let at = usize::from(n) % self.children.len().max(1);
        self.children.values_mut().nth(at)
    }

    fn answer(&mut self, n: usize) {
        let answers: Vec<(u64, usize)> = self
            .children
            .iter()
            .flat_map(|(generation, child)| (0..child.answers.len()).map(|at| (*generation, at)))
            .collect();
        if !answers.is_empty() {
            let (generation, at) = answers[n % answers.len()];
            let (_, _, line) = self.children.get_mut(&generation).expect("a child").answers.remove(at);
            self.say(generation, &line);
        }
    }

    fn about_turn(&mut self, t: u8, what: fn(&mut Child, &str, &mut Counts) -> Option<Value>) {
        let threads: Vec<(u64, String)> = self
            .children
            .iter()
            .flat_map(|(generation, child)| child.threads.keys().map(|name| (*generation, name.clone())))
            .collect();
        if let Some((generation, name)) = pick(&threads, t) {
            let child = self.children.get_mut(&generation).expect("a child");
            if let Some(line) = what(child, &name, &mut self.counts) {
                self.say(generation, &line);
            }
        }
    }

    fn say(&mut self, generation: u64, line: &Value) {
        let shown = self.bench.of(generation).child(&line.to_string());
        self.deliver(shown);
    }

    fn up(&mut self) {
        if !std::mem::replace(&mut self.up, true) {
            self.generations += 1;
            self.children.insert(self.generations, Child::default());
            let shown = self.bench.of(self.generations - 1).up();
            self.deliver(shown);
            let shown = self.bench.status(WorkerState::Ready);
            self.deliver(shown);
        }
    }

    fn crash(&mut self, which: u8, backoff: bool) {
        let living: Vec<u64> = self.children.keys().copied().collect();
        let Some(generation) = pick(&living, which) else { return };
        let child = self.children.remove(&generation).expect("a child");
        let main = self.up && generation == self.generations;
        self.up &= !main;
        for client in self.clients.values_mut() {
            // Questions of the dead child have nobody who asks any more.
            client.asked.retain(|(asker, _)| *asker != generation);
        }
        let drained = self.bench.orders.contains(&Order::Drained(Generation(generation)));
        let shown = self.bench.of(generation).down();
        assert!(!drained || shown.is_empty(), "it had something left: {shown:?}");
        // What a start made that counted as lost is not waited for.
        let all_known = self.time < self.bench.core.limits.request_timeout.as_secs();
        assert!(!drained || !all_known || child.threads.is_empty(), "it had something left: {child:?}");
        self.bench.orders.retain(|order| *order != Order::Drained(Generation(generation)));
        self.deliver(shown);
        if main {
            let state = if backoff { WorkerState::Backoff } else { WorkerState::Starting };
            let shown = self.bench.status(state);
            self.deliver(shown);
        }
    }

    /// Hands the core's lines to whom they are for, and checks that they are.
    fn deliver(&mut self, shown: Vec<String>) {
        let mut sent = std::mem::take(&mut self.bench.sent).into_iter();
        for line in shown {
            let (to, line) = line.split_once(' ').expect("a receiver");
            let value: Value = serde_json::from_str(line).expect("JSON");
            match to.parse() {
                Err(_) => {
                    let generation = sent.next().expect("a child that it was sent to").0;
                    let child = self.children.get_mut(&generation).expect("a living child");
                    child.take(&value, &mut self.counts);
                    for (name, thread) in &child.threads {
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
                client.asked.push((self.bench.generation.0, key));
            }
            if line["method"] == "turn/completed" {
                let turn = line["params"]["turn"]["id"].as_str().expect("a turn").to_owned();
                assert!(self.ended.insert(turn), "a turn ends twice: {line}");
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
