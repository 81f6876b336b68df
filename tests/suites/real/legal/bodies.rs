//! Whole requests.

use super::{messages::messages, schemas, tools};
use proptest::{option, prelude::*, sample::select};
use serde_json::{Value, json};

/// A request that OpenAI's own API takes.
pub(super) fn body() -> BoxedStrategy<Value> {
    let others = option::of(select(&["low", "medium", "high"][..]));
    (messages(), tools::members(), form(), any::<bool>(), others)
        .prop_map(|(mut messages, members, form, stream, effort)| {
            if form.as_ref().is_some_and(|form| form["type"] == "json_object") {
                messages.push(json!({"role": "user", "content": "Say it in JSON."}));
            }
            let mut body = json!({"model": "codex-5", "messages": messages, "stream": stream});
            if stream {
                body["stream_options"] = json!({"include_usage": true});
            }
            body.as_object_mut()
                .expect("an object")
                .extend(members.into_iter().map(|(name, v)| (name.to_owned(), v)));
            if let Some(form) = form {
                body["response_format"] = form;
            }
            if let Some(effort) = effort {
                body["reasoning_effort"] = effort.into();
            }
            body
        })
        .boxed()
}

fn form() -> BoxedStrategy<Option<Value>> {
    let named = |(schema, strict, description): (Value, Option<bool>, Option<String>)| {
        let mut named = json!({"name": "the-answer_1", "schema": schema});
        if let Some(strict) = strict {
            named["strict"] = strict.into();
        }
        if let Some(description) = description {
            named["description"] = description.into();
        }
        Some(json!({"type": "json_schema", "json_schema": named}))
    };
    let loose = (schemas::answer(), select(&[None, Some(false)][..]), option::of("[a-z ]{1,9}"));
    let strict = (schemas::strict(), Just(Some(true)), option::of("[a-z ]{1,9}"));
    let any_strict = (schemas::answer(), Just(Some(true)), Just(None));
    prop_oneof![
        10 => Just(None),
        1 => Just(Some(json!({"type": "text"}))),
        1 => Just(Some(json!({"type": "json_object"}))),
        3 => loose.prop_map(named),
        2 => strict.prop_map(named),
        1 => any_strict.prop_map(named),
    ]
    .boxed()
}
