//! Tests of answers whose text has limits.

use super::*;
use crate::translate::limit::{Limiter, Limits, Reached};
use proptest::prelude::*;

/// A message: its pieces, and what was said of it before the child began it anew.
#[derive(Debug, Clone)]
struct Told {
    pieces: Vec<String>,
    again: Option<Vec<String>>,
    whole: bool,
}

fn deltas(messages: &[Told]) -> Vec<Delta> {
    let mut deltas = vec![Delta::Thread("t".into())];
    for (at, told) in messages.iter().enumerate() {
        let piece = |name: &str, text: &String| {
            let json = |t: &str| Bytes::from(serde_json::to_vec(t).unwrap());
            Delta::Text { item: json(&format!("{name}{at}")), text: json(text) }
        };
        deltas.push(Delta::Begun);
        if let Some(again) = &told.again {
            deltas.extend(again.iter().map(|text| piece("again", text)));
            deltas.push(Delta::Retry);
        }
        deltas.extend(told.pieces.iter().map(|text| piece("i", text)));
        // Only the last one can be broken off.
        if told.whole || at + 1 < messages.len() {
            deltas.push(Delta::Message { text: told.pieces.concat() });
        }
    }
    deltas.push(usage(7));
    deltas.push(END);
    deltas
}

/// What the definition says: the limits over the messages as one text, which may end in one that was given up.
fn defined(messages: &[Told], limits: &Limits) -> (String, &'static str) {
    let mut texts: Vec<String> = Vec::new();
    for told in messages {
        let given_up = told.again.iter().map(|pieces| pieces.concat());
        let tried = joined(texts.iter().cloned().chain(given_up).filter(|text| !text.is_empty()));
        let (mut limiter, mut out) = (Limiter::new(limits), String::new());
        if let Some(reached) = limiter.push(&tried, &mut out) {
            return (out, reason(Some(reached)));
        }
        texts.extend(Some(told.pieces.concat()).filter(|text| !text.is_empty()));
    }
    let (mut limiter, mut out) = (Limiter::new(limits), String::new());
    let reached = limiter.push(&joined(texts), &mut out).or_else(|| limiter.finish(&mut out));
    (out, reason(reached))
}

fn reason(reached: Option<Reached>) -> &'static str {
    match reached {
        Some(Reached::Length) => "length",
        Some(Reached::Stop) | None => "stop",
    }
}

/// What the gatherer makes of it; `None` where a text that went out was begun anew.
fn gathered(messages: &[Told], limits: &Limits, stream: bool) -> Option<(String, &'static str, bool)> {
    let expect = Expect { limits: limits.clone(), ..Expect::default() };
    let mut gather = Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream);
    let mut text = String::new();
    for delta in deltas(messages) {
        match gather.take(delta) {
            Step::Out(Delta::Retry) if !text.is_empty() => return None,
            Step::Quiet | Step::Alive | Step::Called | Step::Out(Delta::Retry) => {}
            Step::Out(delta) => {
                assert!(stream, "a text with limits is held back where the answer is no stream");
                text.push_str(&spoken(&delta));
            }
            Step::Done(closing) => {
                text.push_str(&closing.rest);
                text.extend(closing.text);
                return Some((text, closing.reason.as_str(), gather.usage().is_some()));
            }
            step @ (Step::Again | Step::Failed(_)) => panic!("{step:?}"),
        }
    }
    panic!("no end");
}

fn told() -> impl Strategy<Value = Told> {
    let pieces = || proptest::collection::vec("[ab\n ]{0,4}|.{0,3}", 1..5);
    (pieces(), proptest::option::weighted(0.2, pieces()), proptest::bool::weighted(0.8))
        .prop_map(|(pieces, again, whole)| Told { pieces, again, whole })
}

fn limits() -> impl Strategy<Value = Limits> {
    (proptest::collection::vec("[ab\n ]{1,4}", 0..4), proptest::option::of(1_u64..12))
        .prop_map(|(stop, max_tokens)| Limits { stop, max_tokens })
        .prop_filter("without limits nothing is tested", Limits::any)
}

proptest! {
    #[test]
    fn the_limits_are_those_of_the_whole_text(messages in proptest::collection::vec(told(), 1..4), limits in limits()) {
        let (text, reason) = defined(&messages, &limits);
        let held = gathered(&messages, &limits, false);
        prop_assert_eq!(held.map(|(text, reason, _)| (text, reason)), Some((text.clone(), reason)), "held");
        if let Some((streamed, why, _)) = gathered(&messages, &limits, true) {
            prop_assert_eq!((streamed, why), (text, reason), "streamed");
        }
    }
}

fn plain(text: &str) -> Told {
    Told { pieces: vec![text.into()], again: None, whole: true }
}

#[test]
fn usage_is_told_where_the_model_call_ended() {
    let limits = |stop: &str| Limits { stop: vec![stop.into()], max_tokens: None };
    for stream in [true, false] {
        let cut = gathered(&[plain("one two three")], &limits("two"), stream);
        assert_eq!(cut, Some(("one ".into(), "stop", false)), "interrupted");
        let whole = gathered(&[plain("one two three")], &limits("four"), stream);
        assert_eq!(whole, Some(("one two three".into(), "stop", true)), "ran to its end");
    }
}

#[test]
fn a_stop_text_may_lie_across_two_messages() {
    let limits = Limits { stop: vec!["e\n\nt".into()], max_tokens: None };
    for stream in [true, false] {
        let cut = gathered(&[plain("one"), plain("two")], &limits, stream);
        assert_eq!(cut.map(|(text, ..)| text).as_deref(), Some("on"));
    }
}

#[test]
fn usage_behind_the_end_counts_once() {
    let limits = Limits { stop: vec!["END".into()], max_tokens: None };
    let gather = |stream| {
        let expect = Expect { limits: limits.clone(), ..Expect::default() };
        Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream)
    };
    for stream in [false, true] {
        let mut soon = gather(stream);
        assert!(last(&mut soon, [message("hello END")]).starts_with("done stop"));
        assert_eq!((soon.usage(), soon.late()), (None, Late::Usage), "its message is complete");
        soon.take_late(&text("more"));
        soon.take_late(&usage(5));
        assert_eq!(soon.late(), Late::Nothing);
        soon.take_late(&usage(7));
        assert_eq!(soon.usage().map(|usage| usage.total), Some(5));

        let mut cut = gather(stream);
        assert!(last(&mut cut, [text("hello END")]).starts_with("done stop"));
        assert_eq!(cut.late(), Late::Message, "the model may go on for long");
        cut.take_late(&message("hello END"));
        assert_eq!(cut.late(), Late::Usage);
        cut.take_late(&Delta::Usage(None));
        cut.take_late(&usage(1000));
        assert_eq!((cut.late(), cut.usage()), (Late::Nothing, None), "that is another model call's");

        for other in [Delta::Retry, Delta::Begun, call("1", "f", "{}")] {
            let mut again = gather(stream);
            assert!(last(&mut again, [message("hello END")]).starts_with("done stop"));
            again.take_late(&other);
            assert_eq!((again.late(), again.usage()), (Late::Nothing, None), "{other:?}");
        }
        let expect = Expect { limits: limits.clone(), agent: true, ..Expect::default() };
        let mut agent = Gather::new(Arc::new(expect), "chatcmpl-0", 0, stream);
        assert!(last(&mut agent, [message("hello END")]).starts_with("done stop"));
        assert_eq!((agent.late(), agent.usage()), (Late::Nothing, None), "it would go on working");
    }
}

#[test]
fn what_is_held_back_goes_out_where_an_answer_is_broken_off() {
    let limits = Limits { stop: vec!["END".into()], max_tokens: None };
    let mut gather = Gather::new(Arc::new(Expect { limits, ..Expect::default() }), "chatcmpl-0", 0, true);
    assert!(matches!(gather.take(text("hello EN")), Step::Out(delta) if spoken(&delta) == "hello "));
    assert_eq!(gather.flush(), "EN");
    assert_eq!(gather.flush(), "");
}
