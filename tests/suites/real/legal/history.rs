//! What the model must see of a client's messages, told from the documents alone: slow, and simple.

use super::seen::{Part, Said, Seen, fits};
use serde_json::Value;
use std::collections::BTreeSet;

/// The result of a call that has none.
const NO_RESULT: &str = "No result: the conversation does not hold what this call gave.";

/// What the model must see.
#[derive(Default)]
pub(super) struct Wanted {
    /// The conversation, the names of functions as the client has them.
    pub(super) steps: Vec<Seen>,
    /// The clients' ids of the calls in it.
    pub(super) ids: Vec<Option<String>>,
    /// What the header names, but for the ids.
    pub(super) repairs: BTreeSet<&'static str>,
    calls: Vec<Call>,
}

struct Call {
    key: (&'static str, String),
    name: String,
    message: usize,
    /// The so-manieth call of the conversation.
    place: usize,
    answered: bool,
}

/// Reads a conversation.
pub(super) fn wanted(messages: &[Value]) -> Wanted {
    let mut wanted = Wanted::default();
    for (at, message) in messages.iter().enumerate() {
        match message["role"].as_str() {
            Some("system" | "developer") => wanted.say("developer", &message["content"]),
            Some("user") => wanted.say("user", &message["content"]),
            Some("assistant") => wanted.assistant(at, message),
            _ => wanted.result(message),
        }
        let followed =
            messages.get(at + 1).is_some_and(|next| next["role"] == "tool" || next["role"] == "function");
        if !followed {
            wanted.missing(&messages[at + 1..]);
        }
    }
    wanted
}

impl Wanted {
    fn say(&mut self, role: &'static str, content: &Value) {
        self.steps.push(Seen::Message(role, parts(content)));
    }

    fn assistant(&mut self, at: usize, message: &Value) {
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        let refusal = message["refusal"].as_str().filter(|text| !text.is_empty());
        let more = !calls.is_empty() || message["function_call"].is_object() || refusal.is_some();
        let content = &message["content"];
        if !(more && (content.is_null() || content == "")) {
            self.say("assistant", content);
        }
        let refused =
            content.as_array().is_some_and(|parts| parts.iter().any(|part| part["type"] == "refusal"));
        if refused || refusal.is_some() {
            self.repairs.insert("refusal_as_text");
        }
        if let Some(refusal) = refusal {
            self.say("assistant", &refusal.into());
        }
        for call in calls {
            self.call(at, "id", call["id"].as_str(), &call["function"]);
        }
        if message["function_call"].is_object() {
            self.call(at, "name", None, &message["function_call"]);
        }
    }

    fn call(&mut self, message: usize, kind: &'static str, id: Option<&str>, function: &Value) {
        let name = function["name"].as_str().expect("a name").to_owned();
        let key = (kind, id.unwrap_or(&name).to_owned());
        self.calls.push(Call { key, name: name.clone(), message, place: self.ids.len(), answered: false });
        self.ids.push(id.map(str::to_owned));
        let arguments = function["arguments"].as_str().expect("arguments").to_owned();
        self.name(&name);
        self.steps.push(Seen::Call(name, arguments));
    }

    fn name(&mut self, name: &str) {
        if !fits(name) {
            self.repairs.insert("tool_name");
        }
    }

    /// A result belongs to the call of its id, or of its function in the old form: of several that have none yet, to the
    /// first one of the last message.
    fn result(&mut self, message: &Value) {
        let own = message["name"].as_str().filter(|name| !name.is_empty());
        let key = match message["role"].as_str() {
            Some("function") => ("name", own.expect("a name").to_owned()),
            _ => ("id", message["tool_call_id"].as_str().expect("an id").to_owned()),
        };
        if let Some(own) = own {
            self.name(own);
        }
        let open = self.calls.iter_mut().filter(|call| call.key == key && !call.answered);
        let place = match open.max_by_key(|call| (call.message, usize::MAX - call.place)) {
            Some(call) => {
                call.answered = true;
                call.place
            }
            None => {
                self.repairs.insert("orphan_tool_output");
                let known = self.calls.iter().rev().find(|call| call.key == key && key.0 == "id");
                let known = known.map(|call| call.name.clone()).or(own.map(str::to_owned));
                let name = known.filter(|name| !name.is_empty()).unwrap_or("unknown_function".to_owned());
                self.steps.push(Seen::Call(name, "{}".to_owned()));
                self.ids.push((key.0 == "id").then_some(key.1));
                self.ids.len() - 1
            }
        };
        let content = &message["content"];
        let said = if content.is_array() {
            // codex drops empty texts here.
            Said::Parts(
                parts(content).into_iter().filter(|part| *part != Part::Text(String::new())).collect(),
            )
        } else {
            Said::Text(content.as_str().unwrap_or_default().to_owned())
        };
        self.steps.push(Seen::Output(place, said));
    }

    /// A call that has no result in what follows gets one behind the results of its message.
    fn missing(&mut self, rest: &[Value]) {
        let mut later = Self { calls: std::mem::take(&mut self.calls), ..Self::default() };
        let before = later.calls.len();
        // What the rest answers is answered there: read it, and look what is still open.
        let answered: Vec<bool> = later.calls.iter().map(|call| call.answered).collect();
        for (at, message) in rest.iter().enumerate() {
            match message["role"].as_str() {
                Some("assistant") => later.assistant(usize::MAX / 2 + at, message),
                Some("tool" | "function") => later.result(message),
                _ => {}
            }
        }
        later.calls.truncate(before);
        for (call, answered) in later.calls.iter_mut().zip(answered) {
            let lacks = !call.answered;
            call.answered = answered || lacks;
            if lacks {
                self.repairs.insert("missing_tool_output");
                self.steps.push(Seen::Output(call.place, Said::Text(NO_RESULT.to_owned())));
            }
        }
        self.calls = later.calls;
    }
}

/// A text is one part; a refusal is a text, too.
fn parts(content: &Value) -> Vec<Part> {
    let text = |value: &Value| Part::Text(value.as_str().unwrap_or_default().to_owned());
    let Some(parts) = content.as_array() else { return vec![text(content)] };
    let part = |part: &Value| match part["type"].as_str() {
        Some("image_url") => Part::Image(part["image_url"]["url"].as_str().expect("a URL").to_owned()),
        Some("refusal") => text(&part["refusal"]),
        _ => text(&part["text"]),
    };
    parts.iter().map(part).collect()
}
