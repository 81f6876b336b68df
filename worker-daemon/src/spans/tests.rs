use super::{call::LONG, *};
use crate::mux::observe::span::{End, Event};
use opentelemetry::{Value, trace::TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use shared::{app_server::method, id::Generation, rpc::Trace, trace::RequestName};
use std::time::{Duration, Instant};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NAME: &str = "req_0192f0c1a2b37c4d8e5f60718293a4b5";
const THREAD: &str = "0199a0c0-1111-7222-8333-444455556666";

/// A tracer, what it keeps, and a request of this method with its parent.
struct Bench {
    exported: Exported,
    kept: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    at: Instant,
}

impl Bench {
    fn new() -> Self {
        let kept = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        Self {
            exported: Exported::new(provider.tracer("test")),
            kept,
            _provider: provider,
            at: Instant::now(),
        }
    }

    fn begin(&mut self, method: &'static str) -> Opened {
        let parent = Trace { traceparent: PARENT.to_owned(), tracestate: None };
        let parent = otel::context::from_trace(&parent).unwrap();
        let name = RequestName::read(NAME);
        let turn = method == method::TURN_START;
        let begun = Begun {
            parent: &parent,
            method,
            id: Some(7),
            request: name.as_ref(),
            thread: Some(THREAD),
            turn,
            at: self.at,
        };
        self.exported.begin(&begun).expect("a span")
    }

    fn at(&self, ms: u64) -> Instant {
        self.at + Duration::from_millis(ms)
    }

    fn ended(&self) -> Vec<SpanData> {
        self.kept.get_finished_spans().unwrap()
    }
}

fn sent() -> Event<'static> {
    Event::Sent { child: Generation(1) }
}

fn of(span: &SpanData, name: &str) -> Option<Value> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == name).map(|found| found.value.clone())
}

fn names(span: &SpanData) -> Vec<&str> {
    span.events.iter().map(|event| &*event.name).collect()
}

#[test]
fn a_call_that_is_answered_at_once_has_no_span() {
    let mut bench = Bench::new();
    let Opened { mut span, trace } = bench.begin(method::THREAD_START);
    assert!(trace.is_none(), "codex is told the client's");
    span.event(sent(), bench.at(1));
    span.end(End::Answered, bench.at(99));
    assert!(bench.ended().is_empty());
}

#[test]
fn a_call_that_takes_long_has_one_from_its_arrival() {
    let mut bench = Bench::new();
    let mut span = bench.begin(method::THREAD_START).span;
    span.event(sent(), bench.at(60));
    span.end(End::Answered, bench.at(100));
    let [span] = &bench.ended()[..] else { panic!("one span") };
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(span.end_time.duration_since(span.start_time).unwrap(), LONG);
    assert_eq!(names(span), ["codex.sent"]);
    assert_eq!(span.events[0].attributes[0].value, Value::F64(60.0));
    for (name, value) in [
        ("rpc.method", "thread/start".into()),
        ("jsonrpc.request.id", "7".into()),
        ("codex.request.id", NAME.into()),
        ("codex.thread.id", THREAD.into()),
        ("codex.child.generation", Value::I64(1)),
    ] {
        assert_eq!(of(span, name), Some(value), "{name}");
    }
}

#[test]
fn a_call_that_goes_wrong_has_one_however_short() {
    for (end, name, value) in [
        (End::Refused(-32001), "rpc.response.status_code", "-32001"),
        (End::Abandoned, "codex.outcome", "abandoned"),
    ] {
        let mut bench = Bench::new();
        bench.begin(method::THREAD_INJECT_ITEMS).span.end(end, bench.at(1));
        let [span] = &bench.ended()[..] else { panic!("one span") };
        assert_eq!(of(span, name), Some(value.into()));
    }
}

#[test]
fn a_call_that_codex_was_too_busy_for_has_one() {
    let mut bench = Bench::new();
    let mut span = bench.begin(method::THREAD_START).span;
    for event in [sent(), Event::Busy, sent()] {
        span.event(event, bench.at(2));
    }
    span.end(End::Answered, bench.at(3));
    let [span] = &bench.ended()[..] else { panic!("one span") };
    assert_eq!(names(span), ["codex.sent", "codex.busy", "codex.sent"]);
}

#[test]
fn the_events_of_a_call_are_bounded() {
    let mut bench = Bench::new();
    let mut span = bench.begin(method::THREAD_START).span;
    for _ in 0..1000 {
        span.event(Event::Busy, bench.at(2));
    }
    span.event(Event::Sent { child: Generation(7) }, bench.at(2));
    span.end(End::Answered, bench.at(3));
    let [span] = &bench.ended()[..] else { panic!("one span") };
    assert_eq!((span.events.len(), of(span, "codex.child.generation")), (32, Some(Value::I64(7))));
}

#[test]
fn a_call_that_nobody_ends_has_one() {
    let mut bench = Bench::new();
    drop(bench.begin(method::THREAD_START).span);
    assert_eq!(bench.ended().len(), 1);
}

#[test]
fn a_turn_has_one_that_codex_is_told_of() {
    let mut bench = Bench::new();
    let Opened { span, trace } = bench.begin(method::TURN_START);
    let told = trace.expect("its own").traceparent;
    span.end(End::Answered, bench.at(1));
    let [span] = &bench.ended()[..] else { panic!("one span") };
    let own = format!("00-{}-{}-01", span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(told, own);
}
