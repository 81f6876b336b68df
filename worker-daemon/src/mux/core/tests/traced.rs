//! A tracer that keeps what it is told, and the tests of what the core tells it.

use super::{Bench, expect};
use crate::mux::observe::span::{Begun, End, Event, Open, Opened, Spans, Tracer};
use shared::rpc::Trace;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// What became of the spans, as lines: `begin N …`, `N …`.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    begun: u64,
    ended: u64,
    /// Ended by nobody's word.
    dropped: u64,
}

struct Fake(Told);

struct FakeSpan {
    number: u64,
    told: Told,
    last: Instant,
    over: bool,
}

impl Told {
    /// The core's spans are told here from now on.
    pub(super) fn by(bench: &mut Bench) -> Self {
        let told = Self::default();
        bench.core.observe().spans = Spans::new(Box::new(Fake(told.clone())));
        told
    }

    /// What came since this was asked last.
    pub(super) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().lines)
    }

    /// Spans that were begun, ended, and left by everybody before they ended.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let state = self.0.lock().unwrap();
        (state.begun, state.ended, state.dropped)
    }

    fn say(&self, line: String) {
        self.0.lock().unwrap().lines.push(line);
    }
}

impl Tracer for Fake {
    fn begin(&mut self, begun: &Begun<'_>) -> Option<Opened> {
        let Begun { parent, method, id, request: _, thread, turn, at } = *begun;
        if !parent.is_sampled() {
            return None;
        }
        let number = {
            let mut state = self.0.0.lock().unwrap();
            state.begun += 1;
            state.begun
        };
        self.0.say(format!("begin {number} {method} {id:?} {thread:?} under {}", parent.span_id()));
        let ours =
            Trace { traceparent: format!("ours-{number}"), tracestate: Some(parent.trace_state().header()) };
        let trace = turn.then_some(ours);
        let span = FakeSpan { number, told: self.0.clone(), last: at, over: false };
        Some(Opened { span: Box::new(span), trace })
    }
}

impl FakeSpan {
    fn at(&mut self, at: Instant) {
        assert!(at >= self.last, "a span goes back in time");
        self.last = at;
    }
}

impl Open for FakeSpan {
    fn event(&mut self, event: Event<'_>, at: Instant) {
        self.at(at);
        self.told.say(format!("{} {event:?}", self.number));
    }

    fn end(mut self: Box<Self>, end: End, at: Instant) {
        self.at(at);
        self.over = true;
        self.told.0.lock().unwrap().ended += 1;
        self.told.say(format!("{} end {end:?}", self.number));
    }
}

impl Drop for FakeSpan {
    fn drop(&mut self) {
        if !self.over {
            self.told.0.lock().unwrap().dropped += 1;
            self.told.say(format!("{} dropped", self.number));
        }
    }
}

/// A request with a trace, by its method and thread.
fn traced(bench: &mut Bench, id: &str, method: &str, params: &str) -> Vec<String> {
    bench.client(1, &format!(r#"{{"id":{id},"method":"{method}","params":{params},"trace":{THEIRS}}}"#))
}

/// What a client is in.
const THEIRS: &str =
    r#"{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","tracestate":"v=1"}"#;
const THREAD: &str = "0199a0c0-1111-7222-8333-444455556666";
const TURN: &str = "0199a0c0-aaaa-7bbb-8ccc-ddddeeeeffff";

fn run(bench: &mut Bench) {
    bench.thread(1, THREAD);
    traced(bench, "9", "turn/start", &format!(r#"{{"threadId":"{THREAD}"}}"#));
    bench.answer(bench.wire, &format!(r#"{{"turn":{{"id":"{TURN}"}}}}"#));
    bench.note("turn/started", THREAD, TURN);
}

fn end(bench: &mut Bench, status: &str) {
    bench.child(&format!(
        r#"{{"method":"turn/completed","params":{{"threadId":"{THREAD}","turn":{{"id":"{TURN}","status":"{status}"}}}}}}"#
    ));
}

#[test]
fn a_turn_is_one_span_from_its_arrival_to_its_end() {
    let mut bench = Bench::ready();
    let told = Told::by(&mut bench);
    run(&mut bench);
    let about = format!(r#""params":{{"threadId":"{THREAD}","turnId":"{TURN}""#);
    bench.child(&format!(r#"{{"method":"item/started",{about},"item":{{"type":"reasoning","id":"i"}}}}}}"#));
    bench.child(&format!(r#"{{"method":"error",{about},"willRetry":true,"error":{{}}}}}}"#));
    bench.child(&format!(r#"{{"id":1,"method":"item/tool/call",{about}}}}}"#));
    traced(&mut bench, "10", "turn/interrupt", &format!(r#"{{"threadId":"{THREAD}","turnId":"{TURN}"}}"#));
    bench.answer(bench.wire, "{}");
    end(&mut bench, "interrupted");
    end(&mut bench, "interrupted");
    let thread = format!("Some({THREAD:?})");
    assert_eq!(
        told.lines(),
        [
            &format!("begin 1 turn/start Some(9) {thread} under 00f067aa0ba902b7"),
            "1 Sent { child: Generation(1) }",
            "1 Answered",
            &format!("1 TurnBegan {{ turn: Some({TURN:?}) }}"),
            "1 FirstItem",
            "1 Retry",
            "1 ToolCall",
            &format!("begin 2 turn/interrupt Some(10) {thread} under 00f067aa0ba902b7"),
            "2 Sent { child: Generation(1) }",
            "1 Interrupt",
            "2 end Answered",
            "1 end Turn(Interrupted)",
        ]
    );
}

#[test]
fn codex_is_told_the_span_of_a_turn_as_its_parent() {
    let mut bench = Bench::ready();
    let _told = Told::by(&mut bench);
    bench.thread(1, THREAD);
    let params = format!(r#"{{"threadId":"{THREAD}"}}"#);
    let shown = traced(&mut bench, r#""a""#, "turn/start", &params);
    let trace = r#"{"traceparent":"ours-1","tracestate":"v=1"}"#;
    let line = format!(r#"child {{"id":*,"method":"turn/start","params":{params},"trace":{trace}}}"#);
    expect(shown, [&line]);
}

#[test]
fn of_what_is_no_turn_codex_is_told_the_clients() {
    let mut bench = Bench::ready();
    let _told = Told::by(&mut bench);
    let shown = traced(&mut bench, r#""a""#, "thread/start", "{}");
    expect(shown, [&format!(r#"child {{"id":*,"method":"thread/start","params":{{}},"trace":{THEIRS}}}"#)]);
}

#[test]
fn what_is_not_kept_goes_on_as_it_came() {
    let mut bench = Bench::ready();
    let told = Told::by(&mut bench);
    let unsampled = THEIRS.replace("-01", "-00");
    for trace in [&*unsampled, r#"{"traceparent":"rubbish"}"#, r#"{"tracestate":"v=1"}"#, "{}", "null"] {
        let line = format!(r#"{{"id":"t","method":"thread/start","params":{{}},"trace":{trace}}}"#);
        let shown = bench.client(1, &line);
        expect(
            shown,
            [&format!(r#"child {{"id":*,"method":"thread/start","params":{{}},"trace":{trace}}}"#)],
        );
        bench.refuse(bench.wire);
    }
    assert_eq!(told.counts(), (0, 0, 0));
}

#[test]
fn a_refused_request_ends_with_the_code() {
    let mut bench = Bench::ready();
    let told = Told::by(&mut bench);
    traced(&mut bench, "1", "thread/start", "{}");
    bench.refuse(bench.wire);
    bench.thread(1, "not-a-uuid");
    traced(&mut bench, r#""x""#, "turn/start", r#"{"threadId":"not-a-uuid"}"#);
    bench.refuse(bench.wire);
    assert_eq!(
        told.lines(),
        [
            "begin 1 thread/start Some(1) None under 00f067aa0ba902b7",
            "1 Sent { child: Generation(1) }",
            "1 end Refused(-1)",
            "begin 2 turn/start None None under 00f067aa0ba902b7",
            "2 Sent { child: Generation(1) }",
            "2 end Refused(-1)",
        ]
    );
}

#[test]
fn a_turn_whose_child_dies_ends_as_lost() {
    let mut bench = Bench::ready();
    let told = Told::by(&mut bench);
    run(&mut bench);
    told.lines();
    bench.down();
    assert_eq!(told.lines(), ["1 end Turn(Lost)"]);
}

#[test]
fn a_turn_that_was_never_heard_of_ends_with_its_thread() {
    let mut bench = Bench::ready();
    let told = Told::by(&mut bench);
    bench.thread(1, THREAD);
    traced(&mut bench, "9", "turn/start", &format!(r#"{{"threadId":"{THREAD}"}}"#));
    bench.gone(1);
    bench.answer(bench.wire, &format!(r#"{{"turn":{{"id":"{TURN}"}}}}"#));
    bench.tick(1);
    assert_eq!(told.counts().0, 1);
    bench.down();
    assert_eq!(told.counts(), (1, 1, 0));
}

/// With a traced turn that waits behind those of another client.
fn in_line() -> (Bench, Told) {
    let mut bench = Bench::ready();
    let told = Told::by(&mut bench);
    bench.turn(2, "a", "u");
    bench.turn(2, "b", "v");
    bench.thread(1, THREAD);
    traced(&mut bench, "9", "turn/start", &format!(r#"{{"threadId":"{THREAD}"}}"#));
    (bench, told)
}

/// What its client wanted is no failure, neither of the span nor in the counts.
#[test]
fn who_lets_the_thread_go_before_the_request_was_sent_abandons_it() {
    let (mut bench, told) = in_line();
    let lines = bench.request(1, "thread/unsubscribe", THREAD);
    expect(lines, [r#"1 {"id":9,"error":{"code":-32800,*"#, "child *thread/unsubscribe*"]);
    assert_eq!(told.lines().last().map(String::as_str), Some("1 end Abandoned"));
    assert_eq!(bench.core.observe().counts.errors().map(|(_, count)| count).sum::<u64>(), 0);
}

/// Behind the unsubscribe, with its thread about to go.
#[test]
fn who_starts_a_turn_behind_the_unsubscribe_abandons_it() {
    let mut bench = Bench::ready();
    let told = Told::by(&mut bench);
    bench.thread(1, THREAD);
    bench.request(1, "thread/unsubscribe", THREAD);
    traced(&mut bench, "9", "turn/start", &format!(r#"{{"threadId":"{THREAD}"}}"#));
    assert_eq!(told.lines().last().map(String::as_str), Some("1 end Abandoned"));
}

#[test]
fn who_leaves_before_the_request_was_sent_abandons_it() {
    let (mut bench, told) = in_line();
    bench.now += Duration::from_secs(1);
    bench.gone(1);
    let thread = format!("Some({THREAD:?})");
    assert_eq!(
        told.lines(),
        [&format!("begin 1 turn/start Some(9) {thread} under 00f067aa0ba902b7"), "1 end Abandoned"]
    );
}
