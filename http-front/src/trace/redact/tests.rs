//! Tests of the redaction.

use super::*;
use crate::trace::{Direction, frames::Frames};
use proptest::prelude::*;
use serde_json::{Map, json};

const THREAD: &str = "019aa8f0-1111-7222-8333-444455556666";
const TURN: &str = "019aa8f0-aaaa-7bbb-8ccc-ddddeeeeffff";

fn of(line: &Value) -> Facts {
    read(line.to_string().as_bytes())
}

/// The entry of a line, as the file has it.
fn written(line: &[u8]) -> String {
    let mut frames = Frames::default();
    frames.push(0, Direction::FromDaemon, read(line), line.len() as u64, 3);
    serde_json::to_string(&frames.into_entries().0).unwrap()
}

#[test]
fn what_is_known_stays() {
    let end = json!({"method": "turn/completed", "params": {"threadId": THREAD, "turn": {
        "id": TURN, "status": "failed", "items": ["secret"],
        "error": {"message": "secret", "codexErrorInfo": {"httpConnectionFailed": {"httpStatusCode": 503}}, "additionalDetails": "worker_turn_idle"},
    }}});
    assert_eq!(
        of(&end),
        Facts {
            kind: "notification",
            method: Some("turn/completed"),
            thread: uuid(THREAD),
            turn: uuid(TURN),
            info: Some("httpConnectionFailed"),
            http_status: Some(503),
            reason: Some("worker_turn_idle"),
            status: Some("failed"),
            ..Facts::default()
        }
    );
    let used = json!({"method": "rawResponse/completed", "params": {"threadId": THREAD, "turnId": TURN, "responseId": "secret",
        "usage": {"inputTokens": 5, "cachedInputTokens": 1, "outputTokens": 3, "reasoningOutputTokens": 2, "totalTokens": 8}}});
    assert_eq!(
        of(&used).tokens,
        Some(Tokens { prompt: 5, completion: 3, total: 8, cached: 1, reasoning: 2 })
    );
    let started = of(&json!({"id": 7, "result": {"thread": {"id": THREAD}, "model": "secret"}}));
    assert_eq!((started.kind, started.id.as_deref(), started.thread), ("response", Some("7"), uuid(THREAD)));
    let refused =
        of(&json!({"id": 7, "error": {"code": -32001, "message": "secret", "data": {"secret": 1}}}));
    assert_eq!((refused.kind, refused.code), ("error", Some(-32001)));
    let retry = of(
        &json!({"method": "error", "params": {"threadId": THREAD, "willRetry": true, "error": {"message": "secret", "codexErrorInfo": "serverOverloaded"}}}),
    );
    assert_eq!((retry.will_retry, retry.info), (Some(true), Some("serverOverloaded")));
    let call = of(
        &json!({"id": "0-3", "method": "item/tool/call", "params": {"threadId": THREAD, "turnId": TURN, "tool": "secret", "arguments": {"secret": 1}}}),
    );
    assert_eq!((call.kind, call.method, call.id), ("request", Some("item/tool/call"), None));
}

#[test]
fn what_is_not_known_goes() {
    for line in [
        json!({"method": "secret/method"}),
        json!({"method": "error", "params": {"threadId": "secret", "turnId": "secret", "secret": "secret"}}),
        json!({"method": "turn/completed", "params": {"turn": {"status": "secret", "id": "secret", "error": {"codexErrorInfo": "secret", "additionalDetails": "secret", "code": "secret"}}}}),
        json!({"method": "turn/completed", "params": {"turn": {"error": {"codexErrorInfo": {"secret": {"httpStatusCode": 500}}}}}}),
        json!({"method": "rawResponse/completed", "params": {"usage": {"inputTokens": "secret"}}}),
        json!({"id": "secret", "method": "item/tool/call"}),
        json!({"id": "secret", "result": "secret"}),
        json!({"id": 1, "error": {"code": "secret", "message": "secret"}}),
        json!({"method": "error", "params": "secret"}),
        json!(["secret"]),
    ] {
        let written = written(line.to_string().as_bytes());
        assert!(!written.contains("secret"), "{line}: {written}");
    }
    assert_eq!(read(b"secret").kind, "unreadable");
    assert_eq!(uuid(&format!("{{{}}}", &THREAD[..34])), None, "only codex's own spelling");
}

/// Texts that stand nowhere in our lists, and are no UUID.
const MARK: &str = "zq9";

/// Any JSON, with a mark in each of its texts and keys, beside the members and words that the protocol has.
fn marked() -> impl Strategy<Value = Value> {
    let member = prop::sample::select(vec![
        "id",
        "method",
        "params",
        "result",
        "error",
        "threadId",
        "turnId",
        "thread",
        "turn",
        "status",
        "codexErrorInfo",
        "additionalDetails",
        "usage",
        "willRetry",
        "code",
        "item",
        "delta",
        "inputTokens",
        "httpStatusCode",
        "tool",
        "arguments",
    ]);
    let key = prop_oneof![3 => member.prop_map(str::to_owned), 1 => "[a-z]{0,3}".prop_map(|t| format!("{t}{MARK}"))];
    let words = prop::sample::select(vec![
        "turn/completed",
        "error",
        "failed",
        "badRequest",
        THREAD,
        "worker_restarted",
    ]);
    let leaf = prop_oneof![
        4 => "\\PC{0,12}".prop_map(|t| Value::from(format!("{t}{MARK}"))),
        2 => words.prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => prop::sample::select(vec!["turn/", THREAD, "failed"]).prop_map(|t| Value::from(format!("{t}{MARK}"))),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_of_any_json_but_what_is_listed(
        method in prop::sample::select(vec!["turn/completed", "error", "item/agentMessage/delta", "item/tool/call", "rawResponse/completed", "zq9"]),
        shape in 0..5_usize,
        value in marked(),
        id in marked(),
    ) {
        let line = match shape {
            0 => value,
            1 => json!({"method": method, "params": value}),
            2 => json!({"id": id, "method": method, "params": value}),
            3 => json!({"id": id, "result": value}),
            _ => json!({"id": id, "error": value}),
        };
        let written = written(line.to_string().as_bytes());
        prop_assert!(!written.contains(MARK), "{line}: {written}");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut line in prop::collection::vec(any::<u8>(), 0..300), at in 0..300_usize) {
        let at = at.min(line.len());
        line.splice(at..at, MARK.bytes());
        prop_assert!(!written(&line).contains(MARK));
    }

    /// Lines that are cut or bent at any place.
    #[test]
    fn broken_lines_are_read_without_a_panic(value in marked(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut line = json!({"method": "error", "params": value}).to_string().into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        prop_assert!(!written(&line).contains(MARK));
        line.truncate(at);
        prop_assert!(!written(&line).contains(MARK));
    }
}
