//! Tests of the pairing of calls and results.

use super::{calls::fits, *};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::HashSet;

fn read(messages: &Value) -> (Vec<String>, Vec<&'static str>) {
    let text = messages.to_string();
    let messages: Vec<Message<'_>> = serde_json::from_str(&text).unwrap();
    let (entries, repairs) = entries(&messages, &Customs::default()).unwrap();
    let shown = entries.iter().map(|entry| match entry {
        Entry::Message { role, said } => format!("{role:?} {}", shown(*said)),
        Entry::Call { id, name, arguments } => format!("call {id} {name} {arguments}"),
        Entry::Output { id, said } => format!("output {id} {}", shown(*said)),
    });
    (shown.collect(), repairs.into_iter().map(Repair::as_str).collect())
}

fn shown(said: Said<'_>) -> String {
    match said {
        Said::Text(text) => text.to_owned(),
        Said::Parts(parts) => {
            parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("+")
        }
    }
}

fn refused(messages: &Value) -> Value {
    let text = messages.to_string();
    let messages: Vec<Message<'_>> = serde_json::from_str(&text).unwrap();
    let error = entries(&messages, &Customs::default()).unwrap_err();
    serde_json::from_slice::<Value>(&error.body()).unwrap()["error"]["param"].take()
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn calling(content: Value, calls: &[Value]) -> Value {
    json!({"role": "assistant", "content": content, "tool_calls": calls})
}

fn result(id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": text})
}

#[test]
fn rounds_of_parallel_calls_stay_as_they_are() {
    let (entries, repairs) = read(&json!([
        {"role": "user", "content": "go"},
        calling(json!("let me"), &[call("a", "f", "{}"), call("b", "g", "{\"x\":1}")]),
        result("b", "rb"), result("a", "ra"),
        calling(Value::Null, &[call("c", "f", "{}")]),
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}]},
        {"role": "assistant", "content": "done"},
    ]));
    assert_eq!(
        entries,
        [
            "User go",
            "Assistant let me",
            "call a f {}",
            "call b g {\"x\":1}",
            "output b rb",
            "output a ra",
            "call c f {}",
            "output c 1+2",
            "Assistant done",
        ]
    );
    assert!(repairs.is_empty(), "{repairs:?}");
}

#[test]
fn a_call_without_a_result_gets_one_behind_its_neighbours() {
    let (entries, repairs) = read(&json!([
        calling(json!(""), &[call("a", "f", "{}"), call("b", "f", "{}")]),
        result("b", "rb"),
        {"role": "user", "content": "never mind"},
        calling(Value::Null, &[call("c", "f", "{}")]),
    ]));
    let lacking = |id: &str| format!("output {id} {NO_RESULT}");
    assert_eq!(
        entries,
        [
            "call a f {}".to_owned(),
            "call b f {}".into(),
            "output b rb".into(),
            lacking("a"),
            "User never mind".into(),
            "call c f {}".into(),
            lacking("c"),
        ]
    );
    assert_eq!(repairs, ["missing_tool_output"]);
}

#[test]
fn a_result_without_a_call_gets_one_and_keeps_its_text() {
    let (entries, repairs) = read(&json!([
        {"role": "user", "content": "x"},
        result("a", "lost"),
        calling(Value::Null, &[call("b", "f", "{}")]),
        result("b", "first"), result("b", "second"),
    ]));
    assert_eq!(entries[1..3], ["call a unknown_function {}", "output a lost"]);
    assert_eq!(entries[3..5], ["call b f {}", "output b first"]);
    assert!(entries[5].starts_with("call call_") && entries[5].ends_with(" f {}"), "{}", entries[5]);
    assert!(entries[6].ends_with(" second"), "{}", entries[6]);
    assert_eq!(repairs, ["orphan_tool_output", "tool_call_id"]);
}

#[test]
fn ids_that_begin_anew_in_each_round_are_told_apart() {
    let round = |text: &str| vec![calling(Value::Null, &[call("0", "f", text)]), result("0", text)];
    let (entries, repairs) = read(&Value::from([round("1"), round("2"), round("3")].concat()));
    let mut seen = HashSet::new();
    for pair in entries.chunks(2) {
        let (call, output): (Vec<&str>, Vec<&str>) =
            (pair[0].split(' ').collect(), pair[1].split(' ').collect());
        assert_eq!((call[1], call[3]), (output[1], output[2]));
        assert!(seen.insert(call[1].to_owned()), "{}", call[1]);
    }
    assert_eq!(repairs, ["tool_call_id"]);
}

#[test]
fn long_and_empty_ids_go_up_as_others() {
    let long = "c".repeat(86);
    let (entries, repairs) = read(&json!([
        calling(Value::Null, &[call(&long, "f", "{}"), call("", "f", "{}")]),
        result(&long, "1"),
        result("", "2"),
    ]));
    let id = |at: usize| entries[at].split(' ').nth(1).unwrap();
    assert!(fits(id(0)) && fits(id(1)) && id(0) != id(1));
    assert_eq!((id(2), id(3)), (id(0), id(1)));
    assert_eq!(repairs, ["tool_call_id"]);
}

#[test]
fn the_old_form_is_joined_by_name_and_order() {
    let (entries, repairs) = read(&json!([
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": null},
    ]));
    let ids: Vec<&str> = entries.iter().map(|entry| entry.split(' ').nth(1).unwrap()).collect();
    assert_eq!((ids[0], ids[2]), (ids[1], ids[3]));
    assert!(ids[0] != ids[2] && repairs.is_empty(), "{entries:?} {repairs:?}");
}

#[test]
fn a_refusal_goes_up_as_text() {
    let (entries, repairs) = read(&json!([
        {"role": "assistant", "content": null, "refusal": "I can't."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "assistant", "content": "plain", "refusal": null},
    ]));
    assert_eq!(entries.len(), 3);
    assert_eq!((entries[0].as_str(), entries[2].as_str()), ("Assistant I can't.", "Assistant plain"));
    assert_eq!(repairs, ["refusal_as_text"]);
}

#[test]
fn what_cannot_be_carried_is_named() {
    assert_eq!(refused(&json!([{"role": "tool", "content": "x"}])), "messages[0].tool_call_id");
    assert_eq!(refused(&json!([{"role": "function", "content": "x"}])), "messages[0].name");
    assert_eq!(refused(&json!([{"role": "user"}])), "messages[0].content");
    assert_eq!(refused(&json!([{"role": "assistant", "content": null}])), "messages[0].content");
    assert_eq!(
        refused(&json!([{"role": "assistant", "content": "", "audio": {"id": "a"}}])),
        "messages[0].audio"
    );
    let other = |kind: &str| json!([{"role": "assistant", "tool_calls": [{"id": "a", "type": kind, "function": {"name": "f", "arguments": ""}}]}]);
    assert_eq!(refused(&other("mcp")), "messages[0].tool_calls[0].type");
    assert_eq!(refused(&other("custom")), "messages[0].tool_calls[0].custom");
    let without = json!([{"role": "assistant", "tool_calls": [{"id": "a"}]}]);
    assert_eq!(refused(&without), "messages[0].tool_calls[0].function");
}

/// A step of a conversation as clients send them, wrong ones among them.
fn step() -> impl Strategy<Value = Value> {
    let id = prop_oneof!["[ab]", Just(String::new()), Just("x".repeat(70)), Just("ü".to_owned())];
    let text = "[a-z]{1,3}";
    prop_oneof![
        (prop_oneof![Just("user"), Just("system"), Just("developer"), Just("assistant")], text)
            .prop_map(|(role, text)| json!({"role": role, "content": text})),
        (id.clone(), text).prop_map(|(id, text)| result(&id, &text)),
        (proptest::option::of(text), proptest::collection::vec((id, text), 1..4)).prop_map(
            |(content, calls)| {
                let calls: Vec<Value> =
                    calls.iter().map(|(id, text)| call(id, "f", &format!("\"{text}\""))).collect();
                calling(json!(content), &calls)
            }
        ),
        text.prop_map(|text| json!({"role": "function", "name": "g", "content": text})),
        text.prop_map(|text| {
            json!({"role": "assistant", "function_call": {"name": "g", "arguments": format!("\"{text}\"")}})
        }),
    ]
}

/// What the client said, in order.
fn contents(messages: &[Value]) -> Vec<String> {
    let mut all = Vec::new();
    for message in messages {
        all.extend(message["content"].as_str().map(str::to_owned));
        let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["function"]);
        let calls = calls.chain(message.get("function_call"));
        all.extend(calls.filter_map(|called| called["arguments"].as_str().map(str::to_owned)));
    }
    all
}

proptest! {
    /// Every call has one result, behind it, and an id of its own; what was said arrives once and in order.
    #[test]
    fn any_history_is_whole(messages in proptest::collection::vec(step(), 0..14)) {
        let text = Value::from(messages.clone()).to_string();
        let parsed: Vec<Message<'_>> = serde_json::from_str(&text).unwrap();
        let (entries, _) = entries(&parsed, &Customs::default()).unwrap();
        let mut open = HashSet::new();
        let mut called = HashSet::new();
        let mut said = Vec::new();
        for entry in &entries {
            match entry {
                Entry::Message { said: text, .. } => said.push(shown(*text)),
                Entry::Call { id, arguments, .. } => {
                    prop_assert!(fits(id) && called.insert(id.clone()), "{id}");
                    open.insert(id.clone());
                    if *arguments != "{}" {
                        said.push(arguments.clone().into_owned());
                    }
                }
                Entry::Output { id, said: text } => {
                    prop_assert!(open.remove(id), "{id} was not open");
                    let text = shown(*text);
                    if text != NO_RESULT {
                        said.push(text);
                    }
                }
            }
        }
        prop_assert!(open.is_empty(), "without a result: {open:?}");
        prop_assert_eq!(said, contents(&messages));
    }
}
