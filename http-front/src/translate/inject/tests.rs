//! Tests of the operator's prompt in conversations.

use super::*;
use crate::openai::{message::numbered, object::array};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
struct Conversation<'a>(#[serde(borrow, deserialize_with = "array")] Vec<Message<'a>>);

/// Each message as it is: all that is said, nothing but the borrowed form left out.
fn shown(messages: &[Message<'_>]) -> Vec<String> {
    messages.iter().map(|message| format!("{message:?}")).collect()
}

/// The messages after the injection, as role and content.
fn injected(mode: Injection, prompt: &str, messages: &Value) -> Value {
    let text = messages.to_string();
    let Conversation(mut messages) = serde_json::from_str(&text).unwrap();
    inject(mode, prompt, &mut messages).unwrap();
    messages
        .iter()
        .map(|message| {
            let content = match &message.content {
                None => Value::Null,
                Some(Content::Text(text)) => json!(text),
                Some(Content::Parts(parts)) => parts.iter().map(|part| json!(part.text.as_deref())).collect(),
            };
            json!([format!("{:?}", message.role), content])
        })
        .collect()
}

#[test]
fn an_override_replaces_the_first_system_message_alone() {
    let messages = json!([
        {"role": "user", "content": "a"},
        {"role": "developer", "content": [{"type": "text", "text": "b"}], "name": "x"},
        {"role": "system", "content": "c"},
    ]);
    assert_eq!(
        injected(Injection::Override, "T", &messages),
        json!([["User", "a"], ["Developer", "T"], ["System", "c"]])
    );
    assert_eq!(
        injected(Injection::Override, "T", &json!([{"role": "user", "content": "a"}])),
        json!([["System", "T"], ["User", "a"]])
    );
}

#[test]
fn an_appended_prompt_stands_behind_a_blank_line_and_parts_stay_parts() {
    let after = |content: Value| {
        injected(Injection::Append, "T", &json!([{"role": "system", "content": content}]))[0][1].clone()
    };
    assert_eq!(after(json!("S")), "S\n\nT");
    assert_eq!(after(json!("")), "T");
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(after(json!([text("a"), text("b")])), json!(["a", "b\n\nT"]));
    assert_eq!(
        injected(Injection::Append, "T", &json!([{"role": "user", "content": "a"}])),
        json!([["System", "T"], ["User", "a"]])
    );
}

/// Whether a bad message is refused must not depend on what the operator puts into it.
#[test]
fn a_message_that_would_be_refused_is_refused_with_a_prompt_too() {
    let param = |mode, first: Value| {
        let text = json!([{"role": "user", "content": "a"}, first]).to_string();
        let Conversation(mut messages) = serde_json::from_str(&text).unwrap();
        inject(mode, "T", &mut messages).err().and_then(|error| error.param().map(str::to_owned))
    };
    let image = json!({"type": "image_url", "image_url": {"url": "u"}});
    for role in ["system", "developer"] {
        for (first, at) in [
            (json!({"role": role}), "messages[1].content"),
            (json!({"role": role, "content": null}), "messages[1].content"),
            (json!({"role": role, "content": []}), "messages[1].content"),
            (json!({"role": role, "content": [image]}), "messages[1].content[0].type"),
            (json!({"role": role, "content": [{"type": "text"}]}), "messages[1].content[0].text"),
        ] {
            for mode in [Injection::Override, Injection::Append] {
                assert_eq!(param(mode, first.clone()).as_deref(), Some(at), "{mode:?}");
            }
            assert_eq!(param(Injection::Disabled, first), None, "it is looked at later");
        }
    }
    // The other messages are looked at later.
    let fine = json!({"role": "system", "content": "S", "name": "x"});
    assert_eq!(param(Injection::Override, fine), None);
}

#[test]
fn nothing_is_changed_where_there_is_nothing_to_say_or_to_say_it_to() {
    let messages = json!([{"role": "system", "content": "S"}]);
    let same = json!([["System", "S"]]);
    assert_eq!(injected(Injection::Disabled, "T", &messages), same);
    assert_eq!(injected(Injection::Override, " \n\t", &messages), same);
    assert_eq!(injected(Injection::Append, "", &messages), same);
    assert_eq!(injected(Injection::Override, "T", &json!([])), json!([]));
}

#[test]
fn the_model_is_filled_in_wherever_it_is_named() {
    assert_eq!(filled("You are {model}, {model}.", "gpt-5.5"), "You are gpt-5.5, gpt-5.5.");
    assert_eq!(filled("{model}", "{model}"), "{model}");
    assert_eq!(filled("{ model }", "m"), "{ model }");
    assert_eq!(filled("{model}", &"m".repeat(LONGEST_MODEL + 1)), "{model}");
}

fn message() -> impl Strategy<Value = Value> {
    let role = prop::sample::select(vec!["system", "developer", "user", "assistant", "tool", "function"]);
    let part = prop_oneof![
        "[ab]{0,3}".prop_map(|text| json!({"type": "text", "text": text})),
        Just(json!({"type": "image_url", "image_url": {"url": "u"}})),
        Just(json!({"type": "text"})),
    ];
    let content = prop_oneof![
        Just(Value::Null),
        "[ab]{0,3}".prop_map(Value::from),
        prop::collection::vec(part, 0..3).prop_map(Value::from),
    ];
    (role, content, prop::option::of("[ab]"))
        .prop_map(|(role, content, name)| json!({"role": role, "content": content, "name": name}))
}

proptest! {
    /// Every message but the first system message stays, in its order and with its number; and the prompt is there.
    #[test]
    fn all_but_the_first_system_message_stay(
        messages in prop::collection::vec(message(), 0..6),
        mode in prop::sample::select(vec![Injection::Override, Injection::Append, Injection::Disabled]),
        prompt in prop::sample::select(vec!["T", "Tx\ny", " ", ""]),
    ) {
        let text = Value::from(messages).to_string();
        let Conversation(before) = serde_json::from_str(&text).unwrap();
        let Conversation(mut after) = serde_json::from_str(&text).unwrap();
        let done = inject(mode, prompt, &mut after);
        let first = before.iter().position(|m| matches!(m.role, Role::System | Role::Developer));
        let fine = |at: usize| items::check_message(at, &before[at]).is_ok() && history::said(at, &before[at]).is_ok();
        let refused = mode != Injection::Disabled && !prompt.trim().is_empty() && !first.is_none_or(fine);
        prop_assert_eq!(done.is_err(), refused);
        let changes = mode != Injection::Disabled && !prompt.trim().is_empty() && !before.is_empty() && !refused;
        let (mut old, mut new) = (shown(&before), shown(&after));
        if changes {
            let at = first.unwrap_or(0);
            prop_assert!(new[at].contains('T'));
            prop_assert_eq!(after[at].added, first.is_none());
            new.remove(at);
            if first.is_some() {
                old.remove(at);
            }
        }
        prop_assert_eq!(old, new);
        // The number that errors name is that of the client's own message.
        let own: Vec<usize> = numbered(&after).filter(|(_, m)| !m.added).map(|(at, _)| at).collect();
        prop_assert_eq!(own, (0..before.len()).collect::<Vec<_>>());
    }
}
