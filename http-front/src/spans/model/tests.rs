use super::{super::request::below, *};
use crate::translate::answer::{Call, FinishReason};
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

/// The span of a request for so many choices, of which `run` is told, from this time on.
fn span(clock: Clock, choices: usize, run: impl FnOnce(&mut Model)) -> SpanData {
    let kept = InMemorySpanExporter::default();
    let tracer = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build().tracer("tests");
    let asked = Asked { model: None, stream: true, usage: false, choices };
    let span = below(&tracer, &tracer.start("parent"), &asked, true, clock);
    let mut model = Model::new(Some(span), clock, asked, true, None);
    run(&mut model);
    let latency = clock.elapsed();
    let outcome = Outcome::ClientDisconnect;
    model.ended(&Ended { outcome, status: None, error: None, stream: true, usage: None, latency });
    kept.get_finished_spans().unwrap().into_iter().find(|span| span.name == "chat").expect("it ended")
}

fn of<'s>(span: &'s SpanData, name: &str) -> Option<&'s Value> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == name).map(|attribute| &attribute.value)
}

#[test]
fn no_number_of_moments_pushes_out_the_end() {
    let call = Call { id: String::new(), name: String::new(), arguments: String::new(), custom: false };
    let closing = Closing { calls: vec![call; 1000], ..Closing::early(FinishReason::ToolCalls) };
    let span = span(Clock::start(), 3, |model| {
        for _ in 0..1000 {
            model.heard(&Delta::Retry);
            model.heard(&Delta::Thread("a thread".into()));
            model.worked();
            model.again();
            model.kept_alive();
        }
        model.finished(1, &closing, false);
    });
    let names: Vec<_> = span.events.iter().map(|event| &*event.name).collect();
    assert_eq!((span.events.dropped_count, names.last()), (0, Some(&"codex.end")), "{names:?}");
    for name in ["codex.first_token", "codex.client_disconnect"] {
        assert_eq!(names.iter().filter(|kept| **kept == name).count(), 1, "{names:?}");
    }
    assert_eq!(names.iter().filter(|kept| **kept == "codex.thread_started").count(), 24, "{names:?}");
    for name in [
        "codex.retry.count",
        "codex.turn_again.count",
        "codex.keep_alive.count",
        "codex.tool_call.count",
        "codex.agent_command.count",
    ] {
        assert_eq!(of(&span, name), Some(&Value::I64(1000)), "{name}");
    }
    let reasons = ["error", "tool_calls", "error"].map(StringValue::from).to_vec();
    assert_eq!(of(&span, "gen_ai.response.finish_reasons"), Some(&Value::Array(Array::String(reasons))));
}

#[test]
fn a_clock_that_is_set_back_moves_nothing_before_the_beginning() {
    // It was an hour later when the request began.
    let clock = Clock::at(SystemTime::now() + Duration::from_secs(3600));
    let span = span(clock, 1, |model| {
        model.token();
        model.kept_alive();
        model.kept_alive();
    });
    assert!(clock.began() <= span.start_time && span.start_time <= span.end_time, "{span:?}");
    for event in span.events.iter() {
        assert!((span.start_time..=span.end_time).contains(&event.timestamp), "{span:?}");
    }
}
