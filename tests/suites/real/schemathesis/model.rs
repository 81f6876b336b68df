//! The model that answers whatever may be asked: with a value of the schema where there is one, with calls where there
//! are functions, and else with a text that is a JSON object, since it can't know who wants one. Some answers are refusals,
//! some are cut short, and some calls are blocks in the text.

use gateway_tests::upstream::{Brain, Pieces, Reasoning, Recorded, Reply, Usage};
use serde_json::{Value, json};

use crate::{crowd::Dice, legal::instances::instance};

/// What `hooks.py` has a request say that wants a JSON object, since codex can't say it.
const IN_JSON: &str = "Answer in JSON.";

/// Nothing but what it is asked decides what it says, and the number of the request.
#[derive(Debug, Default)]
pub(super) struct Model;

impl Brain for Model {
    fn reply(&self, request: &Recorded) -> Reply {
        let mut dice = Dice::new(request.seq);
        let body = request.json();
        let schema = &body["text"]["format"]["schema"];
        let tools = body["tools"].as_array().map_or(&[][..], Vec::as_slice);
        let mut reply = Reply::new();
        if body["reasoning"]["summary"].is_string() {
            reply = reply.reasoning(Reasoning::new().summary("Weighing it.").summary("Saying it."));
        }
        let said = if schema.is_object() {
            instance(schema, &mut dice).map(|value| reply.text(pieces(&value)))
        } else if !tools.is_empty() && dice.roll(2) == 0 {
            called(reply, tools, &mut dice)
        } else if dice.roll(16) == 0 {
            Some(reply.refusal("I won't."))
        } else if let Some(name) = tools.first().and_then(|tool| tool["name"].as_str())
            && dice.roll(3) == 0
            && !body.to_string().contains(IN_JSON)
        {
            Some(reply.text(format!("As text: <use_tool><name>{name}</name></use_tool>")))
        } else {
            Some(reply.text(pieces(&json!({ "seq": request.seq, "Grüße": "\u{1f980} \"x\"\n" }))))
        };
        let input = 1 + dice.roll(1000);
        let output = 1 + dice.roll(1000);
        let usage = Usage::new(input, dice.roll(input), output, dice.roll(output));
        match said {
            Some(reply) if dice.roll(16) == 0 => reply.incomplete("max_output_tokens"),
            Some(reply) => reply.completed(usage),
            None => Reply::error(400, "no value can be of this schema"),
        }
    }
}

/// One or two calls with arguments that their functions take.
fn called(mut reply: Reply, tools: &[Value], dice: &mut Dice) -> Option<Reply> {
    for _ in 0..=dice.roll(2) {
        let tool = &tools[usize::try_from(dice.roll(tools.len() as u64)).ok()?];
        let arguments = instance(&tool["parameters"], dice)?;
        reply = reply.function_call(tool["name"].as_str()?, arguments.to_string());
    }
    Some(reply)
}

fn pieces(value: &Value) -> Pieces {
    Pieces::new(value.to_string()).chars(6)
}
