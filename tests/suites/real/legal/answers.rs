//! What the model says, and what the client must read of it.

use super::{instances::instance, texts};
use crate::crowd::Dice;
use gateway_tests::upstream::{Pieces, Recorded, Reply, Usage};
use proptest::{collection::vec, option, prelude::*, sample::Index};
use serde_json::{Value, json};

/// What the model is to say, as far as the request lets it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Texts, each in pieces of these lengths, and calls, in this order.
    steps: Vec<Step>,
    /// Whether a call that must come is written instead.
    written: bool,
    usage: (u32, u32, u32, u32),
    seed: u64,
}

#[derive(Debug, Clone)]
enum Step {
    Text(String, Vec<usize>),
    Call { id: Option<String>, function: Index, arguments: String },
}

pub(super) fn plan() -> BoxedStrategy<Plan> {
    let said = (texts::text(), vec(1..9_usize, 0..6)).prop_map(|(text, cuts)| Step::Text(text, cuts));
    let id = option::weighted(0.2, (1..90_usize).prop_map(|length| "i".repeat(length)));
    // Valid JSON alone: where it is none, codex asks the model once more by itself unless the interrupt is faster.
    let arguments = texts::json();
    let call = (id, any::<Index>(), arguments).prop_map(|(id, function, arguments)| Step::Call {
        id,
        function,
        arguments,
    });
    let steps = (vec(said, 0..3), vec(call, 0..5), any::<u64>()).prop_map(|(texts, calls, mut order)| {
        let (mut texts, mut calls) = (texts.into_iter().peekable(), calls.into_iter().peekable());
        let mut steps = Vec::new();
        while texts.peek().is_some() || calls.peek().is_some() {
            let (first, second): (&mut dyn Iterator<Item = Step>, &mut dyn Iterator<Item = Step>) =
                if order & 1 == 0 { (&mut texts, &mut calls) } else { (&mut calls, &mut texts) };
            order >>= 1;
            steps.extend(first.next().or_else(|| second.next()));
        }
        steps
    });
    let usage = any::<(u16, u16, u16, u16)>().prop_map(|(a, b, c, d)| {
        let (a, b, c, d) = (u32::from(a), u32::from(b), u32::from(c), u32::from(d));
        (a + b, b, c + d, d)
    });
    (steps, prop::bool::weighted(0.5), usage, any::<u64>())
        .prop_map(|(steps, written, usage, seed)| Plan { steps, written, usage, seed })
        .boxed()
}

/// The form that the client asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Text,
    Object,
    Schema,
    /// A call must come.
    Call,
}

/// What the model has said.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    pub(super) texts: Vec<String>,
    /// The id, the name as it went up, the arguments.
    pub(super) calls: Vec<(String, String, String)>,
    /// What it wrote under the schema that it was given.
    pub(super) written: Option<Value>,
    pub(super) usage: Value,
    /// No value meets the schema, and it could say nothing that does.
    pub(super) impossible: bool,
}

impl Plan {
    /// What the model says to this request.
    pub(super) fn say(&self, form: Form, request: &Recorded) -> (Reply, Told) {
        let body = request.json();
        let names: Vec<&str> =
            body["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str()).collect();
        let mut told = Told::default();
        let mut reply = Reply::new();
        let calls = !names.is_empty() && self.steps.iter().any(|step| matches!(step, Step::Call { .. }));
        let written = match form {
            Form::Text | Form::Object => false,
            Form::Schema => !calls,
            Form::Call => !calls || self.written,
        };
        if written {
            let schema = &body["text"]["format"]["schema"];
            let mut dice = Dice::new(self.seed);
            told.written = instance(schema, &mut dice);
            told.impossible = told.written.is_none();
            let text = told.written.as_ref().map_or("Never.".to_owned(), Value::to_string);
            reply = reply.text(Pieces::new(text.as_str()).chars(7));
            told.texts.push(text);
        } else if form == Form::Object && !calls {
            let object = json!({"a": self.seed, "\u{2028}": []});
            let text = serde_json::to_string_pretty(&object).expect("JSON");
            reply = reply.text(Pieces::new(text.as_str()).chars(3));
            told.texts.push(text);
        } else {
            for (at, step) in self.steps.iter().enumerate() {
                match step {
                    Step::Text(..) if matches!(form, Form::Schema | Form::Call) => {}
                    Step::Text(text, cuts) => {
                        reply = reply.text(Pieces::deltas(cut(text, cuts)));
                        told.texts.push(text.clone());
                    }
                    Step::Call { .. } if names.is_empty() => {}
                    Step::Call { id, function, arguments } => {
                        let id = id.clone().unwrap_or_else(|| format!("call_{at}"));
                        let name = *function.get(&names);
                        reply = reply.function_call_as(&id, name, arguments.as_str());
                        told.calls.push((id, name.to_owned(), arguments.clone()));
                    }
                }
            }
        }
        let (input, cached, output, reasoning) = self.usage;
        told.usage = json!([input, cached, output, reasoning]);
        (reply.completed(Usage::new(input.into(), cached.into(), output.into(), reasoning.into())), told)
    }
}

/// The text in pieces of so many characters, and the rest.
fn cut(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut chars = text.chars();
    let mut pieces: Vec<String> =
        lengths.iter().map(|length| chars.by_ref().take(*length).collect()).collect();
    pieces.push(chars.collect());
    pieces
}
