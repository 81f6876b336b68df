//! How an answer ends: which of the messages is its text, where it is more than text, and what a limit leaves of it.

use super::{
    Call, Calling, Closing, FinishReason, Flow, Gather, REFUSAL, Shape, Step, filter, joined, object, strange,
};
use crate::translate::{
    blocks::{self, Counts},
    event::{Cut, End},
    limit::Reached,
    mode::OutputMode,
};

impl Gather {
    /// A limit ends the answer; `out` still goes out. The model's calls stand behind its text, so none is told.
    pub(super) fn over(&mut self, out: String, reached: Reached) -> Step {
        let reason = match reached {
            Reached::Stop => FinishReason::Stop,
            Reached::Length => FinishReason::Length,
        };
        self.calls.clear();
        let text = match (&mut self.flow, &self.expect.shape) {
            (Flow::Through, _) => String::new(),
            (Flow::Held(held), Shape::Text) => held.cut(),
            (Flow::Held(held), Shape::Schema(_) | Shape::Object | Shape::Calls(..)) => {
                let messages = held.cut_messages();
                self.cut(messages)
            }
            (Flow::Filtered(filter), _) => {
                self.rest = out + &filter.end();
                String::new()
            }
        };
        self.done(text, reason)
    }

    /// The turn has ended well, or early.
    pub(super) fn end(&mut self, end: &End) -> Step {
        let reason = match end {
            End::Incomplete(Cut::Length) => FinishReason::Length,
            End::Incomplete(Cut::ContentFilter) => FinishReason::ContentFilter,
            End::Completed
            | End::Interrupted
            | End::Failed(_)
            | End::Refused(_)
            | End::NotInjected(_)
            | End::Lost
            | End::Unavailable
            | End::Stopped => FinishReason::Stop,
        };
        if let Some(step) = self.finish_text() {
            return step;
        }
        let held = self.held();
        if reason != FinishReason::Stop || self.begun {
            let text = self.cut(held);
            return self.done(text, reason);
        }
        // A model may say something first, in a message of its own: the last one that is of the form is the answer.
        let fits = held.iter().rev().find_map(|text| self.fit(text));
        match (&self.expect.clone().shape, fits) {
            (Shape::Text, _) => self.done(joined(held), reason),
            (Shape::Schema(_), _) if self.streams() => self.done(String::new(), reason),
            (Shape::Object | Shape::Schema(_), Some(text)) => self.done(text, reason),
            (Shape::Object, None) if !(self.again || self.expect.agent) => {
                self.again = true;
                (self.messages, self.item) = (0, None);
                Step::Again
            }
            (Shape::Object, None) => {
                Step::Failed(strange("The model did not write a JSON object; try again."))
            }
            (Shape::Schema(output), None) if output.is_exact() => {
                self.done(held.into_iter().next_back().unwrap_or_default(), reason)
            }
            (Shape::Schema(_), None) => {
                Step::Failed(strange("The model did not write JSON of the schema; try again."))
            }
            (Shape::Calls(calls, functions), _) => {
                match held.iter().rev().find_map(|text| calls.read(text)) {
                    Some(read) => {
                        for (at, arguments) in read {
                            let Some(name) = functions.get(at).cloned() else { continue };
                            let id = self.mint();
                            self.calls.push(Call { id, name, arguments, custom: false });
                        }
                        self.done(String::new(), reason)
                    }
                    None => {
                        let text = self.written(joined(held));
                        if self.calls.is_empty() {
                            return Step::Failed(strange("The model did not call a function; try again."));
                        }
                        self.closed(text, reason)
                    }
                }
            }
        }
    }

    /// A message as the client reads it, where it is of the form that was asked for.
    fn fit(&self, text: &str) -> Option<String> {
        match &self.expect.shape {
            Shape::Object => object::read(text).map(str::to_owned),
            Shape::Schema(output) if output.is_exact() => output.restore(text).map(|_| text.to_owned()),
            Shape::Schema(output) => output.restore(text),
            Shape::Text | Shape::Calls(..) => None,
        }
    }

    /// What the client reads of messages that came to an early end.
    fn cut(&self, messages: Vec<String>) -> String {
        match &self.expect.shape {
            Shape::Text => joined(messages),
            // A part of what is no text for the client.
            Shape::Calls(..) => String::new(),
            Shape::Object | Shape::Schema(_) => {
                let last = messages.last().map(String::as_str).unwrap_or_default();
                // The one that was cut is the answer, unless it only speaks of one that is there.
                let begins = last.trim_start().starts_with(['{', '`']);
                let mut whole = messages.iter().rev().take(if begins { 1 } else { usize::MAX });
                whole.find_map(|text| self.fit(text)).unwrap_or_else(|| match &self.expect.shape {
                    Shape::Schema(output) => output.cut(last).to_owned(),
                    Shape::Object => object::cut(last).to_owned(),
                    Shape::Text | Shape::Calls(..) => last.to_owned(),
                })
            }
        }
    }

    /// The answer is complete.
    pub(super) fn done(&mut self, text: String, reason: FinishReason) -> Step {
        let (text, reason) = self.stopped(text, reason);
        let text = self.written(text);
        self.closed(text, reason)
    }

    /// The answer is complete, and the calls that stood in its text are read.
    fn closed(&mut self, text: String, reason: FinishReason) -> Step {
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
            let written = blocks::blocks(calls.iter().map(|call| (&*call.name, &*call.arguments)));
            self.counts += Counts::written(calls.len());
            calls.clear();
            text = Some(joined(text.into_iter().chain([written])));
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

    /// Ends a text of a form at a stop text. The model's own writing of it may hold one that the client never sees, and
    /// the other way around, so it is looked for in what the client reads.
    fn stopped(&mut self, text: String, reason: FinishReason) -> (String, FinishReason) {
        match (&self.expect.shape, &self.flow) {
            (Shape::Object | Shape::Schema(_), Flow::Held(_)) => {
                let (text, stopped) = self.expect.limits.stopped(text);
                if stopped {
                    self.calls.clear();
                }
                (text, if stopped { FinishReason::Stop } else { reason })
            }
            (Shape::Text | Shape::Calls(..), _) | (_, Flow::Through | Flow::Filtered(_)) => (text, reason),
        }
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
