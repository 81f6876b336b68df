//! The answer as chunks.
//!
//! Every chunk of an answer is the same but for its delta, so what stands before and behind it is made once. The
//! text between is the JSON string that the child wrote: it is neither read nor escaped again.

use super::{
    CalledCustom, Form, Head, Identity,
    progress::{Missing, Progress, Thoughts},
};
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
use shared::rpc::text::Text;

/// Makes the frames of a stream, one delta at a time.
#[derive(Debug)]
pub struct Chunks {
    form: Form,
    /// From the frame's beginning to where `choices` stands.
    head: String,
    /// From behind `choices` to the frame's end.
    tail: &'static str,
    include_usage: bool,
    choices: Vec<Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    messages: Progress,
    thoughts: Thoughts,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<CalledCustom<'a>>,
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
    /// A stream of chunks with so many choices.
    pub fn new(form: Form, identity: &Identity, choices: usize, include_usage: bool) -> Self {
        let head = Head::new(identity, form.chunk());
        let mut head = serde_json::to_string(&head).expect("own types serialize");
        head.pop();
        head.push_str(",\"choices\":");
        Self {
            form,
            head,
            // With the option every chunk but the last has `"usage":null`, without it none has the member.
            tail: if include_usage { ",\"usage\":null" } else { "" },
            include_usage,
            choices: std::iter::repeat_with(Choice::default).take(choices).collect(),
        }
    }

    /// Whether any text of a choice was sent: after that it can't begin anew.
    pub fn has_text(&self, index: usize) -> bool {
        self.choices.get(index).is_some_and(|choice| choice.messages.any)
    }

    /// The chunks that open the stream.
    pub fn open(&self, out: &mut BytesMut) {
        if self.form == Form::Chat {
            for index in 0..self.choices.len() {
                self.choice(out, index, &[br#"{"role":"assistant","content":""}"#], b"null", b"");
            }
        }
    }

    /// A text that stands before what the model writes.
    pub fn echo(&self, index: usize, text: &str, out: &mut BytesMut) {
        self.plain(out, index, text);
    }

    /// The chunks of a delta.
    pub fn take(&mut self, index: usize, delta: &Delta, out: &mut BytesMut) -> Effect {
        let Some(choice) = self.choices.get_mut(index) else { return Effect::Fine };
        match delta {
            Delta::Text { item, text } => {
                // An empty text says nothing; and what can't be read is told by the complete message.
                if let Some(plain) = plain(text) {
                    let begins = choice.messages.begin(Some(item));
                    choice.messages.add(&plain);
                    if begins {
                        self.plain(out, index, SEPARATOR);
                    }
                    self.text(out, index, text);
                }
            }
            Delta::Message { text } => match choice.messages.complete(text) {
                Missing::Nothing => {}
                Missing::Rest { begins, text } => {
                    if begins {
                        self.plain(out, index, SEPARATOR);
                    }
                    self.plain(out, index, text);
                }
                Missing::Differs(bytes) => return Effect::Differs(bytes),
            },
            Delta::Reasoning { item, part, text } => {
                if let Some(plain) = plain(text)
                    && let Some(before) = choice.thoughts.add(item, *part, &plain)
                {
                    self.thought(out, index, before);
                    self.raw_thought(out, index, text);
                }
            }
            Delta::Reasoned { text } => {
                if let Some((before, rest)) = choice.thoughts.complete(text) {
                    self.thought(out, index, before);
                    self.thought(out, index, rest);
                }
            }
            Delta::Retry => choice.thoughts.again(),
            Delta::Alive
            | Delta::Begun
            | Delta::Thread(_)
            | Delta::Call { .. }
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(_)
            | Delta::End(_) => {}
        }
        Effect::Fine
    }

    /// The chunks that end a choice. `more` is what the last one has beside it: members with a comma before them, or
    /// nothing.
    pub fn close(&mut self, index: usize, closing: &Closing, more: &[u8], out: &mut BytesMut) {
        let Some(choice) = self.choices.get_mut(index) else { return };
        if !closing.rest.is_empty() {
            choice.messages.add(&closing.rest);
        }
        let begins = closing.text.is_some() && choice.messages.begin(None);
        if !closing.rest.is_empty() {
            self.plain(out, index, &closing.rest);
        }
        if let Some(text) = &closing.text {
            if begins {
                self.plain(out, index, SEPARATOR);
            }
            self.plain(out, index, text);
        }
        let reason = match self.form {
            Form::Chat => {
                if let Some(refusal) = closing.refusal {
                    self.delta(out, index, &Refused { refusal });
                }
                for (at, call) in closing.calls.iter().enumerate() {
                    self.call(out, index, at, call, closing.legacy);
                }
                closing.reason.as_str()
            }
            Form::Text => closing.text_reason(),
        };
        let reason = serde_json::to_vec(reason).expect("a string serializes");
        match self.form {
            Form::Chat => self.choice(out, index, &[b"{}"], &reason, more),
            Form::Text => self.choice(out, index, &[b"\"\""], &reason, more),
        }
    }

    /// The chunk with the usage, where it was asked for and is known, and `[DONE]`. `more` as for [`Self::close`].
    pub fn finish(&self, usage: Option<Tokens>, more: &[u8], out: &mut BytesMut) {
        if let Some(tokens) = usage.filter(|_| self.include_usage) {
            let usage = serde_json::to_vec(&CompletionUsage::from(tokens)).expect("own types serialize");
            sse::raw(out, &[self.head.as_bytes(), b"[],\"usage\":", &usage, more, b"}"]);
        }
        out.extend_from_slice(sse::DONE);
    }

    /// Whether a chunk with this usage ends the stream.
    pub fn tells(&self, usage: Option<Tokens>) -> bool {
        self.include_usage && usage.is_some()
    }

    /// The frame that ends an answer that failed. SDKs raise on it; nothing comes after it.
    pub fn fail(&self, error: &ApiError, out: &mut BytesMut) {
        sse::raw(out, &[&error.body()]);
    }

    /// A call: first which, then its arguments, as clients put them together. That of a custom tool comes at once, for
    /// some clients that put texts of functions together let a second `custom` replace the first.
    fn call(&self, out: &mut BytesMut, index: usize, at: usize, call: &Call, legacy: bool) {
        let Call { id, name, arguments, custom } = call;
        if *custom {
            let custom = Some(CalledCustom { name, input: arguments });
            let whole = ToolCall { index: at, id: Some(id), r#type: Some("custom"), function: None, custom };
            return self.delta(out, index, &Calls::ToolCalls([whole]));
        }
        let first = Called { name: Some(name), arguments: "" };
        let rest = Called { name: None, arguments };
        if legacy {
            self.delta(out, index, &Calls::FunctionCall(first));
            return self.delta(out, index, &Calls::FunctionCall(rest));
        }
        let (function, custom) = (Some(first), None);
        let first = ToolCall { index: at, id: Some(id), r#type: Some("function"), function, custom };
        self.delta(out, index, &Calls::ToolCalls([first]));
        let rest = ToolCall { index: at, id: None, r#type: None, function: Some(rest), custom: None };
        self.delta(out, index, &Calls::ToolCalls([rest]));
    }

    fn delta<T: Serialize>(&self, out: &mut BytesMut, index: usize, delta: &T) {
        let delta = serde_json::to_vec(delta).expect("own types serialize");
        self.choice(out, index, &[&delta], b"null", b"");
    }

    fn plain(&self, out: &mut BytesMut, index: usize, text: &str) {
        let text = serde_json::to_vec(text).expect("a string serializes");
        self.text(out, index, &text);
    }

    fn text(&self, out: &mut BytesMut, index: usize, json: &[u8]) {
        match self.form {
            Form::Chat => self.choice(out, index, &[b"{\"content\":", json, b"}"], b"null", b""),
            Form::Text => self.choice(out, index, &[json], b"null", b""),
        }
    }

    fn thought(&self, out: &mut BytesMut, index: usize, text: &str) {
        if !text.is_empty() {
            let text = serde_json::to_vec(text).expect("a string serializes");
            self.raw_thought(out, index, &text);
        }
    }

    fn raw_thought(&self, out: &mut BytesMut, index: usize, json: &[u8]) {
        if self.form == Form::Chat {
            self.choice(out, index, &[b"{\"reasoning_content\":", json, b"}"], b"null", b"");
        }
    }

    fn choice(&self, out: &mut BytesMut, index: usize, delta: &[&[u8]], reason: &[u8], more: &[u8]) {
        let number = index.to_string();
        let delta_name: &[u8] = match self.form {
            Form::Chat => b",\"delta\":",
            Form::Text => b",\"text\":",
        };
        let mut parts: Vec<&[u8]> = Vec::with_capacity(12);
        parts.extend([self.head.as_bytes(), b"[{\"index\":", number.as_bytes(), delta_name]);
        parts.extend(delta);
        parts.extend([
            &b",\"logprobs\":null,\"finish_reason\":"[..],
            reason,
            b"}]",
            self.tail.as_bytes(),
            more,
            b"}",
        ]);
        sse::raw(out, &parts);
    }
}

/// A text that says something.
fn plain(json: &Bytes) -> Option<Text<'_>> {
    serde_json::from_slice::<Text<'_>>(json).ok().filter(|text| !text.is_empty())
}
