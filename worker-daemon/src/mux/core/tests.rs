//! Tests of the core. This file holds the bench that they share: it drives a core and shows what it does as text,
//! one line an action, `child {…}` or `<connection> {…}`, byte for byte.

mod again;
mod asked;
mod end;
mod handover;
mod hello;
mod ids;
mod leaving;
mod lives;
mod metrics;
mod observed;
mod own;
mod permits;
mod property;
mod routing;
mod toggles;
mod traced;
mod watch;

use super::{Core, Limits};
use crate::{
    mux::{
        action::{Action, Order, Report},
        whose::Whose,
    },
    policy::Policy,
};
use bytes::Bytes;
use opentelemetry::trace::TraceId;
use shared::{
    control::{Status, WorkerState, toggles::Toggles},
    id::{ConnId, Generation},
    trace::RequestName,
};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const HELLO: &str = r#"{"id":0,"method":"initialize","params":{"clientInfo":{"name":"t","version":"1"}}}"#;

fn limits() -> Limits {
    Limits {
        rpc_window: 8,
        turns: 2,
        waiting_turns: 1,
        client_requests: 16,
        client_threads: 1000,
        request_timeout: Duration::from_secs(30),
        turn_timeout: Duration::from_secs(3600),
        turn_idle_timeout: Duration::from_secs(1200),
        // Far beyond what the other tests let pass: they count what goes to the child.
        probe_interval: Duration::from_secs(86_400),
        probe_timeout: Duration::from_secs(86_400),
        max_rss: None,
    }
}

/// For whom a client asks, as members of a request.
const WHOSE: &str = r#""request":"req_0192f0c1a2b37c4d8e5f60718293a4b5","trace":{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#;

/// The same, as it is kept.
fn whose() -> Whose {
    Whose {
        request: RequestName::read("req_0192f0c1a2b37c4d8e5f60718293a4b5"),
        trace: TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").ok(),
    }
}

struct Bench {
    core: Core,
    now: Instant,
    generation: Generation,
    /// The wire id of the last request that went to the child.
    wire: u64,
    /// The child that this was sent to.
    sent_to: Generation,
    /// The children that lines were sent to since [`Bench::act`] was called last, in order.
    sent: Vec<Generation>,
    /// Children that shook hands and did not end.
    lives: BTreeSet<Generation>,
    /// What the supervisor was told.
    orders: Vec<Order>,
    /// What was to be logged.
    reports: Vec<Report>,
    /// What was to be measured.
    measuring: Vec<Option<u32>>,
    /// What was to be written to the disk.
    written: Vec<Toggles>,
}

impl Bench {
    /// A core without clients and child.
    fn cold(limits: Limits) -> Self {
        Self {
            core: Core::new(limits, Policy::serving()),
            now: Instant::now(),
            generation: Generation(0),
            wire: 0,
            sent_to: Generation(0),
            sent: Vec::new(),
            lives: BTreeSet::new(),
            orders: Vec::new(),
            reports: Vec::new(),
            measuring: Vec::new(),
            written: Vec::new(),
        }
    }

    /// A core with a child and the initialized clients 1 and 2.
    fn ready() -> Self {
        Self::with(limits())
    }

    fn with(limits: Limits) -> Self {
        let mut bench = Self::cold(limits);
        bench.up();
        bench.hello(1);
        bench.hello(2);
        bench
    }

    fn act(&mut self, f: impl FnOnce(&mut Core, Instant, &mut Vec<Action>)) -> Vec<String> {
        let mut out = Vec::new();
        self.sent.clear();
        f(&mut self.core, self.now, &mut out);
        let mut shown = Vec::new();
        for action in out {
            shown.push(match action {
                Action::ToClient(conn, line) => format!("{} {}", conn.0, text(&line.to_bytes())),
                Action::ToChild(generation, line) => {
                    assert!(self.lives.contains(&generation), "a line for a child that is not there");
                    self.sent_to = generation;
                    self.sent.push(generation);
                    let line = text(&line.to_bytes());
                    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                    if value.get("method").is_some() {
                        self.wire = value["id"].as_u64().unwrap();
                    }
                    format!("child {line}")
                }
                Action::Order(order) => {
                    self.orders.push(order);
                    continue;
                }
                Action::Measure { codex } => {
                    self.measuring.push(codex);
                    continue;
                }
                Action::Keep(toggles) => {
                    self.written.push(toggles);
                    continue;
                }
                Action::Report(report) => {
                    self.reports.push(report);
                    continue;
                }
            });
        }
        shown
    }

    /// The child that speaks and ends from here on.
    fn of(&mut self, generation: u64) -> &mut Self {
        self.generation = Generation(generation);
        self
    }

    /// A child shakes hands, beside those that live.
    fn up(&mut self) -> Vec<String> {
        self.generation.0 += 1;
        self.lives.insert(self.generation);
        let (generation, greeting) = (self.generation, serde_json::json!({"userAgent": "t/0.169.0 (x)"}));
        let greeting = serde_json::from_value(greeting).unwrap();
        self.act(|core, now, out| core.on_up(generation, greeting, now, out))
    }

    fn down(&mut self) -> Vec<String> {
        let generation = self.generation;
        self.lives.remove(&generation);
        self.act(|core, now, out| core.on_down(generation, now, out))
    }

    fn status(&mut self, state: WorkerState) -> Vec<String> {
        let backoff_ms = (state == WorkerState::Backoff).then_some(5000);
        let status = Status { state, backoff_ms, ..Status::default() };
        self.act(|core, now, out| core.on_status(status, now, out))
    }

    fn connect(&mut self, conn: u64) {
        self.core.on_connected(ConnId(conn), true);
    }

    fn hello(&mut self, conn: u64) -> Vec<String> {
        self.connect(conn);
        self.client(conn, HELLO)
    }

    fn gone(&mut self, conn: u64) -> Vec<String> {
        self.act(|core, now, out| core.on_gone(ConnId(conn), now, out))
    }

    fn client(&mut self, conn: u64, line: &str) -> Vec<String> {
        let line = Bytes::copy_from_slice(line.as_bytes());
        self.act(|core, now, out| core.on_client(ConnId(conn), line, now, out))
    }

    /// A client's request about a thread; its id is the method's name.
    fn request(&mut self, conn: u64, method: &str, thread: &str) -> Vec<String> {
        let line = format!(r#"{{"id":"{method}","method":"{method}","params":{{"threadId":"{thread}"}}}}"#);
        self.client(conn, &line)
    }

    fn child(&mut self, line: &str) -> Vec<String> {
        let (line, generation) = (Bytes::copy_from_slice(line.as_bytes()), self.generation);
        self.act(|core, now, out| assert!(core.on_child(generation, line, now, out)))
    }

    /// The child answers the request with this wire id.
    fn answer(&mut self, wire: u64, result: &str) -> Vec<String> {
        self.child(&format!(r#"{{"id":{wire},"result":{result}}}"#))
    }

    fn refuse(&mut self, wire: u64) -> Vec<String> {
        self.child(&format!(r#"{{"id":{wire},"error":{{"code":-1,"message":"no"}}}}"#))
    }

    /// The child notifies of something about a turn.
    fn note(&mut self, method: &str, thread: &str, turn: &str) -> Vec<String> {
        let params = format!(r#"{{"threadId":"{thread}","turn":{{"id":"{turn}"}}}}"#);
        self.child(&format!(r#"{{"method":"{method}","params":{params}}}"#))
    }

    /// A client gets a thread.
    fn thread(&mut self, conn: u64, thread: &str) {
        self.client(conn, r#"{"id":"open","method":"thread/start","params":{}}"#);
        let answered = self.answer(self.wire, &format!(r#"{{"thread":{{"id":"{thread}"}}}}"#));
        assert_eq!(answered.len(), 1, "{answered:?}");
    }

    /// A client gets a thread with a running turn.
    fn turn(&mut self, conn: u64, thread: &str, turn: &str) {
        self.thread(conn, thread);
        self.request(conn, "turn/start", thread);
        self.answer(self.wire, &format!(r#"{{"turn":{{"id":"{turn}"}}}}"#));
    }

    fn tick(&mut self, seconds: u64) -> Vec<String> {
        self.now += Duration::from_secs(seconds);
        self.act(Core::on_tick)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Compares actions with patterns in which `*` stands for anything.
#[track_caller]
fn expect<const N: usize>(shown: Vec<String>, patterns: [&str; N]) {
    let fits = |(line, pattern): (&String, &&str)| {
        let mut rest = line.as_str();
        let mut pieces = pattern.split('*');
        let head = pieces.next().unwrap_or_default();
        let Some(stripped) = rest.strip_prefix(head) else {
            return false;
        };
        rest = stripped;
        let mut last = None;
        for piece in pieces {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
            last = Some(piece);
        }
        last.is_some_and(|piece| piece.is_empty() || rest.is_empty()) || (last.is_none() && rest.is_empty())
    };
    let same = shown.len() == N && shown.iter().zip(&patterns).all(fits);
    assert!(same, "got {shown:#?}\nexpected {patterns:#?}");
}
