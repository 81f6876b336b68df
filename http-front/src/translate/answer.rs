//! What a turn says, gathered to the end of an answer. Pure.
//!
//! It decides when an answer is complete: with the turn's end, or as soon as the model's calls and their usage are
//! known, for codex would wait for their results, which come with the client's next request. And it decides what the
//! text is, where it is more than text: JSON of a schema, any JSON object, or a call.
//!
//! It promises one [`Step::Done`] for each turn, and that nothing of a text whose form is checked goes out before.

mod calls;
mod closing;
mod ending;
mod expect;
mod filter;
mod flow;
mod held;
mod object;
mod scan;
mod usage;

pub use closing::{Call, Closing, FinishReason};
pub use expect::{Allowed, Calling, Expect, Shape};
pub use usage::Late;

use self::flow::Flow;
use super::{
    blocks::Counts,
    event::Delta,
    failure,
    limit::Reached,
    work::{CommandDone, Work},
};
use crate::{
    error::{ApiError, Kind},
    openai::usage::Tokens,
};
use bytes::Bytes;
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
    /// The model calls a function: it has said something, which goes out with the end.
    Called,
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
    /// Whether a limit ended the answer before its model call told what it used.
    owed: bool,
    /// Whether the turn was run once more.
    again: bool,
    /// Whether the turn came to its own end, so that all it used was told or never will be.
    complete: bool,
    /// The threads of its turns.
    threads: Vec<Arc<str>>,
    /// The end of a text that goes out as it comes, but for parts.
    rest: String,
    /// What an agent did.
    work: Work,
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
            owed: false,
            again: false,
            complete: false,
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

    /// The answer is broken off where its text may end: what was held back of it.
    pub fn flush(&mut self) -> String {
        let Flow::Filtered(filter) = &mut self.flow else { return String::new() };
        filter.finish().0
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
                self.complete = false;
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
                    Flow::Held(held) => (String::new(), held.message(text)),
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
                Ok(()) => Step::Called,
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
                Some(error) => {
                    self.complete = false;
                    Step::Failed(error)
                }
                None => {
                    self.complete = true;
                    self.end(&end)
                }
            },
        }
    }

    fn text(&mut self, item: Bytes, text: Bytes) -> Step {
        let (out, reached) = match (&mut self.flow, serde_json::from_slice::<Text<'_>>(&text)) {
            (Flow::Through, _) => return self.out(Delta::Text { item, text }),
            (_, Err(_)) => return Step::Alive,
            (Flow::Filtered(filter), Ok(text)) => filter.text(&item, &text),
            (Flow::Held(held), Ok(text)) => (String::new(), held.text(&item, &text)),
        };
        self.filtered(out, reached)
    }

    /// What goes out of a text, and whether the answer ends there.
    fn filtered(&mut self, out: String, reached: Option<Reached>) -> Step {
        match reached {
            None => filter::delta(&out).map_or(Step::Alive, |delta| self.out(delta)),
            Some(reached) => {
                // The turn is interrupted in the middle of a model call, which mostly tells no usage then.
                self.owed = true;
                self.over(out, reached)
            }
        }
    }

    /// The text is complete: what was held back of it for its limits goes out. `Some`: one of them ends the answer.
    fn finish_text(&mut self) -> Option<Step> {
        let (out, reached) = match &mut self.flow {
            Flow::Through => (String::new(), None),
            Flow::Filtered(filter) => filter.finish(),
            Flow::Held(held) => (String::new(), held.finish()),
        };
        if let Some(reached) = reached {
            return Some(self.over(out, reached));
        }
        self.rest = out;
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
}

fn strange(message: &'static str) -> ApiError {
    ApiError::new(Kind::Upstream, message)
}

#[cfg(test)]
mod tests;
