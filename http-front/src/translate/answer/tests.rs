//! Tests of what an answer is.

mod custom;
mod forms;
mod limited;
mod text_tools;

use super::*;
use crate::translate::{
    event::{Cut, End},
    names::Names,
};
use bytes::Bytes;
use serde_json::json;
use shared::app_server::failure::TurnError;

fn gather(shape: Shape, calling: Calling) -> Gather {
    let names = Names::new(["f", "a.b"]);
    Gather::new(Arc::new(Expect { shape, calling, names, ..Expect::default() }), "chatcmpl-0", 0, true)
}

fn any() -> Calling {
    Calling { allowed: Allowed::Any, ..Calling::default() }
}

fn text(text: &str) -> Delta {
    let json = |t: &str| Bytes::from(serde_json::to_vec(t).unwrap());
    Delta::Text { item: json("i"), text: json(text) }
}

/// The text that goes out with a delta, if any does.
fn spoken(delta: &Delta) -> String {
    if let Delta::Message { text } = delta {
        return text.clone();
    }
    let Delta::Text { text, .. } = delta else { return String::new() };
    serde_json::from_slice(text).unwrap()
}

fn message(text: &str) -> Delta {
    Delta::Message { text: text.into() }
}

fn call(id: &str, name: &str, arguments: &str) -> Delta {
    Delta::Call { id: id.into(), name: name.into(), arguments: arguments.into() }
}

fn usage(total: u64) -> Delta {
    Delta::Usage(Some(Tokens { total, ..Tokens::default() }))
}

/// What the deltas came to: each step in a word, and the end.
fn run(gather: &mut Gather, deltas: impl IntoIterator<Item = Delta>) -> Vec<String> {
    let step = |delta| match gather.take(delta) {
        Step::Quiet => "quiet".to_owned(),
        Step::Alive => "alive".to_owned(),
        Step::Called => "called".to_owned(),
        Step::Out(Delta::Text { .. } | Delta::Message { .. }) => "text".to_owned(),
        Step::Out(_) => "out".to_owned(),
        Step::Again => "again".to_owned(),
        Step::Failed(error) => format!("failed {}", error.status().as_u16()),
        Step::Done(closing) => {
            let calls =
                closing.calls.iter().map(|call| format!(" {}:{}:{}", call.id, call.name, call.arguments));
            let text = closing.text.map(|text| format!(" text {text}")).unwrap_or_default();
            let refused = if closing.refusal.is_some() { " refused" } else { "" };
            format!("done {}{text}{refused}{}", closing.reason.as_str(), calls.collect::<String>())
        }
    };
    deltas.into_iter().map(step).collect()
}

fn last(gather: &mut Gather, deltas: impl IntoIterator<Item = Delta>) -> String {
    run(gather, deltas).pop().unwrap()
}

const END: Delta = Delta::End(End::Completed);

#[test]
fn text_goes_out_and_ends_with_the_turn() {
    let mut plain = gather(Shape::Text, Calling::default());
    let steps =
        run(&mut plain, [Delta::Alive, Delta::Begun, text("a"), message("a"), usage(3), usage(4), END]);
    assert_eq!(steps, ["alive", "alive", "text", "text", "alive", "alive", "done stop"]);
    assert_eq!(plain.usage().unwrap().total, 7);
}

#[test]
fn calls_are_complete_with_their_usage() {
    let deltas = [message("let me"), call("1", "f", "{\"x\": 1}"), call("2", "a_b", ""), usage(3)];
    let steps = run(&mut gather(Shape::Text, any()), deltas);
    assert_eq!(steps, ["text", "called", "called", "done tool_calls 1:f:{\"x\": 1} 2:a.b:{}"]);
}

#[test]
fn calls_are_complete_where_the_upstream_does_not_tell_what_they_used() {
    let mut untold = gather(Shape::Text, any());
    assert_eq!(last(&mut untold, [call("1", "f", "{}"), Delta::Usage(None)]), "done tool_calls 1:f:{}");
    assert!(untold.usage().is_none());
    let mut half = gather(Shape::Object, any());
    last(&mut half, [message("no"), usage(1), END, message("{}"), Delta::Usage(None), END]);
    assert!(half.usage().is_none(), "a part of it is not what was used");
}

#[test]
fn one_call_where_one_is_asked_for_and_the_old_form() {
    let deltas = || [call("1", "f", "{}"), call("2", "f", "{}"), usage(1)];
    let single = Calling { single: true, ..any() };
    assert_eq!(last(&mut gather(Shape::Text, single.clone()), deltas()), "done tool_calls 1:f:{}");
    let legacy = Calling { legacy: true, ..single };
    assert_eq!(last(&mut gather(Shape::Text, legacy), deltas()), "done function_call 1:f:{}");
}

#[test]
fn ids_are_usable_and_distinct() {
    let long = "x".repeat(65);
    let deltas =
        [call("1", "f", "{}"), call("1", "f", "{}"), call(&long, "f", "{}"), call("", "f", "{}"), usage(1)];
    assert_eq!(
        last(&mut gather(Shape::Text, any()), deltas),
        "done tool_calls 1:f:{} call_0_1:f:{} call_0_2:f:{} call_0_3:f:{}"
    );
}

#[test]
fn calls_that_nobody_can_answer_are_failures() {
    assert_eq!(last(&mut gather(Shape::Text, any()), [call("1", "f", "{bad")]), "failed 502");
    assert_eq!(last(&mut gather(Shape::Text, Calling::default()), [call("1", "f", "{}")]), "failed 502");
    let only = Calling { allowed: Allowed::Only(vec!["f".into()]), ..any() };
    assert_eq!(last(&mut gather(Shape::Text, only.clone()), [call("1", "g", "{}")]), "failed 502");
    assert_eq!(
        last(&mut gather(Shape::Text, only), [call("1", "f", "{}"), usage(1)]),
        "done tool_calls 1:f:{}"
    );
    assert_eq!(last(&mut gather(Shape::Text, any()), [Delta::Foreign]), "failed 502");
    let unheard = last(&mut gather(Shape::Text, any()), [call("1", "unheard", "{}"), usage(1)]);
    assert_eq!(
        unheard, "done tool_calls 1:unheard:{}",
        "the client tells the model that there is no such function"
    );
}

#[test]
fn a_retry_behind_a_call_fails_and_one_before_is_waited_for() {
    assert_eq!(last(&mut gather(Shape::Text, any()), [call("1", "f", "{}"), Delta::Retry]), "failed 502");
    let steps = run(&mut gather(Shape::Object, any()), [text("{\"a\""), Delta::Retry, message("{}"), END]);
    assert_eq!(steps, ["alive", "out", "alive", "done stop text {}"]);
}

#[test]
fn an_object_is_read_and_asked_for_once_more() {
    let mut object = gather(Shape::Object, any());
    assert_eq!(last(&mut object, [message("```json\n{\"a\": 1}\n```"), END]), "done stop text {\"a\": 1}");
    let mut twice = gather(Shape::Object, any());
    let steps = run(&mut twice, [message("no"), usage(1), END, message("{}"), usage(2), END]);
    assert_eq!(steps, ["alive", "alive", "again", "alive", "alive", "done stop text {}"]);
    assert_eq!(twice.usage().unwrap().total, 3);
    let mut never = gather(Shape::Object, any());
    assert_eq!(last(&mut never, [message("no"), END, message("never"), END]), "failed 502");
    let mut called = gather(Shape::Object, any());
    assert_eq!(last(&mut called, [call("1", "f", "{}"), usage(1)]), "done tool_calls 1:f:{}");
    let mut cut = gather(Shape::Object, any());
    let cut = last(&mut cut, [text("{\"a\": "), Delta::End(End::Incomplete(Cut::Length))]);
    assert_eq!(cut, "done length text {\"a\": ");
}

#[test]
fn a_form_is_looked_for_in_the_last_message() {
    let mut object = gather(Shape::Object, any());
    assert_eq!(
        last(&mut object, [message("Let me think."), message("{\"a\":1}"), END]),
        "done stop text {\"a\":1}"
    );
    let mut first = gather(Shape::Object, any());
    assert_eq!(
        last(&mut first, [message("{\"a\":1}"), message("That's it."), END]),
        "done stop text {\"a\":1}"
    );
}

#[test]
fn a_dropped_second_call_may_be_whatever_it_is() {
    let single = Calling { single: true, ..any() };
    let deltas = [call("1", "f", "{}"), call("2", "f", "{bad"), usage(1)];
    assert_eq!(last(&mut gather(Shape::Text, single), deltas), "done tool_calls 1:f:{}");
}

#[test]
fn a_message_that_is_never_completed_is_a_refusal() {
    let mut plain = gather(Shape::Text, any());
    assert_eq!(last(&mut plain, [Delta::Begun, usage(3), END]), "done stop refused");
    let mut object = gather(Shape::Object, any());
    assert_eq!(last(&mut object, [Delta::Begun, END]), "done stop refused");
    let mut partial = gather(Shape::Text, any());
    let deltas = [Delta::Begun, text("a"), END];
    assert_eq!(last(&mut partial, deltas), "done stop", "an upstream that doesn't complete its messages");
    let mut both = gather(Shape::Text, any());
    assert_eq!(last(&mut both, [Delta::Begun, message("a"), Delta::Begun, END]), "done stop refused");
    let mut empty = gather(Shape::Text, any());
    assert_eq!(last(&mut empty, [END]), "done stop");
}

#[test]
fn failures_of_the_turn_are_the_answers() {
    let failed = TurnError {
        message: "m".into(),
        codex_error_info: Some(json!("serverOverloaded")),
        additional_details: None,
    };
    assert_eq!(
        last(&mut gather(Shape::Text, any()), [Delta::End(End::Failed(Box::new(failed)))]),
        "failed 503"
    );
    assert_eq!(last(&mut gather(Shape::Text, any()), [Delta::End(End::Lost)]), "failed 502");
}

mod agent;
