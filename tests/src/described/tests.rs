use super::{Shape, faults, openapi, stream_faults};
use serde_json::{Value, json};

fn chunk() -> Value {
    json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": null }],
    })
}

fn failure() -> Value {
    json!({ "error": { "message": "m", "type": "server_error", "param": null, "code": null, "retryable": true } })
}

fn frames(frames: &[Value]) -> String {
    frames.iter().map(|frame| format!("data: {frame}\n\n")).collect()
}

/// `value` with something else at a place.
fn with(mut value: Value, place: &str, other: Value) -> Value {
    let (parent, name) = place.rsplit_once('/').expect("a place");
    value.pointer_mut(parent).expect("a parent")[name] = other;
    value
}

#[test]
fn what_is_not_as_described_is_seen() {
    let card = json!({ "id": "m", "object": "model", "created": 1, "owned_by": "o" });
    let told = json!({
        "id": "m", "object": "model", "created": 1, "owned_by": "o", "context_length": 7,
        "top_provider": { "max_completion_tokens": 1 }, "codex": { "model": "m" },
    });
    let call =
        json!([{ "index": 0, "id": "c", "type": "function", "function": { "name": "f", "arguments": "" } }]);
    let called = with(chunk(), "/choices/0/delta/tool_calls", call);
    let call = json!([{ "index": 0, "id": "c", "type": "custom", "custom": { "name": "f", "input": "" } }]);
    let custom = with(chunk(), "/choices/0/delta/tool_calls", call);
    let call = json!([{ "id": "c", "type": "custom", "custom": { "name": "f", "input": "t" } }]);
    let whole = json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{
            "index": 0, "logprobs": null, "finish_reason": "tool_calls",
            "message": { "role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": call },
        }],
    });
    for (shape, good, bad) in [
        (Shape::Model, &card, vec![("/created", json!("now")), ("/id", Value::Null), ("/owner", json!("o"))]),
        (
            Shape::Model,
            &told,
            vec![
                ("/context_length", Value::Null),
                ("/codex/models", json!("m")),
                ("/top_provider", json!({})),
            ],
        ),
        (Shape::Chunk, &chunk(), vec![("/choices/0/finish_reason", json!("done")), ("/choise", json!([]))]),
        (
            Shape::Chunk,
            &called,
            vec![
                ("/choices/0/delta/tool_calls/0/index", Value::Null),
                ("/choices/0/delta/tool_calls/0/function/args", json!("")),
                ("/choices/0/delta/tool_calls/0/function/arguments", json!({})),
            ],
        ),
        (
            Shape::Chunk,
            &custom,
            vec![
                ("/choices/0/delta/tool_calls/0/type", json!("function")),
                ("/choices/0/delta/tool_calls/0/custom/input", Value::Null),
                ("/choices/0/delta/tool_calls/0/custom/arguments", json!("")),
            ],
        ),
        (
            Shape::Completion,
            &whole,
            vec![
                ("/choices/0/message/tool_calls/0/type", json!("function")),
                ("/choices/0/message/tool_calls/0/custom/input", json!({})),
            ],
        ),
        (
            Shape::Texts,
            &json!({
                "id": "c", "object": "text_completion", "created": 1, "model": "m",
                "choices": [{ "index": 0, "text": "t", "logprobs": null, "finish_reason": "stop" }],
            }),
            vec![
                ("/choices/0/finish_reason", Value::Null),
                ("/choices/0/text", Value::Null),
                ("/usage", Value::Null),
            ],
        ),
        (
            Shape::Chunk,
            &with(chunk(), "/choices/0/delta/reasoning_content", json!("t")),
            vec![("/choices/0/delta/reasoning_content", json!("")), ("/codex_metadata", json!({}))],
        ),
        (Shape::Failure, &failure(), vec![("/error/code", json!(3)), ("/error/hint", json!("no"))]),
    ] {
        assert_eq!(Shape::of(good), Some(shape), "{good}");
        assert_eq!(shape.faults(good), Vec::<String>::new(), "{good}");
        for (place, other) in bad {
            let odd = with(good.clone(), place, other);
            assert!(!shape.faults(&odd).is_empty(), "{odd} passed");
        }
    }
}

#[test]
fn a_status_goes_with_its_shape() {
    let sound = |status, body: &Value| faults(status, Some("application/json"), &body.to_string()).is_empty();
    assert!(sound(502, &failure()));
    assert!(!sound(200, &failure()));
    assert!(!sound(200, &chunk()), "a chunk is no whole answer");
    assert!(!sound(200, &json!({ "status": "ok" })));
    assert!(!faults(502, Some("application/json"), "Bad Gateway").is_empty());
}

#[test]
fn every_frame_is_looked_at() {
    let good = [chunk(), chunk(), failure()];
    assert_eq!(stream_faults(&frames(&good)), Vec::<String>::new());
    assert_eq!(stream_faults(": keep-alive\ndata: [DONE]\n\n"), Vec::<String>::new());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] = json!({ "object": "chat.completion.chunk" });
        assert!(!stream_faults(&frames(&bad)).is_empty(), "frame {at}");
    }
    let other = with(chunk(), "/id", json!("d"));
    assert_eq!(stream_faults(&frames(&[chunk(), other])).len(), 1);
    assert_eq!(stream_faults("data: {\n\n").len(), 1);
}

#[test]
fn the_document_allows_what_is_served() {
    let document = openapi(&[json!({ "id": "m", "supported_reasoning_efforts": ["low", "max"] })]);
    assert_eq!(document["x-efforts"], json!({ "m": ["low", "max"] }));
    let allows = |path: &str, members: Value| {
        let schema = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
        if path == "/v1/completions" {
            body = json!({ "model": "m", "prompt": "Hi" });
        }
        body.as_object_mut().expect("an object").extend(members.as_object().cloned().expect("an object"));
        jsonschema::is_valid(schema, &body)
    };
    for path in ["/v1/chat/completions", "/v1/completions"] {
        for name in
            ["n", "stop", "max_tokens", "reasoning_effort", "service_tier", "verbosity", "logprobs", "user"]
        {
            assert!(allows(path, json!({ name: null })), "{path}: {name}");
        }
        for members in [
            json!({ "n": 2, "stop": ["a", "b"], "max_tokens": 3, "reasoning_effort": "max", "logit_bias": { "1": 0.5 } }),
            json!({ "verbosity": "high", "service_tier": "flex", "stream": true, "stream_options": { "include_usage": true } }),
        ] {
            assert!(allows(path, members.clone()), "{path}: {members}");
        }
        for members in [
            json!({ "model": "other" }),
            json!({ "n": 0 }),
            json!({ "reasoning_effort": "high" }),
            json!({ "logprobs": true }),
            json!({ "what": 1 }),
            json!({ "user": 1 }),
        ] {
            assert!(!allows(path, members.clone()), "{path}: {members}");
        }
    }
}
