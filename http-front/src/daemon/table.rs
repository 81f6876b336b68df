//! The turns of one connection to the daemon. Pure: lines in, lines and deltas out.
//!
//! It promises that each turn gets exactly one [`Delta::End`] as its last delta (unless its reader was cut off),
//! and that a turn that was cancelled, cut off or ended leaves no thread behind. Of a turn that is traced, each line is
//! told to its trace.

mod asked;
mod call;
mod out;
mod traced;
mod turn;

use super::{asker::Asker, turn::TurnKey};
use crate::trace::TurnTrace;
use crate::translate::{
    agent,
    event::{Delta, End, Params, delta},
    failure,
    plan::Plan,
};
use asked::declined;
use bytes::Bytes;
pub use call::Call;
use serde_json::value::RawValue;
use shared::{
    app_server::{
        method,
        start::{ThreadStartResult, TurnStartResult},
    },
    id::ThreadId,
    line::Line,
    queue::Sender,
    rpc::{ErrorObject, Message, code},
};
use std::{collections::HashMap, sync::Arc};
use turn::{Expected, Phase, Turn};

/// What a line was, beyond the turns.
#[derive(Debug)]
pub enum Heard<'a> {
    /// Nothing more.
    Nothing,
    /// A notification without a turn of ours.
    Notification {
        /// Its name.
        name: String,
    },
    /// codex adds instructions of its own to a turn, which was ended for it. The operator must know.
    Instructed {
        /// The request that it was for.
        request: Option<Arc<str>>,
    },
    /// The answer to a call of the link.
    Answer(Call, Result<&'a RawValue, ErrorObject>),
}

/// The turns and calls of one connection.
#[derive(Debug, Default)]
pub struct Table {
    next: u64,
    expected: HashMap<u64, Expected>,
    turns: HashMap<TurnKey, Turn>,
    by_thread: HashMap<ThreadId, TurnKey>,
    /// Whether any turn was traced: otherwise nothing is looked up for it.
    traces: bool,
}

impl Table {
    /// Turns that are listened to or not let go yet.
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    /// Whether there is no turn.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whether this turn is listened to or not let go yet.
    pub fn has(&self, key: TurnKey) -> bool {
        self.turns.contains_key(&key)
    }

    /// Whether there is no turn, and no answer that is still to come.
    pub fn is_done(&self) -> bool {
        self.turns.is_empty() && self.expected.is_empty()
    }

    /// A call of the link itself.
    pub fn call<P: serde::Serialize>(&mut self, call: Call, method: &str, params: &P) -> Line {
        self.request(Expected::Call(call), method, params)
    }

    /// Starts a turn. The rest of its requests follows the answer that names its thread.
    pub fn start(
        &mut self,
        key: TurnKey,
        plan: Plan,
        asker: Asker,
        deltas: Sender<Delta>,
        trace: Option<TurnTrace>,
    ) -> Line {
        let line = self.thread_start(key, &plan, &asker);
        let agent = plan.agent.is_some();
        let turn = Turn {
            phase: Phase::Opening(plan),
            agent,
            asker,
            deltas: Some(deltas),
            asked: Vec::new(),
            quiet: 0,
            trace,
        };
        self.traces |= turn.trace.is_some();
        self.turns.insert(key, turn);
        self.sent(method::THREAD_START, None, None, line)
    }

    /// Nobody listens to a turn any more: it is interrupted, and its thread let go. While its thread is not known
    /// it stays, and is let go as soon as it is.
    pub fn cancel(&mut self, key: TurnKey, out: &mut Vec<Line>) {
        let Some(turn) = self.turns.get_mut(&key) else {
            return;
        };
        turn.deltas = None;
        match &turn.phase {
            Phase::Opening(_) => {}
            Phase::Starting(_) | Phase::Running(..) => self.let_go(key, out),
        }
    }

    /// The daemon hangs: turns without a thread end, so that another worker may run them. A thread that comes after all is let go.
    pub fn give_up_unopened(&mut self) {
        for turn in self.turns.values_mut().filter(|turn| matches!(turn.phase, Phase::Opening(_))) {
            if let Some(deltas) = turn.deltas.take() {
                deltas.push_last(Delta::End(End::Unavailable));
            }
        }
    }

    /// The connection is gone: every turn ends with `end`.
    pub fn lost(&mut self, end: &End) {
        for turn in self.turns.drain().map(|(_, turn)| turn) {
            if let Some(deltas) = turn.deltas {
                deltas.push_last(Delta::End(end.clone()));
            }
        }
        self.expected.clear();
        self.by_thread.clear();
    }

    /// The daemon sent a line.
    pub fn on_line<'a>(&mut self, line: &'a Bytes, out: &mut Vec<Line>) -> Heard<'a> {
        let message = Message::<Params<'_>, &RawValue>::parse(line);
        if self.traces
            && let Ok(message) = &message
        {
            self.heard(message, line);
        }
        match message {
            Ok(Message::Notification { method, params }) => {
                let params = params.unwrap_or_default();
                let key = params.thread_id.as_deref().and_then(|thread| self.by_thread.get(thread)).copied();
                match key {
                    Some(key) => {
                        let turn = self.turns.get(&key);
                        let agent = turn.is_some_and(|turn| turn.agent);
                        let request = turn.and_then(|turn| turn.asker.request.clone());
                        let read = if agent { agent::delta } else { delta };
                        let delta = read(&method, &params, line);
                        let instructed =
                            matches!(&delta, Some(Delta::End(end)) if failure::is_instructed(end));
                        if let Some(delta) = delta {
                            self.deliver(key, delta, out);
                        }
                        if instructed { Heard::Instructed { request } } else { Heard::Nothing }
                    }
                    None => Heard::Notification { name: method.to_string() },
                }
            }
            Ok(Message::Response { id, result }) => self.on_answer(id, Ok(result), out),
            Ok(Message::Error { id, error }) => {
                let error = serde_json::from_str(error.get()).unwrap_or_else(|_| ErrorObject {
                    code: code::INTERNAL,
                    message: "an error that could not be read".into(),
                    data: None,
                });
                self.on_answer(id, Err(error), out)
            }
            // A call of the client's functions: its result comes with the client's next request. The turn waits for it
            // until it is interrupted.
            Ok(Message::Request { id, method, params, .. })
                if &*method == method::TOOL_CALL && self.asks(params.as_ref(), id) =>
            {
                Heard::Nothing
            }
            // There is nobody to ask, and nothing is approved that the sandbox doesn't allow.
            Ok(Message::Request { id, method, params, .. }) => {
                let line = declined(&method, id);
                self.declines(params.as_ref(), &method, id, &line);
                out.push(line);
                Heard::Nothing
            }
            Err(_) => Heard::Nothing,
        }
    }

    fn on_answer<'a>(
        &mut self,
        id: &RawValue,
        answer: Result<&'a RawValue, ErrorObject>,
        out: &mut Vec<Line>,
    ) -> Heard<'a> {
        let Some(expected) = id.get().parse().ok().and_then(|id: u64| self.expected.remove(&id)) else {
            return Heard::Nothing;
        };
        match expected {
            Expected::Call(call) => return Heard::Answer(call, answer),
            Expected::Nothing(_) => {}
            Expected::Thread(key) => match answer {
                Ok(result) => return self.opened(key, result, out),
                Err(error) => self.end(key, End::Refused(Box::new(error)), out),
            },
            Expected::Injected(key) => {
                if let Err(error) = answer {
                    self.end(key, End::NotInjected(Box::new(error)), out);
                }
            }
            Expected::Turn(key) => match answer {
                Ok(result) => self.started(key, result),
                Err(error) => self.end(key, End::Refused(Box::new(error)), out),
            },
        }
        Heard::Nothing
    }

    /// The thread is known: the history and the turn go out together.
    fn opened<'a>(&mut self, key: TurnKey, result: &RawValue, out: &mut Vec<Line>) -> Heard<'a> {
        let Ok(ThreadStartResult { thread, instruction_sources }) = serde_json::from_str(result.get()) else {
            self.end(key, strange(), out);
            return Heard::Nothing;
        };
        let id = ThreadId::from(thread.id.as_str());
        let Some(turn) = self.turns.get_mut(&key) else {
            return Heard::Nothing;
        };
        let (abandoned, asker) = (turn.deltas.is_none(), turn.asker.clone());
        let Phase::Opening(plan) = std::mem::replace(&mut turn.phase, Phase::Starting(id.clone())) else {
            return Heard::Nothing;
        };
        self.by_thread.insert(id.clone(), key);
        if abandoned {
            self.let_go(key, out);
            return Heard::Nothing;
        }
        if !instruction_sources.is_empty() {
            self.end(key, failure::instructed(), out);
            return Heard::Instructed { request: asker.request };
        }
        self.deliver(key, Delta::Thread(thread.id.into()), out);
        self.turn_start(key, plan, &asker, &id, out);
        Heard::Nothing
    }

    fn started(&mut self, key: TurnKey, result: &RawValue) {
        if let Some(turn) = self.turns.get_mut(&key)
            && let Phase::Starting(thread) = &turn.phase
            && let Ok(TurnStartResult { turn: started }) = serde_json::from_str(result.get())
        {
            turn.phase = Phase::Running(thread.clone(), started.id);
            turn.asker.taken.set();
        }
    }

    fn deliver(&mut self, key: TurnKey, delta: Delta, out: &mut Vec<Line>) {
        if let Delta::End(end) = delta {
            return self.end(key, end, out);
        }
        let Some(turn) = self.turns.get_mut(&key) else {
            return;
        };
        turn.quiet = 0;
        if let Some(deltas) = &turn.deltas
            && deltas.push(delta).is_err()
        {
            // Its reader is too slow: without a sender it sees the end of its queue.
            turn.deltas = None;
            self.let_go(key, out);
        }
    }

    /// The turn is over, by its own end or because it could not be started.
    fn end(&mut self, key: TurnKey, end: End, out: &mut Vec<Line>) {
        let Some(turn) = self.turns.remove(&key) else {
            return;
        };
        if let Some(deltas) = turn.deltas {
            deltas.push_last(Delta::End(end));
        }
        match turn.phase {
            Phase::Opening(_) => {}
            Phase::Starting(thread) | Phase::Running(thread, _) => self.unsubscribe(&thread, turn.trace, out),
        }
    }

    fn let_go(&mut self, key: TurnKey, out: &mut Vec<Line>) {
        let Some(turn) = self.turns.remove(&key) else {
            return;
        };
        match turn.phase {
            Phase::Opening(_) => {}
            // The daemon interrupts a turn whose id is not known yet on its own.
            Phase::Starting(thread) => self.unsubscribe(&thread, turn.trace, out),
            Phase::Running(thread, id) => {
                self.interrupt(&thread, &id, turn.trace.as_ref(), out);
                self.unsubscribe(&thread, turn.trace, out);
            }
        }
    }
}

fn strange() -> End {
    End::Refused(Box::new(ErrorObject {
        code: code::INTERNAL,
        message: "an answer that could not be read".into(),
        data: None,
    }))
}

#[cfg(test)]
mod tests;
