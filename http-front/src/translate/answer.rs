//! What a turn says, gathered to the end of an answer. Pure.
//!
//! It decides when an answer is complete: with the turn's end, or as soon as the model's calls and their usage are
//! known, for codex would wait for their results, which come with the client's next request. And it decides what the
//! text is, where it is more than text: JSON of a schema, any JSON object, or a call.
//!
//! It promises one [`Step::Done`] for each turn, and that nothing of a text whose form is checked goes out before.

mod closing;
mod expect;
mod filter;
mod held;
mod object;
mod scan;

pub use closing::{Call, Closing, FinishReason};
pub use expect::{Allowed, Calling, Expect, Shape};

use self::{filter::Filter, held::Held};
use super::{
    blocks::{self, Counts},
    event::{Cut, Delta, End},
    failure,
    limit::{Limits, Reached},
    mode::OutputMode,
    work::{CommandDone, Work},
};
use crate::{
    error::{ApiError, Kind},
    openai::usage::Tokens,
};
use bytes::Bytes;
use serde_json::value::RawValue;
use shared::rpc::text::Text;
use std::sync::Arc;

/// What stands between two messages of one turn.
pub const SEPARATOR: &str = "\n\n";
/// An empty text, as the child writes it.
const EMPTY: &[u8] = b"\"\"";
/// What a client reads where the model refused: codex doesn't hand on the model's own words.
pub const REFUSAL: &str = "The model refused to answer.";

/// What a delta means for the answer.
#[derive(Debug)]
pub enum Step {
    /// It says nothing.
    Quiet,
    /// It shows that the model works, and nothing goes out.
    Alive,
    /// It goes out.
    Out(Delta),
    /// The turn is to be run once more: what it said was not what it must be.
    Again,
    /// The answer is complete. Whatever the turn still says is of no use.
    Done(Box<Closing>),
    /// The answer failed.
    Failed(ApiError),
}

/// Gathers one answer.
#[derive(Debug)]
pub struct Gather {
    expect: Arc<Expect>,
    /// What stands before the numbers of ids that are made here.
    id: String,
    calls: Vec<Call>,
    /// Whether a message began of which nothing was said yet.
    begun: bool,
    /// Whether a part of the reasoning went out and not the whole.
    thinking: bool,
    /// Messages that said something.
    messages: usize,
    /// The message that is being said.
    item: Option<Bytes>,
    /// What becomes of the text.
    flow: Flow,
    /// What became of calls that are written as text.
    counts: Counts,
    usage: Option<Tokens>,
    /// Whether a model call did not tell what it used: then the sum would be wrong.
    untold: bool,
    /// Whether the turn was run once more.
    again: bool,
    /// The threads of its turns.
    threads: Vec<Arc<str>>,
    /// The end of a text that goes out as it comes, but for parts.
    rest: String,
    /// What an agent did.
    work: Work,
}

/// What becomes of the text of an answer.
#[derive(Debug)]
enum Flow {
    /// It goes out as it comes.
    Through,
    /// It goes out as it comes, but for parts.
    Filtered(Filter),
    /// It is held back until the answer is complete.
    Held(Held),
}

impl Flow {
    fn of(expect: &Expect, stream: bool) -> Self {
        let limits = &expect.limits;
        let plain = !limits.any() && expect.blocks.is_none();
        match &expect.shape {
            Shape::Text if plain => Self::Through,
            Shape::Text if stream => Self::Filtered(Filter::new(limits, expect.blocks.clone())),
            // Each message of an agent is of the schema, and the last one is the answer.
            Shape::Schema(_) if expect.agent => Self::Held(Held::new(limits)),
            Shape::Schema(output) if stream && output.is_exact() && limits.any() => {
                Self::Filtered(Filter::new(limits, None))
            }
            Shape::Schema(output) if stream && output.is_exact() => Self::Through,
            // A call is not cut: a part of one is of no use.
            Shape::Calls(..) => Self::Held(Held::new(&Limits::default())),
            Shape::Text | Shape::Schema(_) | Shape::Object => Self::Held(Held::new(limits)),
        }
    }
}

/// Several messages as one text.
fn joined(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(SEPARATOR)
}

impl Gather {
    /// The answer named `id`, of which nothing was said yet; as a `stream`, or as a whole. Where the request has several,
    /// it is the one with this `index`.
    pub fn new(expect: Arc<Expect>, id: &str, index: usize, stream: bool) -> Self {
        let mut id = id.rsplit('-').next().unwrap_or(id).to_owned();
        if index > 0 {
            id.push_str(&format!("_{index}"));
        }
        let flow = Flow::of(&expect, stream);
        Self {
            expect,
            id,
            calls: Vec::new(),
            begun: false,
            thinking: false,
            messages: 0,
            item: None,
            flow,
            counts: Counts::default(),
            usage: None,
            untold: false,
            again: false,
            threads: Vec::new(),
            rest: String::new(),
            work: Work::default(),
        }
    }

    /// Whether text goes out as it comes: then the first sign of life begins the answer.
    pub fn streams(&self) -> bool {
        match self.flow {
            Flow::Through | Flow::Filtered(_) => true,
            Flow::Held(_) => false,
        }
    }

    /// The threads of its turns: one, or two where the turn was run once more.
    pub fn threads(&self) -> &[Arc<str>] {
        &self.threads
    }

    /// Bytes by which complete messages were something else than what went out of them.
    pub fn differs(&self) -> usize {
        match &self.flow {
            Flow::Filtered(filter) => filter.differs,
            Flow::Through | Flow::Held(_) => 0,
        }
    }

    /// The answer is over, complete or not: what became of the calls in its text. Once; a block that isn't complete
    /// came to nothing.
    pub fn close(&mut self) -> Counts {
        if let Flow::Filtered(filter) = &mut self.flow {
            filter.end();
            self.counts += filter.counts();
        }
        std::mem::take(&mut self.counts)
    }

    /// What the model calls used; `None` where one of them did not tell.
    pub fn usage(&self) -> Option<Tokens> {
        self.usage.filter(|_| !self.untold)
    }

    /// What an agent did so far: programs by name, never their arguments.
    pub fn work(&self) -> &[CommandDone] {
        self.work.list()
    }

    /// Takes what the turn said.
    pub fn take(&mut self, delta: Delta) -> Step {
        match delta {
            Delta::Alive => Step::Alive,
            Delta::Thread(thread) => {
                self.threads.push(thread);
                Step::Quiet
            }
            Delta::Begun
            | Delta::Text { .. }
            | Delta::Message { .. }
            | Delta::Reasoning { .. }
            | Delta::Reasoned { .. }
                if self.work.is_compacting() =>
            {
                Step::Alive
            }
            Delta::Begun => {
                self.begun = true;
                Step::Alive
            }
            Delta::Reasoning { .. } | Delta::Reasoned { .. } if self.expect.reasoning => {
                self.thinking = matches!(delta, Delta::Reasoning { .. });
                Step::Out(delta)
            }
            Delta::Reasoning { .. } | Delta::Reasoned { .. } => Step::Alive,
            Delta::Text { item, text } => {
                self.begun = false;
                // An empty text says nothing yet.
                if self.item.as_ref() != Some(&item) && text != EMPTY {
                    self.item = Some(item.clone());
                    self.messages += 1;
                }
                self.text(item, text)
            }
            Delta::Message { text } => {
                self.begun = false;
                if self.item.take().is_none() && !text.is_empty() {
                    self.messages += 1;
                }
                let (out, reached) = match &mut self.flow {
                    Flow::Through => return self.out(Delta::Message { text }),
                    Flow::Filtered(filter) => filter.message(&text),
                    Flow::Held(held) => (None, held.message(text)),
                };
                self.filtered(out, reached)
            }
            // codex keeps the calls that it has, without results, and the model would answer to that.
            Delta::Retry if !self.calls.is_empty() => Step::Failed(failure::broken()),
            // What was said is complete: of an agent's earlier calls of the model nothing comes again.
            Delta::Retry if self.expect.agent && self.item.is_none() && !self.begun && !self.thinking => {
                Step::Alive
            }
            Delta::Retry => {
                match &mut self.flow {
                    Flow::Through => {}
                    Flow::Filtered(filter) => filter.back(),
                    Flow::Held(held) => held.back(),
                }
                (self.begun, self.thinking, self.item) = (false, false, None);
                Step::Out(Delta::Retry)
            }
            Delta::Call { id, name, arguments } => match self.call(&id, &name, arguments) {
                Ok(()) => Step::Alive,
                Err(error) => Step::Failed(error),
            },
            Delta::Command(seen) => {
                self.work.take(seen);
                Step::Alive
            }
            Delta::Foreign => {
                Step::Failed(strange("The model called something that is no function; try again."))
            }
            Delta::Usage(tokens) => {
                match tokens {
                    Some(tokens) => *self.usage.get_or_insert_default() += tokens,
                    None => self.untold = true,
                }
                if self.calls.is_empty() {
                    return Step::Alive;
                }
                // Its calls would be answered by codex itself, or wait for results that come with the next request.
                if let Some(step) = self.finish_text() {
                    return step;
                }
                let held = self.held();
                let text = match &self.expect.shape {
                    // What was written beside a call only to be one is no text for the client.
                    Shape::Calls(calls, _) => {
                        joined(held.into_iter().filter(|text| calls.read(text).is_none()))
                    }
                    Shape::Schema(output) => {
                        joined(held.into_iter().map(|text| output.restore(&text).unwrap_or(text)))
                    }
                    Shape::Text | Shape::Object => joined(held),
                };
                self.done(text, FinishReason::Stop)
            }
            Delta::End(end) => match failure::error(&end) {
                Some(error) => Step::Failed(error),
                None => self.end(&end),
            },
        }
    }

    fn text(&mut self, item: Bytes, text: Bytes) -> Step {
        let (out, reached) = match (&mut self.flow, serde_json::from_slice::<Text<'_>>(&text)) {
            (Flow::Through, _) => return self.out(Delta::Text { item, text }),
            (_, Err(_)) => return Step::Alive,
            (Flow::Filtered(filter), Ok(text)) => filter.text(&item, &text),
            (Flow::Held(held), Ok(text)) => (None, held.text(&item, &text)),
        };
        self.filtered(out, reached)
    }

    /// What goes out of a text, and whether the answer ends there.
    fn filtered(&mut self, out: Option<Delta>, reached: Option<Reached>) -> Step {
        match (out, reached) {
            (Some(delta), None) => self.out(delta),
            (None, None) => Step::Alive,
            (out, Some(reached)) => {
                // The turn is interrupted in the middle of a model call, which then tells no usage.
                self.untold = true;
                self.over(out, reached)
            }
        }
    }

    /// A limit ends the answer; `out` still goes out.
    fn over(&mut self, out: Option<Delta>, reached: Reached) -> Step {
        let reason = match reached {
            Reached::Stop => FinishReason::Stop,
            Reached::Length => FinishReason::Length,
        };
        let text = match &mut self.flow {
            Flow::Through => String::new(),
            Flow::Held(held) => held.cut(),
            Flow::Filtered(filter) => {
                self.rest = out.as_ref().map(said).unwrap_or_default() + &filter.end();
                String::new()
            }
        };
        let text = match &self.expect.shape {
            Shape::Schema(output) => output.restore(&text).unwrap_or(text),
            Shape::Text | Shape::Object | Shape::Calls(..) => text,
        };
        self.done(text, reason)
    }

    /// The text is complete: what was held back of it for its limits goes out. `Some`: one of them ends the answer.
    fn finish_text(&mut self) -> Option<Step> {
        let (out, reached) = match &mut self.flow {
            Flow::Through => (None, None),
            Flow::Filtered(filter) => filter.finish(),
            Flow::Held(held) => (None, held.finish()),
        };
        if let Some(reached) = reached {
            return Some(self.over(out, reached));
        }
        self.rest = out.as_ref().map(said).unwrap_or_default();
        None
    }

    /// The messages that were held back.
    fn held(&mut self) -> Vec<String> {
        match &mut self.flow {
            Flow::Through | Flow::Filtered(_) => Vec::new(),
            Flow::Held(held) => held.take(),
        }
    }

    /// Text that goes out as it comes. Behind a text of a schema nothing can come that would still be one.
    fn out(&self, delta: Delta) -> Step {
        match self.expect.shape {
            Shape::Schema(_) if self.messages > 1 => {
                Step::Failed(strange("The model wrote more than the one text of the schema; try again."))
            }
            Shape::Schema(_) | Shape::Text | Shape::Object | Shape::Calls(..) => Step::Out(delta),
        }
    }

    /// A call of the model.
    fn call(&mut self, id: &str, name: &str, arguments: String) -> Result<(), ApiError> {
        if self.expect.calling.single && !self.calls.is_empty() {
            return Ok(());
        }
        let name = self.expect.names.original(name);
        let allowed = match &self.expect.calling.allowed {
            Allowed::Any => true,
            Allowed::Only(names) => names.iter().any(|allowed| allowed == name),
            Allowed::None => false,
        };
        if !allowed {
            return Err(strange("The model called a function that it was not given; try again."));
        }
        // A function without parameters is sometimes called with nothing at all.
        let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
        if serde_json::from_str::<&RawValue>(&arguments).is_err() {
            return Err(strange("The model called a function with arguments that are not JSON; try again."));
        }
        if !self.expect.calling.customs.takes(name, &arguments) {
            return Err(strange("The model called a custom tool without a text; try again."));
        }
        let usable = (1..=64).contains(&id.len()) && !self.calls.iter().any(|call| call.id == id);
        let id = if usable { id.to_owned() } else { self.mint() };
        let name = name.to_owned();
        self.calls.push(Call { id, name, arguments, custom: false });
        Ok(())
    }

    fn mint(&self) -> String {
        format!("call_{}_{}", self.id, self.calls.len())
    }

    /// The turn has ended well, or early.
    fn end(&mut self, end: &End) -> Step {
        let reason = match end {
            End::Incomplete(Cut::Length) => FinishReason::Length,
            End::Incomplete(Cut::ContentFilter) => FinishReason::ContentFilter,
            End::Completed
            | End::Interrupted
            | End::Failed(_)
            | End::Refused(_)
            | End::Lost
            | End::Unavailable
            | End::Stopped => FinishReason::Stop,
        };
        if let Some(step) = self.finish_text() {
            return step;
        }
        let held = self.held();
        if reason != FinishReason::Stop || self.begun {
            let text = match &self.expect.shape {
                Shape::Text | Shape::Object => joined(held),
                Shape::Schema(output) => {
                    joined(held.into_iter().map(|text| output.restore(&text).unwrap_or(text)))
                }
                // A part of what is no text for the client.
                Shape::Calls(..) => String::new(),
            };
            return self.done(text, reason);
        }
        // A model may say something first, in a message of its own: the last one that is of the form is the answer.
        let mut last = held.iter().rev();
        match &self.expect.clone().shape {
            Shape::Text => self.done(joined(held), reason),
            Shape::Object => match last.find_map(|text| object::read(text)) {
                Some(object) => self.done(object.to_owned(), reason),
                None if !(self.again || self.expect.agent) => {
                    self.again = true;
                    (self.messages, self.item) = (0, None);
                    Step::Again
                }
                None => Step::Failed(strange("The model did not write a JSON object; try again.")),
            },
            Shape::Schema(_) if self.streams() => self.done(String::new(), reason),
            Shape::Schema(output) if output.is_exact() => {
                let fits = held.iter().rev().find(|text| output.restore(text).is_some());
                self.done(fits.or(held.last()).cloned().unwrap_or_default(), reason)
            }
            Shape::Schema(output) => match last.find_map(|text| output.restore(text)) {
                Some(text) => self.done(text, reason),
                None => Step::Failed(strange("The model did not write JSON of the schema; try again.")),
            },
            Shape::Calls(calls, functions) => match last.find_map(|text| calls.read(text)) {
                Some(read) => {
                    for (at, arguments) in read {
                        let Some(name) = functions.get(at).cloned() else { continue };
                        let id = self.mint();
                        self.calls.push(Call { id, name, arguments, custom: false });
                    }
                    self.done(String::new(), reason)
                }
                None => Step::Failed(strange("The model did not call a function; try again.")),
            },
        }
    }

    fn done(&mut self, text: String, reason: FinishReason) -> Step {
        let text = self.written(text);
        let mut calls = std::mem::take(&mut self.calls);
        let Calling { single, legacy, customs, .. } = &self.expect.calling;
        let legacy = *legacy;
        if *single {
            calls.truncate(1);
        }
        // A message of which nothing ever came holds what codex can't read: a refusal.
        let refused = self.begun && reason == FinishReason::Stop && calls.is_empty();
        let mut text = Some(text).filter(|text| !text.is_empty());
        if self.expect.output == OutputMode::ObsidianXml && !calls.is_empty() {
            let written: Vec<String> =
                calls.drain(..).map(|call| blocks::block(&call.name, &call.arguments)).collect();
            self.counts += Counts::written(written.len());
            text = Some(joined(text.into_iter().chain([written.join("\n")])));
        }
        let calls: Vec<Call> = calls.into_iter().map(|call| customs.told(call)).collect();
        let reason = match (reason, calls.is_empty()) {
            (FinishReason::Stop, false) if legacy => FinishReason::FunctionCall,
            (FinishReason::Stop, false) => FinishReason::ToolCalls,
            (reason, _) => reason,
        };
        Step::Done(Box::new(Closing {
            rest: std::mem::take(&mut self.rest),
            text,
            calls,
            legacy,
            refusal: refused.then_some(REFUSAL),
            reason,
        }))
    }

    /// Takes the calls that are written in the text out of it.
    fn written(&mut self, text: String) -> String {
        let (text, calls) = match (&mut self.flow, &self.expect.blocks) {
            (Flow::Filtered(filter), _) => (text, filter.calls()),
            (Flow::Held(_), Some(blocks)) => {
                let (text, calls, counts) = filter::read(blocks.clone(), &text);
                self.counts += counts;
                (text, calls)
            }
            (Flow::Held(_), None) | (Flow::Through, _) => return text,
        };
        for (name, arguments) in calls {
            let id = self.mint();
            self.calls.push(Call { id, name, arguments, custom: false });
        }
        text
    }
}

/// What a text of our own says.
fn said(delta: &Delta) -> String {
    match delta {
        Delta::Text { text, .. } => serde_json::from_slice(text).unwrap_or_default(),
        Delta::Message { text } => text.clone(),
        Delta::Alive
        | Delta::Begun
        | Delta::Thread(_)
        | Delta::Reasoning { .. }
        | Delta::Reasoned { .. }
        | Delta::Call { .. }
        | Delta::Foreign
        | Delta::Command(_)
        | Delta::Usage(_)
        | Delta::Retry
        | Delta::End(_) => String::new(),
    }
}

fn strange(message: &'static str) -> ApiError {
    ApiError::new(Kind::Upstream, message)
}

#[cfg(test)]
mod tests;
