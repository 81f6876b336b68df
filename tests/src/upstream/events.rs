//! Writes the Responses API's stream events, in OpenAI's order and numbering.
//!
//! Everything is serialised when a reply is built, so that serving it (and a clone of it) costs no more than
//! writing bytes.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::{Value, json};

use super::sse;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Tokens, as `response.completed` reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the input, cached ones included.
    pub input_tokens: u64,
    /// Of these, the cached ones.
    pub cached_tokens: u64,
    /// Tokens of the output, reasoning included.
    pub output_tokens: u64,
    /// Of these, the ones spent on reasoning.
    pub reasoning_tokens: u64,
    /// Input and output.
    pub total_tokens: u64,
}

impl Usage {
    /// The total is input and output.
    #[must_use]
    pub fn new(input: u64, cached: u64, output: u64, reasoning: u64) -> Self {
        Self {
            input_tokens: input,
            cached_tokens: cached,
            output_tokens: output,
            reasoning_tokens: reasoning,
            total_tokens: input.saturating_add(output),
        }
    }

    fn to_json(self) -> Value {
        json!({
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": self.cached_tokens},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": self.reasoning_tokens},
            "total_tokens": self.total_tokens,
        })
    }
}

impl Default for Usage {
    /// Four different numbers, so that a mix-up shows.
    fn default() -> Self {
        Self::new(11, 3, 7, 2)
    }
}

/// How a response ends.
#[derive(Clone, Debug)]
pub(super) enum End {
    Completed,
    Failed { code: String, message: String },
    Incomplete { reason: String },
}

/// Numbers the events of one response and remembers its finished items.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    id: String,
    sequence: u64,
    items: Vec<Value>,
    pub(super) ended: bool,
}

impl Writer {
    pub(super) fn new(id: Option<String>) -> Self {
        let id = id.unwrap_or_else(|| format!("resp_{:08}", NEXT_ID.fetch_add(1, Ordering::Relaxed)));
        Self { id, sequence: 0, items: Vec::new(), ended: false }
    }

    /// The place of the item that is being written.
    pub(super) fn index(&self) -> usize {
        self.items.len()
    }

    /// An id for that item: unique over all replies, with OpenAI's prefix.
    pub(super) fn item_id(&self, prefix: &str) -> String {
        let tail = self.id.strip_prefix("resp_").unwrap_or(&self.id);
        format!("{prefix}_{tail}_{}", self.index())
    }

    /// Numbers an event (unless it brings its own number) and frames it.
    pub(super) fn event(&mut self, kind: &str, mut event: Value) -> Bytes {
        if let Value::Object(fields) = &mut event {
            fields.insert("type".to_owned(), kind.into());
            fields.entry("sequence_number").or_insert_with(|| self.sequence.into());
        }
        self.sequence += 1;
        sse::frame(&event)
    }

    pub(super) fn opening(&mut self) -> [Bytes; 2] {
        ["response.created", "response.in_progress"].map(|kind| {
            let response = self.response("in_progress");
            self.event(kind, json!({"response": response}))
        })
    }

    pub(super) fn item_added(&mut self, item: &Value) -> Bytes {
        let index = self.index();
        self.event("response.output_item.added", json!({"output_index": index, "item": item}))
    }

    pub(super) fn item_done(&mut self, item: Value) -> Bytes {
        let index = self.index();
        let frame = self.event("response.output_item.done", json!({"output_index": index, "item": &item}));
        self.items.push(item);
        frame
    }

    pub(super) fn end(&mut self, end: &End, usage: Usage) -> Bytes {
        self.ended = true;
        let (kind, status) = match end {
            End::Completed => ("response.completed", "completed"),
            End::Failed { .. } => ("response.failed", "failed"),
            End::Incomplete { .. } => ("response.incomplete", "incomplete"),
        };
        let mut response = self.response(status);
        match end {
            End::Completed => response["usage"] = usage.to_json(),
            End::Failed { code, message } => response["error"] = json!({"code": code, "message": message}),
            End::Incomplete { reason } => {
                response["usage"] = usage.to_json();
                response["incomplete_details"] = json!({"reason": reason});
            }
        }
        self.event(kind, json!({"response": response}))
    }

    // No `model`: one reply serves whatever model was asked for, and codex compares the two.
    fn response(&self, status: &str) -> Value {
        json!({
            "id": self.id,
            "object": "response",
            "created_at": 1_700_000_000,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "output": self.items,
            "usage": null,
        })
    }
}
