//! Conversations: whole ones, cut ones, edited ones.

use super::texts::{arguments, id, name, text};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

/// PNGs of a few pixels, each another one.
const PNGS: &[&str] = &[
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mNg+M8AAAICAQBF9FLUAAAAAElFTkSuQmCC",
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAD0lEQVR42mNgYPgPQzAWADXeBftb7dzZAAAAAElFTkSuQmCC",
];

/// A conversation.
pub(super) fn messages() -> BoxedStrategy<Vec<Value>> {
    let some = vec(steps(), 1..8).prop_map(|steps| steps.concat());
    some.boxed()
}

/// What comes one after the other: a message, or a round of calls and results.
fn steps() -> BoxedStrategy<Vec<Value>> {
    prop_oneof![
        4 => said().prop_map(|message| vec![message]),
        2 => assistant().prop_map(|message| vec![message]),
        2 => result().prop_map(|message| vec![message]),
        5 => round(),
        1 => old_round(),
    ]
    .boxed()
}

fn said() -> BoxedStrategy<Value> {
    let told =
        (select(&["system", "developer"][..]), prop_oneof![text().prop_map(Value::from), parts(part())]);
    let asked = (Just("user"), prop_oneof![text().prop_map(Value::from), parts(part_or_image())]);
    let name = option::weighted(0.1, text());
    (prop_oneof![1 => told, 2 => asked], name)
        .prop_map(|((role, content), name)| {
            let mut message = json!({"role": role, "content": content});
            if let Some(name) = name {
                message["name"] = name.into();
            }
            message
        })
        .boxed()
}

fn part() -> BoxedStrategy<Value> {
    text().prop_map(|text| json!({"type": "text", "text": text})).boxed()
}

fn part_or_image() -> BoxedStrategy<Value> {
    let detail = option::of(select(&["auto", "low", "high"][..]));
    let image = (select(PNGS), detail).prop_map(|(png, detail)| {
        let mut image = json!({"url": format!("data:image/png;base64,{png}")});
        if let Some(detail) = detail {
            image["detail"] = detail.into();
        }
        json!({"type": "image_url", "image_url": image})
    });
    prop_oneof![3 => part(), 1 => image].boxed()
}

fn parts(part: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    vec(part, 1..4).prop_map(Value::from).boxed()
}

/// A message of the model that calls nothing.
fn assistant() -> BoxedStrategy<Value> {
    let refusal = text().prop_map(|text| json!({"type": "refusal", "refusal": text}));
    let content = prop_oneof![
        3 => text().prop_map(Value::from),
        1 => parts(prop_oneof![3 => part(), 1 => refusal].boxed()),
    ];
    let plain = (content, any::<bool>()).prop_map(|(content, null)| {
        let mut message = json!({"role": "assistant", "content": content});
        if null {
            for name in ["refusal", "tool_calls", "function_call", "audio"] {
                message[name] = Value::Null;
            }
        }
        message
    });
    let refused = (option::of(Just(Value::Null)), "[a-z ]{1,9}").prop_map(|(content, refusal)| {
        let mut message = json!({"role": "assistant", "refusal": refusal});
        if let Some(content) = content {
            message["content"] = content;
        }
        message
    });
    prop_oneof![4 => plain, 1 => refused].boxed()
}

fn call() -> BoxedStrategy<Value> {
    (id(), name(), arguments())
        .prop_map(|(id, name, arguments)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .boxed()
}

fn calling() -> BoxedStrategy<Value> {
    let content = prop_oneof![
        3 => Just(Some(Value::Null)),
        1 => Just(None),
        2 => text().prop_map(|text| Some(text.into())),
        1 => parts(part()).prop_map(Some),
    ];
    (vec(call(), 1..4), content)
        .prop_map(|(calls, content)| {
            let mut message = json!({"role": "assistant", "tool_calls": calls});
            if let Some(content) = content {
                message["content"] = content;
            }
            message
        })
        .boxed()
}

/// Calls and what they gave: in another order, not all of it, or with something in between.
fn round() -> BoxedStrategy<Vec<Value>> {
    let outputs = vec((output(), any::<prop::sample::Index>(), 0..10_u8), 4);
    (calling(), outputs, option::weighted(0.2, said()))
        .prop_map(|(calling, outputs, between)| {
            let ids: Vec<Value> = calling["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|call| call["id"].clone())
                .collect();
            let mut messages = vec![calling];
            messages.extend(between);
            let first = messages.len();
            for (id, (content, place, fate)) in ids.into_iter().zip(outputs) {
                let result = json!({"role": "tool", "tool_call_id": id, "content": content});
                match fate {
                    0 => {}
                    1 => messages.extend([result.clone(), result]),
                    _ => messages.insert(first + place.index(messages.len() - first + 1), result),
                }
            }
            messages
        })
        .boxed()
}

fn output() -> BoxedStrategy<Value> {
    prop_oneof![4 => text().prop_map(Value::from), 1 => parts(part_or_image())].boxed()
}

/// A result that may belong to nothing.
fn result() -> BoxedStrategy<Value> {
    let name = option::weighted(0.2, name().prop_filter("a name", |name| !name.is_empty()));
    let tool = (id(), output(), name).prop_map(|(id, content, name)| {
        let mut message = json!({"role": "tool", "tool_call_id": id, "content": content});
        if let Some(name) = name {
            message["name"] = name.into();
        }
        message
    });
    let function = (old_name(), option::of(text()))
        .prop_map(|(name, content)| json!({"role": "function", "name": name, "content": content}));
    prop_oneof![3 => tool, 1 => function].boxed()
}

fn old_name() -> BoxedStrategy<String> {
    prop_oneof![2 => select(&["f", "g", "a.b"][..]).prop_map(str::to_owned), 1 => name()]
        .prop_filter("a name", |name| !name.is_empty())
        .boxed()
}

/// The old form of a round.
fn old_round() -> BoxedStrategy<Vec<Value>> {
    let answered = prop::bool::weighted(0.8);
    (old_name(), arguments(), option::of(text()), answered, text())
        .prop_map(|(name, arguments, content, answered, result)| {
            let call = json!({"role": "assistant", "content": content, "function_call": {"name": name, "arguments": arguments}});
            let result = json!({"role": "function", "name": name, "content": result});
            if answered { vec![call, result] } else { vec![call] }
        })
        .boxed()
}
