//! A turn as a list of operations, made from the directives of the last user message. PURE.
//!
//! Payloads here lack `threadId` and `turnId`; the player puts them in.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::directive::{Ask, Directives, End, Retry};
use super::shape::{self, Call};

/// One thing that a turn does.
#[derive(Debug)]
pub(crate) enum Op {
    /// A notification of this turn.
    Notify(&'static str, Value),
    /// The same, in two halves with a pause between them.
    Halves(&'static str, Value),
    /// A line that is not JSON, and an empty one.
    Garbage,
    /// A raw output item.
    Raw(Value),
    /// `rawResponse/completed`: one model call has ended.
    RawUsage,
    /// `thread/tokenUsage/updated`, and the account's limits.
    TokenUsage,
    /// Go on after so many milliseconds.
    Pause(u64),
    /// Send a server request.
    Ask(Ask),
    /// Wait for the answers to all of them; they become the text.
    AwaitAnswers,
    /// Append the operations that say the text.
    Answer,
    /// `turn/completed`; `last` is null where nothing was said.
    Complete { last: Value },
    /// `error`, then `turn/completed` with status failed.
    Fail { kind: Value, message: String },
    /// Nothing more, ever.
    Stuck,
    /// Over, but nobody is told.
    Lose,
    /// The process ends.
    Exit(u8),
}

/// A turn that has begun and not ended.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) thread: String,
    pub(crate) started_ms: u64,
    pub(crate) told: Directives,
    pub(crate) ops: VecDeque<Op>,
    /// The server requests without an answer, by id; those that are function calls have one.
    pub(crate) pending: BTreeMap<u64, Option<Call>>,
    pub(crate) answers: Vec<String>,
}

impl Turn {
    pub(crate) fn new(thread: String, told: Directives, started_ms: u64) -> Self {
        let mut ops = VecDeque::new();
        if told.retry == Retry::BeforeDeltas {
            ops.push_back(will_retry());
        }
        if !told.asks.is_empty() {
            ops.extend(told.asks.iter().cloned().map(Op::Ask));
            if told.asks.iter().any(|ask| matches!(ask, Ask::Tool { .. })) {
                ops.push_back(Op::RawUsage);
            }
            ops.push_back(Op::AwaitAnswers);
        }
        ops.push_back(Op::Answer);
        Self { thread, started_ms, told, ops, pending: BTreeMap::new(), answers: Vec::new() }
    }
}

/// The operations that say the text and end the turn. `item_id` makes ids.
pub(crate) fn answer(
    told: &Directives,
    turn: &str,
    now_ms: u64,
    mut item_id: impl FnMut() -> String,
) -> Vec<Op> {
    let mut ops = Vec::new();
    if told.text.is_empty() && told.flood.is_none() {
        // Without anything to say, a bad end comes before any sign of life.
        if let Some(end) = bad_end(&told.end) {
            ops.push(end);
            return ops;
        }
    }
    if let Some(text) = &told.reasoning {
        reasoning(&mut ops, &item_id(), text, turn, now_ms);
    }
    if told.refuses {
        ops.push(Op::Notify("item/started", started(&item_id(), now_ms)));
        ops.extend([Op::RawUsage, Op::TokenUsage, Op::Complete { last: Value::Null }]);
        return ops;
    }
    let deltas = deltas(told);
    let text = deltas.concat();
    let middle = deltas.len().div_ceil(2);
    let mut last = Value::Null;
    for number in 1..=told.messages {
        if number == 1 && told.retry == Retry::AfterDeltas {
            let id = item_id();
            ops.push(Op::Notify("item/started", started(&id, now_ms)));
            say(&mut ops, told, &id, &deltas[..middle]);
            ops.push(will_retry());
        }
        let id = item_id();
        if number == 1 && told.garbage {
            ops.push(Op::Garbage);
            ops.push(Op::Halves("item/started", started(&id, now_ms)));
        } else {
            ops.push(Op::Notify("item/started", started(&id, now_ms)));
        }
        if number == told.messages
            && let Some(end) = bad_end(&told.end)
        {
            say(&mut ops, told, &id, &deltas[..middle]);
            ops.push(end);
            return ops;
        }
        say(&mut ops, told, &id, &deltas);
        last = shape::message_item(&id, &text, now_ms, Some(now_ms));
        ops.push(Op::Notify("item/completed", completed(&last, now_ms)));
        ops.push(Op::Raw(shape::raw_message(&id, &text, turn)));
    }
    ops.push(Op::RawUsage);
    ops.push(Op::TokenUsage);
    ops.push(if told.end == End::LoseCompleted { Op::Lose } else { Op::Complete { last } });
    ops
}

/// The params of `item/completed`.
pub(crate) fn completed(item: &Value, now_ms: u64) -> Value {
    json!({ "item": item, "contentTokenCount": null, "completedAtMs": now_ms })
}

fn started(id: &str, now_ms: u64) -> Value {
    json!({ "item": shape::message_item(id, "", now_ms, None), "startedAtMs": now_ms })
}

fn say(ops: &mut Vec<Op>, told: &Directives, item: &str, deltas: &[String]) {
    for delta in deltas {
        if told.pause_ms > 0 {
            ops.push(Op::Pause(told.pause_ms));
        }
        ops.push(Op::Notify("item/agentMessage/delta", json!({ "itemId": item, "delta": delta })));
    }
}

fn reasoning(ops: &mut Vec<Op>, id: &str, text: &str, turn: &str, now_ms: u64) {
    let item = |text, to| shape::reasoning_item(id, text, now_ms, to);
    ops.push(Op::Notify("item/started", json!({ "item": item(None, None), "startedAtMs": now_ms })));
    ops.push(Op::Notify("item/reasoning/summaryPartAdded", json!({ "itemId": id, "summaryIndex": 0 })));
    let delta = json!({ "itemId": id, "delta": text, "summaryIndex": 0 });
    ops.push(Op::Notify("item/reasoning/summaryTextDelta", delta));
    ops.push(Op::Notify("item/completed", completed(&item(Some(text), Some(now_ms)), now_ms)));
    ops.push(Op::Raw(shape::raw_reasoning(id, text, turn)));
}

fn bad_end(end: &End) -> Option<Op> {
    match end {
        End::Completed | End::LoseCompleted => None,
        End::Hang => Some(Op::Stuck),
        End::Exit(code) => Some(Op::Exit(*code)),
        End::Fail { kind, message } => Some(Op::Fail { kind: kind.clone(), message: message.clone() }),
    }
}

fn will_retry() -> Op {
    let kind = json!({ "responseStreamDisconnected": { "httpStatusCode": null } });
    let details = "stream disconnected before completion: told to by the script";
    let error = shape::turn_error(&kind, "Reconnecting... 1/5", Some(details));
    Op::Notify("error", json!({ "error": error, "willRetry": true }))
}

/// The text in pieces; together they are the text, and none is empty.
fn deltas(told: &Directives) -> Vec<String> {
    if let Some(count) = told.flood {
        return (0..count).map(|n| format!("{n} ")).collect();
    }
    let letters: Vec<char> = told.text.chars().collect();
    let size = letters.len().div_ceil(told.chunks.max(1)).max(1);
    letters.chunks(size).map(|piece| piece.iter().collect()).collect()
}
