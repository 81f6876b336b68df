//! The output items of a stream: messages, reasoning, function calls, each with OpenAI's order of events.

use serde_json::{Value, json};

use super::events::Writer;
use super::pieces::{Pieces, Step};
use super::reasoning::Reasoning;
use super::reply::{Op, Reply};

impl Reply {
    /// One message item, with an id of its own.
    #[must_use]
    pub fn text(self, text: impl Into<Pieces>) -> Self {
        let id = self.fresh_id("msg");
        self.text_as(&id, text)
    }

    /// One message item with this id.
    #[must_use]
    pub fn text_as(mut self, id: &str, text: impl Into<Pieces>) -> Self {
        let pieces = text.into();
        let whole = pieces.whole();
        let index = self.index();
        let at = json!({"item_id": id, "output_index": index, "content_index": 0});
        let part =
            |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
        let item = |status: &str, content: Vec<Value>| json!({"type": "message", "id": id, "status": status, "role": "assistant", "content": content});
        self.item_added(&item("in_progress", Vec::new()));
        self.event("response.content_part.added", with(&at, "part", part("")));
        self.pieces("response.output_text.delta", &at, pieces);
        self.event(
            "response.output_text.done",
            with(&with(&at, "logprobs", json!([])), "text", json!(whole)),
        );
        self.event("response.content_part.done", with(&at, "part", part(&whole)));
        self.item_done(item("completed", vec![part(&whole)]));
        self
    }

    /// One reasoning item.
    #[must_use]
    pub fn reasoning(mut self, reasoning: impl Into<Reasoning>) -> Self {
        let reasoning = reasoning.into();
        let id = self.fresh_id("rs");
        let index = self.index();
        self.item_added(
            &json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": reasoning.encrypted}),
        );
        let mut summary = Vec::new();
        for (place, pieces) in reasoning.summary.into_iter().enumerate() {
            let whole = pieces.whole();
            let at = json!({"item_id": id, "output_index": index, "summary_index": place});
            let part = |text: &str| json!({"type": "summary_text", "text": text});
            self.event("response.reasoning_summary_part.added", with(&at, "part", part("")));
            self.pieces("response.reasoning_summary_text.delta", &at, pieces);
            self.event("response.reasoning_summary_text.done", with(&at, "text", json!(whole)));
            self.event("response.reasoning_summary_part.done", with(&at, "part", part(&whole)));
            summary.push(part(&whole));
        }
        let mut item = json!({"type": "reasoning", "id": id, "summary": summary, "encrypted_content": reasoning.encrypted});
        if let Some(pieces) = reasoning.raw {
            let whole = pieces.whole();
            let at = json!({"item_id": id, "output_index": index, "content_index": 0});
            self.pieces("response.reasoning_text.delta", &at, pieces);
            self.event("response.reasoning_text.done", with(&at, "text", json!(whole)));
            item["content"] = json!([{"type": "reasoning_text", "text": whole}]);
        }
        self.item_done(item);
        self
    }

    /// A function call with a call id of its own. The arguments go out as they are: they need not be JSON.
    #[must_use]
    pub fn function_call(self, name: &str, arguments: impl Into<Pieces>) -> Self {
        let call_id = self.fresh_id("call");
        self.function_call_as(&call_id, name, arguments)
    }

    /// A function call with this call id.
    #[must_use]
    pub fn function_call_as(mut self, call_id: &str, name: &str, arguments: impl Into<Pieces>) -> Self {
        let pieces = arguments.into();
        let whole = pieces.whole();
        let id = self.fresh_id("fc");
        let at = json!({"item_id": id, "output_index": self.index()});
        let item = |status: &str, arguments: &str| json!({"type": "function_call", "id": id, "status": status, "call_id": call_id, "name": name, "arguments": arguments});
        self.item_added(&item("in_progress", ""));
        self.pieces("response.function_call_arguments.delta", &at, pieces);
        self.event(
            "response.function_call_arguments.done",
            with(&with(&at, "name", json!(name)), "arguments", json!(whole)),
        );
        self.item_done(item("completed", &whole));
        self
    }

    /// A call of a tool that takes text, with a call id of its own.
    #[must_use]
    pub fn custom_call(mut self, name: &str, input: impl Into<Pieces>) -> Self {
        let call_id = self.fresh_id("call");
        let pieces = input.into();
        let whole = pieces.whole();
        let id = self.fresh_id("ctc");
        let at = json!({"item_id": id, "output_index": self.index()});
        let item = |status: &str, input: &str| json!({"type": "custom_tool_call", "id": id, "status": status, "call_id": call_id, "name": name, "input": input});
        self.item_added(&item("in_progress", ""));
        self.pieces("response.custom_tool_call_input.delta", &at, pieces);
        self.event("response.custom_tool_call_input.done", with(&at, "input", json!(whole)));
        self.item_done(item("completed", &whole));
        self
    }

    /// A message that is a refusal.
    #[must_use]
    pub fn refusal(mut self, refusal: impl Into<Pieces>) -> Self {
        let pieces = refusal.into();
        let whole = pieces.whole();
        let id = self.fresh_id("msg");
        let part = |text: &str| json!({"type": "refusal", "refusal": text});
        let item = |status: &str, content: Vec<Value>| json!({"type": "message", "id": id, "status": status, "role": "assistant", "content": content});
        let at = json!({"item_id": id, "output_index": self.index(), "content_index": 0});
        self.item_added(&item("in_progress", Vec::new()));
        self.event("response.content_part.added", with(&at, "part", part("")));
        self.pieces("response.refusal.delta", &at, pieces);
        self.event("response.refusal.done", with(&at, "refusal", json!(whole)));
        self.event("response.content_part.done", with(&at, "part", part(&whole)));
        self.item_done(item("completed", vec![part(&whole)]));
        self
    }

    fn index(&self) -> usize {
        self.writer.as_ref().map_or(0, Writer::index)
    }

    fn fresh_id(&self, prefix: &str) -> String {
        self.writer.as_ref().map_or_else(|| format!("{prefix}_bare"), |writer| writer.item_id(prefix))
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer.get_or_insert_with(|| Writer::new(None))
    }

    fn event(&mut self, kind: &str, event: Value) {
        let frame = self.writer().event(kind, event);
        self.write(frame);
    }

    fn item_added(&mut self, item: &Value) {
        let frame = self.writer().item_added(item);
        self.write(frame);
    }

    fn item_done(&mut self, item: Value) {
        let frame = self.writer().item_done(item);
        self.write(frame);
    }

    fn pieces(&mut self, kind: &str, at: &Value, pieces: Pieces) {
        for step in pieces.into_steps() {
            match step {
                Step::Delta(delta) => self.event(kind, with(at, "delta", json!(delta))),
                Step::Pause(time) => self.ops.push(Op::Pause(time)),
                Step::Wait(gate) => self.ops.push(Op::Wait(gate)),
                Step::Signal(gate) => self.ops.push(Op::Signal(gate)),
                Step::Cut => self.ops.push(Op::Cut),
                Step::Stall => self.ops.push(Op::Stall),
            }
        }
    }
}

fn with(at: &Value, key: &str, value: Value) -> Value {
    let mut event = at.clone();
    event[key] = value;
    event
}
