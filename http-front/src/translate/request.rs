//! A chat completion request to a [`Plan`], and to what its answer must be like.

mod format;
mod parameters;
mod parse;
mod size;
mod tools;

use super::{
    agent::AgentPlan,
    answer::{Expect, Shape},
    history::{self, Entry, Repair},
    items,
    models::{Alias, Served},
    names::Names,
    plan::Plan,
};
use crate::{
    error::ApiError,
    openai::{
        chat::ChatRequest,
        message::{Message, Role},
    },
};
pub use parse::parse;
use serde_json::{Value, value::RawValue};
use std::sync::Arc;

/// What a chat completion asks for.
#[derive(Debug)]
pub struct Chat {
    /// The turn; its items are those of [`Chat::fill`].
    pub plan: Plan,
    /// What the answer must be like.
    pub expect: Arc<Expect>,
    /// The model as the client named it; the answer names the same.
    pub model: String,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Whether a usage chunk ends the stream.
    pub include_usage: bool,
    /// Parameters that were sent and have no effect.
    pub ignored: Vec<&'static str>,
    /// What was changed of the conversation.
    pub repairs: Vec<&'static str>,
}

/// Turns a request into a plan without items: everything that is said without looking into images. Its schemas may have
/// `max_schemas` bytes.
///
/// # Errors
/// What codex can't carry exactly is refused, with the field; `model_not_found` for an unknown model.
pub fn plan(
    request: &ChatRequest<'_>,
    served: &Served,
    aliases: &[Alias],
    max_schemas: usize,
) -> Result<Chat, ApiError> {
    if request.messages.is_empty() {
        return Err(ApiError::invalid("messages", "`messages` must have at least one message."));
    }
    let mut ignored = parameters::parameters(request)?;
    parameters::notes(request)?;
    let resolved = served.resolve(&request.model, aliases)?;
    let effort = request.reasoning_effort.clone().or(resolved.effort);
    if let Some(effort) = &effort {
        served.check_effort(&resolved.model, effort)?;
    }
    items::check(&request.messages)?;
    size::check(request, max_schemas)?;
    let names = Names::new(functions(request));
    let mut repairs = Vec::new();
    if given(request).any(|name| names.changes(name)) {
        repairs.push(Repair::ToolName.as_str());
    }
    let tools = tools::tools(request, &names)?;
    let format = format::format(request)?;
    let (shape, schema) = shape(format, tools.forced);
    if items::any_detail(&request.messages) {
        ignored.push("detail");
    }
    if request.messages.iter().any(|m| m.name.is_some() && !matches!(m.role, Role::Tool | Role::Function)) {
        ignored.push("name");
    }
    let output_schema = schema.map(|schema| raw(&schema));
    Ok(Chat {
        plan: Plan {
            model: Some(resolved.model),
            effort,
            summary: None,
            verbosity: None,
            service_tier: None,
            items: Vec::new(),
            tools: tools.declared,
            output_schema,
            agent: None,
        },
        expect: Arc::new(Expect { shape, calling: tools.calling, names, agent: false }),
        model: request.model.clone(),
        stream: request.stream.unwrap_or(false),
        include_usage: request.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
        ignored,
        repairs,
    })
}

impl Chat {
    /// Has an agent answer, for a request that [`super::agent::check`] lets pass. Called before anything else shares
    /// what the answer must be like.
    pub fn run_as(&mut self, agent: Arc<AgentPlan>) {
        self.plan.agent = Some(agent);
        Arc::get_mut(&mut self.expect).expect("nobody shares it before the turn").agent = true;
    }

    /// Puts the conversation into the plan. `urls` are its images as codex takes them, one for each that
    /// [`items::images`] gives.
    ///
    /// # Errors
    /// 400 with the path of what can't be carried.
    pub fn fill(&mut self, messages: &[Message<'_>], urls: &[String]) -> Result<(), ApiError> {
        let (entries, repairs) = history::entries(messages)?;
        let names = &self.expect.names;
        let changed = |entry: &Entry<'_>| matches!(entry, Entry::Call { name, .. } if names.changes(name));
        let told = Repair::ToolName.as_str();
        if !self.repairs.contains(&told) && entries.iter().any(changed) {
            self.repairs.push(told);
        }
        self.plan.items = items::lines(&entries, names, urls);
        self.repairs.extend(repairs.into_iter().map(Repair::as_str));
        Ok(())
    }
}

/// What the text is to be: the call that must come, or what the client asks for.
fn shape(format: format::Format, forced: Option<tools::Forced>) -> (Shape, Option<Value>) {
    match (forced, format) {
        // A call that must come leaves no text that could have a form.
        (Some(tools::Forced { calls, functions }), _) => {
            let schema = calls.schema.clone();
            (Shape::Calls(Box::new(calls), functions), Some(schema))
        }
        (None, format::Format::Text) => (Shape::Text, None),
        (None, format::Format::Object) => (Shape::Object, None),
        (None, format::Format::Schema(output)) => {
            let schema = output.schema.clone();
            (Shape::Schema(output), Some(schema))
        }
    }
}

/// Every name of a function in the request: those that may be called first.
fn functions<'a>(request: &'a ChatRequest<'_>) -> impl Iterator<Item = &'a str> {
    let results = request.messages.iter().filter(|m| matches!(m.role, Role::Function | Role::Tool));
    // The one that we make up ourselves: no odd name becomes it.
    let more = results.filter_map(|message| message.name.as_deref()).chain([history::UNKNOWN]);
    given(request).chain(called(request)).chain(more)
}

/// The functions that may be called.
fn given<'a>(request: &'a ChatRequest<'_>) -> impl Iterator<Item = &'a str> {
    let tools = request.tools.iter().flatten().filter_map(|tool| tool.function.as_ref());
    tools.chain(request.functions.iter().flatten()).map(|function| function.name.as_str())
}

/// The functions that were called.
fn called<'a>(request: &'a ChatRequest<'_>) -> impl Iterator<Item = &'a str> {
    request.messages.iter().flat_map(|message| {
        let calls = message.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
        calls.chain(&message.function_call).map(|called| called.name.as_str())
    })
}

fn raw(value: &Value) -> Arc<RawValue> {
    serde_json::value::to_raw_value(value).expect("JSON serializes into memory").into()
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
