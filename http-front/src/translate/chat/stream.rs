//! The answer as chunks.
//!
//! Every chunk of an answer is the same but for its delta, so what stands before and behind it is made once. The
//! text between is the JSON string that the child wrote: it is neither read nor escaped again.

use super::Identity;
use crate::{
    error::ApiError,
    openai::usage::{CompletionUsage, Tokens},
    sse,
    translate::{
        answer::{Call, Closing, SEPARATOR},
        event::Delta,
    },
};
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use std::hash::{DefaultHasher, Hasher};

/// Makes the frames of a stream, one delta at a time.
#[derive(Debug)]
pub struct Chunks {
    /// From the frame's beginning to where `choices` stands.
    head: String,
    /// From behind `choices` to the frame's end.
    tail: &'static str,
    include_usage: bool,
    /// The item whose text is being sent.
    item: Option<Bytes>,
    /// What of the item was sent.
    sent: Sent,
    /// Whether any text was sent.
    any: bool,
}

/// The length and a hash of the text that was sent of an item: enough to tell whether the complete text begins
/// with it, without keeping it.
#[derive(Debug, Default)]
struct Sent {
    length: usize,
    hash: DefaultHasher,
}

impl Sent {
    fn add(&mut self, text: &str) {
        self.length += text.len();
        self.hash.write(text.as_bytes());
    }

    /// What of the complete text is still to be sent; `None` when something else was sent.
    fn rest<'t>(&self, whole: &'t str) -> Option<&'t str> {
        let (start, rest) = (whole.get(..self.length)?, whole.get(self.length..)?);
        let mut hash = DefaultHasher::new();
        hash.write(start.as_bytes());
        (hash.finish() == self.hash.finish()).then_some(rest)
    }
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
}

#[derive(Serialize)]
struct Refused<'a> {
    refusal: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Calls<'a> {
    ToolCalls([ToolCall<'a>; 1]),
    FunctionCall(Called<'a>),
}

#[derive(Serialize)]
struct ToolCall<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// What a delta did to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Frames may have been written.
    Fine,
    /// The complete text of a message is not what its deltas said, by this many bytes. What was sent is sent.
    Differs(usize),
}

impl Chunks {
    /// A stream of chunks.
    pub fn new(identity: &Identity, include_usage: bool) -> Self {
        let head = Head {
            id: &identity.id,
            object: "chat.completion.chunk",
            created: identity.created,
            model: &identity.model,
        };
        let mut head = serde_json::to_string(&head).expect("own types serialize");
        head.pop();
        head.push_str(",\"choices\":");
        Self {
            head,
            // With the option every chunk but the last has `"usage":null`, without it none has the member.
            tail: if include_usage { ",\"usage\":null}" } else { "}" },
            include_usage,
            item: None,
            sent: Sent::default(),
            any: false,
        }
    }

    /// Whether any text was sent: after that the answer can't begin anew.
    pub fn has_text(&self) -> bool {
        self.any
    }

    /// The chunk that opens the stream.
    pub fn open(&self, out: &mut BytesMut) {
        self.choice(out, &[br#"{"role":"assistant","content":""}"#], b"null");
    }

    /// The chunks of a delta.
    pub fn take(&mut self, delta: &Delta, out: &mut BytesMut) -> Effect {
        match delta {
            Delta::Text { item, text } => {
                // An empty text says nothing; and what can't be read is told by the complete message.
                if let Ok(plain) = serde_json::from_slice::<shared::rpc::text::Text<'_>>(text)
                    && !plain.is_empty()
                {
                    self.begin(Some(item), out);
                    self.sent.add(&plain);
                    self.text(out, text);
                }
            }
            Delta::Message { text } => return self.complete(text, out),
            Delta::Alive
            | Delta::Begun
            | Delta::Call { .. }
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(_)
            | Delta::Retry
            | Delta::End(_) => {}
        }
        Effect::Fine
    }

    /// The chunks that end a complete answer, and `[DONE]`.
    pub fn finish(&mut self, closing: &Closing, usage: Option<Tokens>, out: &mut BytesMut) {
        if let Some(text) = &closing.text {
            self.begin(None, out);
            let text = serde_json::to_vec(text).expect("a string serializes");
            self.text(out, &text);
        }
        if let Some(refusal) = closing.refusal {
            self.delta(out, &Refused { refusal });
        }
        for (index, call) in closing.calls.iter().enumerate() {
            self.call(out, index, call, closing.legacy);
        }
        let reason = serde_json::to_vec(closing.reason.as_str()).expect("a string serializes");
        self.choice(out, &[b"{}"], &reason);
        if self.include_usage
            && let Some(tokens) = usage
        {
            let usage = serde_json::to_vec(&CompletionUsage::from(tokens)).expect("own types serialize");
            sse::raw(out, &[self.head.as_bytes(), b"[],\"usage\":", &usage, b"}"]);
        }
        out.extend_from_slice(sse::DONE);
    }

    /// A call: first which, then its arguments, as clients put them together.
    fn call(&self, out: &mut BytesMut, index: usize, call: &Call, legacy: bool) {
        let Call { id, name, arguments } = call;
        if legacy {
            let first = Called { name: Some(name), arguments: "" };
            self.delta(out, &Calls::FunctionCall(first));
            return self.delta(out, &Calls::FunctionCall(Called { name: None, arguments }));
        }
        let first = Called { name: Some(name), arguments: "" };
        self.delta(
            out,
            &Calls::ToolCalls([ToolCall { index, id: Some(id), r#type: Some("function"), function: first }]),
        );
        let rest = Called { name: None, arguments };
        self.delta(out, &Calls::ToolCalls([ToolCall { index, id: None, r#type: None, function: rest }]));
    }

    fn delta<T: Serialize>(&self, out: &mut BytesMut, delta: &T) {
        let delta = serde_json::to_vec(delta).expect("own types serialize");
        self.choice(out, &[&delta], b"null");
    }

    /// The frame that ends an answer that failed. SDKs raise on it; nothing comes after it.
    pub fn fail(&self, error: &ApiError, out: &mut BytesMut) {
        sse::raw(out, &[&error.body()]);
    }

    /// A text of another item than the last one is another message.
    fn begin(&mut self, item: Option<&Bytes>, out: &mut BytesMut) {
        if self.item.as_ref() == item && item.is_some() {
            return;
        }
        self.item = item.cloned();
        self.sent = Sent::default();
        if self.any {
            let separator = serde_json::to_vec(SEPARATOR).expect("a string serializes");
            self.text(out, &separator);
        }
    }

    /// The message is complete: sends what of it the deltas lacked.
    fn complete(&mut self, whole: &str, out: &mut BytesMut) -> Effect {
        let effect = match self.sent.rest(whole) {
            Some("") => Effect::Fine,
            Some(rest) => {
                if self.item.is_none() {
                    self.begin(None, out);
                }
                let rest = serde_json::to_vec(rest).expect("a string serializes");
                self.text(out, &rest);
                Effect::Fine
            }
            None => Effect::Differs(whole.len().abs_diff(self.sent.length)),
        };
        self.item = None;
        self.sent = Sent::default();
        effect
    }

    fn text(&mut self, out: &mut BytesMut, json: &[u8]) {
        self.any = true;
        self.choice(out, &[b"{\"content\":", json, b"}"], b"null");
    }

    fn choice(&self, out: &mut BytesMut, delta: &[&[u8]], finish_reason: &[u8]) {
        let mut parts: Vec<&[u8]> = Vec::with_capacity(8);
        parts.extend([self.head.as_bytes(), b"[{\"index\":0,\"delta\":"]);
        parts.extend(delta);
        parts.extend([
            &b",\"logprobs\":null,\"finish_reason\":"[..],
            finish_reason,
            b"}]",
            self.tail.as_bytes(),
        ]);
        sse::raw(out, &parts);
    }
}
