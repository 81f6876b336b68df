//! Functions that the model may call: what goes up, what comes back, and that each round is one request upstream.

mod calls;
mod choice;
mod custom;
mod history;

use crate::support::{Got, Stage, message};
use gateway_tests::{pair::Builder, upstream::Reply};
use serde_json::{Value, json};

/// A function with one number.
pub(crate) fn adder(name: &str) -> Value {
    json!({"type": "function", "function": {
        "name": name,
        "description": "Adds.",
        "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    }})
}

/// A request with these functions.
pub(crate) fn offering(tools: &[Value], stream: bool) -> Value {
    json!({"model": "codex-5", "messages": [message("user", "Go.")], "tools": tools, "stream": stream})
}

/// A pair whose codex reads the system's CA store for every request, as it does where the operator chose no smaller one.
/// That takes it about 15 ms, in which the interrupt of a turn that must not go on is there for certain; with a bundle of
/// one certificate it is 1.5 ms, and on a busy machine the model may be asked once more before the interrupt comes.
pub(crate) async fn unhurried() -> Stage {
    Stage::with(|url| Builder::real(url).expect("a home").daemon("WORKER_CA_BUNDLE", "")).await
}

/// Asks, and shows afterwards that the model was asked just once: codex would ask it again by itself for a call that
/// it can't make.
pub(crate) async fn once(stage: &Stage, reply: Reply, body: &Value) -> Got {
    let got = stage.ask([reply], body).await;
    // Whatever the turn still does is done when the next one has ended.
    let after = json!({"model": "codex-5", "messages": [message("user", "Go on.")]});
    assert_eq!(stage.ask([Reply::new().text("ok")], &after).await.content(), "ok");
    stage.check_upstream();
    got
}

/// The calls of an answer, whole or put together from chunks as the SDKs do it, and why it ended.
pub(crate) fn calls(got: &Got, stream: bool) -> (Vec<(String, String, String)>, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if !stream {
        let object = got.json();
        let choice = &object["choices"][0];
        let calls = choice["message"]["tool_calls"].as_array().into_iter().flatten();
        let calls = calls.map(|call| {
            assert_eq!(call["type"], "function");
            (text(&call["id"]), text(&call["function"]["name"]), text(&call["function"]["arguments"]))
        });
        return (calls.collect(), text(&choice["finish_reason"]));
    }
    let mut calls: Vec<(String, String, String)> = Vec::new();
    let mut reason = String::new();
    for chunk in got.stream().chunks() {
        let choice = &chunk["choices"][0];
        for delta in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let at = usize::try_from(delta["index"].as_u64().expect("an index")).expect("a small one");
            if at == calls.len() {
                assert_eq!(delta["type"], "function");
                calls.push((text(&delta["id"]), text(&delta["function"]["name"]), String::new()));
            } else {
                assert!(delta.get("id").is_none() && delta["function"].get("name").is_none(), "{delta}");
            }
            calls[at].2.push_str(&text(&delta["function"]["arguments"]));
        }
        reason.push_str(choice["finish_reason"].as_str().unwrap_or_default());
    }
    (calls, reason)
}

/// Triples of owned texts.
pub(crate) fn owned(calls: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    calls.iter().map(|(id, name, arguments)| ((*id).into(), (*name).into(), (*arguments).into())).collect()
}
