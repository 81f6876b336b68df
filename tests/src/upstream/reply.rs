//! What the upstream answers: a builder of steps, executed in order.
//!
//! A [`Reply`] is built once and cheap to clone. A stream opens with `response.created` and, unless it was
//! ended otherwise, closes with `response.completed`; between them is what the builder's methods added.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::events::{End, Usage, Writer};
use super::gate::Gate;

/// One thing that the connection does.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Writes a frame, or several made one.
    Write {
        bytes: Bytes,
        events: usize,
    },
    Pause(Duration),
    Wait(Gate),
    Signal(Gate),
    /// Ends the connection without ending the body.
    Cut,
    /// Nothing more, until the peer closes.
    Stall,
}

/// One answer to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// Steps before the response's head is sent.
    pub(super) before: Vec<Op>,
    pub(super) ops: Vec<Op>,
    pub(super) wire_chunk: Option<usize>,
    pub(super) writer: Option<Writer>,
}

impl Default for Reply {
    fn default() -> Self {
        Self::new()
    }
}

impl Reply {
    /// A stream with an id of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::opened(None)
    }

    /// A stream with this response id; its items' ids derive from it.
    #[must_use]
    pub fn with_id(id: impl Into<String>) -> Self {
        Self::opened(Some(id.into()))
    }

    /// A stream of what [`Reply::raw`] and [`Reply::raw_bytes`] add, with no opening and no end.
    #[must_use]
    pub fn bare() -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/event-stream; charset=utf-8".to_owned())],
            before: Vec::new(),
            ops: Vec::new(),
            wire_chunk: None,
            writer: None,
        }
    }

    /// The connection is closed without an answer.
    #[must_use]
    pub fn hangup() -> Self {
        Self { before: vec![Op::Cut], ..Self::bare() }
    }

    /// No answer at all, and the connection stays open.
    #[must_use]
    pub fn silence() -> Self {
        Self { before: vec![Op::Stall], ..Self::bare() }
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Holds the response's head back for this long.
    #[must_use]
    pub fn delayed(mut self, time: Duration) -> Self {
        self.before.push(Op::Pause(time));
        self
    }

    /// Holds the response's head back until the gate opens.
    #[must_use]
    pub fn held(mut self, gate: &Gate) -> Self {
        self.before.push(Op::Wait(gate.clone()));
        self
    }

    /// Sends the body in HTTP chunks of `size` bytes, each in a write of its own, wherever that splits
    /// characters and frames.
    #[must_use]
    pub fn wire_chunk(mut self, size: usize) -> Self {
        self.wire_chunk = Some(size.max(1));
        self
    }

    /// Any event. It is numbered unless it brings a `sequence_number`; its `type` names the frame.
    #[must_use]
    pub fn raw(mut self, event: Value) -> Self {
        let frame = match &mut self.writer {
            Some(writer) => {
                let kind = event.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
                writer.event(&kind, event)
            }
            None => super::sse::frame(&event),
        };
        self.write(frame);
        self
    }

    /// Any bytes, as they are.
    #[must_use]
    pub fn raw_bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        self.write(bytes.into());
        self
    }

    /// Nothing for this long.
    #[must_use]
    pub fn pause(self, time: Duration) -> Self {
        self.then(Op::Pause(time))
    }

    /// Nothing until the test opens the gate.
    #[must_use]
    pub fn wait(self, gate: &Gate) -> Self {
        self.then(Op::Wait(gate.clone()))
    }

    /// Opens the gate once everything before it was handed to the connection.
    #[must_use]
    pub fn signal(self, gate: &Gate) -> Self {
        self.then(Op::Signal(gate.clone()))
    }

    /// Aborts the connection: the body never gets its last chunk.
    #[must_use]
    pub fn cut(self) -> Self {
        self.then(Op::Cut)
    }

    /// Silence from here on, until the peer closes.
    #[must_use]
    pub fn stall(self) -> Self {
        self.then(Op::Stall)
    }

    /// Ends the response with this usage.
    #[must_use]
    pub fn completed(self, usage: Usage) -> Self {
        self.ended(&End::Completed, usage)
    }

    /// Ends it with `response.failed`.
    #[must_use]
    pub fn failed(self, code: &str, message: &str) -> Self {
        self.ended(&End::Failed { code: code.to_owned(), message: message.to_owned() }, Usage::default())
    }

    /// Ends it with `response.incomplete` (`max_output_tokens`, `content_filter`).
    #[must_use]
    pub fn incomplete(self, reason: &str) -> Self {
        self.ended(&End::Incomplete { reason: reason.to_owned() }, Usage::default())
    }

    /// Ends it with an `error` event, which carries no response.
    #[must_use]
    pub fn error_event(self, code: &str, message: &str) -> Self {
        let mut reply = self.raw(json!({"type": "error", "code": code, "message": message, "param": null}));
        if let Some(writer) = &mut reply.writer {
            writer.ended = true;
        }
        reply
    }

    /// The stream ends here, without an event that says so.
    #[must_use]
    pub fn end_of_stream(mut self) -> Self {
        if let Some(writer) = &mut self.writer {
            writer.ended = true;
        }
        self
    }

    /// Adds the implicit end, and makes neighbouring frames one write: the cheapest form for a benchmark.
    #[must_use]
    pub fn coalesced(self) -> Self {
        let mut sealed = self.sealed();
        let mut ops = Vec::new();
        let mut pending = BytesMut::new();
        let mut count = 0;
        for op in std::mem::take(&mut sealed.ops) {
            match op {
                Op::Write { bytes, events } => {
                    pending.extend_from_slice(&bytes);
                    count += events;
                }
                other @ (Op::Pause(_) | Op::Wait(_) | Op::Signal(_) | Op::Cut | Op::Stall) => {
                    flush(&mut ops, &mut pending, &mut count);
                    ops.push(other);
                }
            }
        }
        flush(&mut ops, &mut pending, &mut count);
        sealed.ops = ops;
        sealed
    }

    /// With `response.completed` at the end, where nothing else ended it.
    pub(super) fn sealed(self) -> Self {
        match &self.writer {
            Some(writer) if !writer.ended => self.completed(Usage::default()),
            _ => self,
        }
    }

    fn opened(id: Option<String>) -> Self {
        let mut reply = Self::bare();
        let mut writer = Writer::new(id);
        for frame in writer.opening() {
            reply.write(frame);
        }
        reply.writer = Some(writer);
        reply
    }

    fn ended(mut self, end: &End, usage: Usage) -> Self {
        let frame = self.writer.get_or_insert_with(|| Writer::new(None)).end(end, usage);
        self.write(frame);
        self
    }

    pub(super) fn write(&mut self, bytes: Bytes) {
        self.ops.push(Op::Write { bytes, events: 1 });
    }

    fn then(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }
}

fn flush(ops: &mut Vec<Op>, pending: &mut BytesMut, count: &mut usize) {
    if !pending.is_empty() {
        ops.push(Op::Write { bytes: pending.split().freeze(), events: *count });
        *count = 0;
    }
}
