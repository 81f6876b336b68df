//! A chat completion request to a [`Plan`], and to what its answer must be like.

pub mod completions;
mod format;
mod parameters;
mod parse;
pub mod responses;
mod size;
mod tools;

use super::{
    agent::AgentPlan,
    answer::{Allowed, Calling, Expect, Shape},
    blocks::{Blocks, Tools},
    history::{self, Entry, Repair},
    items,
    mode::{OutputMode, Reasoning},
    models::{Alias, Served},
    names::Names,
    plan::Plan,
};
use crate::{
    error::ApiError,
    openai::{
        chat::ChatRequest,
        message::{Message, Role, numbered},
    },
};
pub use parameters::IGNORED;
use parameters::Ignored;
pub use parse::parse;
use serde_json::{Value, value::RawValue};
use std::sync::Arc;

/// How the operator has requests translated.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Other names of models.
    pub aliases: &'a [Alias],
    /// The most bytes of all schemas together.
    pub max_schemas: usize,
    /// The most answers to one request, at least 1.
    pub max_choices: usize,
    /// Whether what would have no effect is refused.
    pub strict: bool,
    /// When the client reads the reasoning.
    pub reasoning: Reasoning,
    /// How calls are told; a request may ask for another way.
    pub output: OutputMode,
    /// The longest call that is written as text and read as one, in bytes.
    pub tool_buffer: usize,
}

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
    /// How many answers there are to be, each by a run of its own.
    pub choices: usize,
    /// Parameters that were sent and have no effect, of [`IGNORED`].
    pub ignored: Vec<&'static str>,
    /// What was changed of the conversation.
    pub repairs: Vec<&'static str>,
}

/// Turns a request into a plan without items: everything that is said without looking into images.
///
/// # Errors
/// What codex can't carry exactly is refused, with the field; `model_not_found` for an unknown model.
pub fn plan(request: &ChatRequest<'_>, served: &Served, options: Options<'_>) -> Result<Chat, ApiError> {
    if request.messages.is_empty() {
        return Err(ApiError::invalid("messages", "`messages` must have at least one message."));
    }
    let mut ignored = Ignored::default();
    parameters::check(request, &mut ignored)?;
    let choices = parameters::choices(request, options.max_choices)?;
    let limits = parameters::limits(request)?;
    let named = parameters::effort(request)?;
    let summary = parameters::summary(request, named, options.reasoning, &mut ignored)?;
    let resolved = served.resolve(&request.model, options.aliases)?;
    let model = resolved.model.as_str();
    let verbosity = parameters::verbosity(request, served.supports_verbosity(model), &mut ignored)?;
    let service_tier = parameters::service_tier(request, served.service_tiers(model), &mut ignored)?;
    match named {
        Some(named) => {
            served.check_effort(model, named.word).map_err(|error| error.with_param(named.path))?;
        }
        None => served.check_name(&request.model, &resolved)?,
    }
    let effort = named.map(|named| named.word.to_owned()).or(resolved.effort);
    items::check(&request.messages)?;
    size::check(request, options.max_schemas)?;
    let names = Names::new(functions(request));
    let mut repairs = Vec::new();
    if given(request).any(|name| names.changes(name)) {
        repairs.push(Repair::ToolName.as_str());
    }
    let tools = tools::tools(request, &names)?;
    let format = format::format(request)?;
    let (shape, schema) = shape(format, tools.forced);
    let blocks = blocks(request, &tools.calling.allowed, &shape, options);
    if let Some((message, part)) = items::detail(&request.messages) {
        ignored.add_at("detail", || format!("messages[{message}].content[{part}].image_url.detail"));
    }
    let by_name = |m: &Message<'_>| m.name.is_some() && !matches!(m.role, Role::Tool | Role::Function);
    if let Some((at, _)) = numbered(&request.messages).find(|(_, message)| by_name(message)) {
        ignored.add_at("name", || format!("messages[{at}].name"));
    }
    let output_schema = schema.map(|schema| raw(&schema));
    Ok(Chat {
        plan: Plan {
            model: Some(resolved.model),
            effort,
            summary,
            verbosity,
            service_tier,
            items: Vec::new(),
            tools: tools.declared,
            output_schema,
            agent: None,
            conversation: None,
        },
        expect: Arc::new(Expect {
            shape,
            calling: tools.calling,
            names,
            limits,
            reasoning: summary.is_some(),
            output: options.output,
            blocks,
            ..Expect::default()
        }),
        model: request.model.clone(),
        stream: request.stream.unwrap_or(false),
        include_usage: request.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
        choices,
        ignored: ignored.into_names(options.strict)?,
        repairs,
    })
}

impl Chat {
    /// Has an agent answer, for a request that [`super::agent::check`] lets pass. Called before anything else shares
    /// what the answer must be like.
    pub fn run_as(&mut self, agent: Arc<AgentPlan>) {
        self.plan.agent = Some(agent);
        let expect = Arc::get_mut(&mut self.expect).expect("nobody shares it before the turn");
        // Nothing that it writes is a call of the client's.
        (expect.agent, expect.calling, expect.blocks) = (true, Calling::default(), None);
    }

    /// Puts the conversation into the plan. `urls` are its images as codex takes them, one for each that
    /// [`items::images`] gives.
    ///
    /// # Errors
    /// 400 with the path of what can't be carried.
    pub fn fill(&mut self, messages: &[Message<'_>], urls: &[String]) -> Result<(), ApiError> {
        let (entries, repairs) = history::entries(messages, &self.expect.calling.customs)?;
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

/// What reads calls that are written in the text, where the client has them read and the text has no form.
fn blocks(
    request: &ChatRequest<'_>,
    allowed: &Allowed,
    shape: &Shape,
    options: Options<'_>,
) -> Option<Blocks> {
    if options.output != OutputMode::TextualTools || !matches!(shape, Shape::Text | Shape::Calls(..)) {
        return None;
    }
    let tools = Tools::of(request, allowed);
    (!tools.is_empty()).then(|| Blocks::new(Arc::new(tools), options.tool_buffer))
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
        let calls = message.tool_calls.iter().flatten();
        let calls = calls.flat_map(|call| {
            let custom = call.custom.as_ref().map(|called| called.name.as_str());
            call.function.as_ref().map(|called| called.name.as_str()).into_iter().chain(custom)
        });
        calls.chain(message.function_call.as_ref().map(|called| called.name.as_str()))
    })
}

fn raw(value: &Value) -> Arc<RawValue> {
    serde_json::value::to_raw_value(value).expect("JSON serializes into memory").into()
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
