//! The turns of one connection to the daemon. Pure: lines in, lines and deltas out.
//!
//! It promises that each turn gets exactly one [`Delta::End`] as its last delta (unless its reader was cut off),
//! and that a turn that was cancelled, cut off or ended leaves no thread behind. Of a turn that is traced, each line is
//! told to its trace.

mod traced;

use super::{asker::Asker, turn::TurnKey};
use crate::trace::TurnTrace;
use crate::translate::{
    agent::{self, AgentPlan},
    event::{Delta, End, Params, delta},
    failure,
    plan::Plan,
};
use bytes::Bytes;
use serde_json::value::RawValue;
use shared::{
    app_server::{
        decline, method,
        start::{
            ThreadParams, ThreadStartParams, ThreadStartResult, TurnInterruptParams, TurnStartParams,
            TurnStartResult,
        },
    },
    id::ThreadId,
    line::Line,
    queue::Sender,
    rpc::{self, ErrorObject, Message, code},
};
use std::{collections::HashMap, sync::Arc, time::SystemTime};
use traced::Late;

/// Looks at a turn that is quiet while codex waits for results of calls, until codex gets answers. The end of the model's
/// answer follows its last call at once, so a turn that is quiet has a long call on its way, or its upstream has failed:
/// codex tells that only when its own calls are answered.
const LOOKS: u32 = 2;

/// What the front asked, and what the answer is for.
#[derive(Debug)]
enum Expected {
    /// The thread of a turn.
    Thread(TurnKey),
    /// A part of a turn's history.
    Injected(TurnKey),
    /// The turn itself.
    Turn(TurnKey),
    /// An interrupt or an unsubscribe; the answer changes nothing.
    Nothing(Option<Late>),
    /// A call of the link itself.
    Call(Call),
}

/// Calls that the link makes for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The handshake.
    Initialize,
    /// `daemon/subscribe`.
    Subscribe,
    /// `daemon/status`, of a daemon that is quiet.
    Status,
    /// `model/list`.
    Models,
    /// `daemon/models`.
    ModelInfos,
    /// `daemon/toggles/set`, with the number of the change.
    Toggles(u64),
    /// `daemon/metrics`.
    Metrics,
}

impl Call {
    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Subscribe => "subscribe",
            Self::Status => "status",
            Self::Models => "models",
            Self::ModelInfos => "model_infos",
            Self::Toggles(_) => "toggles",
            Self::Metrics => "metrics",
        }
    }
}

/// How far a turn is.
#[derive(Debug)]
enum Phase {
    /// `thread/start` is not answered yet.
    Opening(Plan),
    /// The rest was sent; the turn's id is not known yet.
    Starting(ThreadId),
    /// It runs.
    Running(ThreadId, String),
}

#[derive(Debug)]
struct Turn {
    phase: Phase,
    /// Whether it has codex's own tools.
    agent: bool,
    /// For whom it is.
    asker: Asker,
    /// `None` once nobody listens any more.
    deltas: Option<Sender<Delta>>,
    /// Calls of the client's functions that codex waits for.
    asked: Vec<Box<RawValue>>,
    /// Looks since anything was heard of it.
    quiet: u32,
    /// Where its lines are told, where it is traced.
    trace: Option<TurnTrace>,
}

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
        let agent = plan.agent.as_deref();
        let mut config = agent.map(AgentPlan::config).unwrap_or_default();
        config.extend(plan.verbosity.map(|word| ("model_verbosity".to_owned(), word.into())));
        let params = ThreadStartParams {
            ephemeral: true,
            cwd: agent.map_or("/", AgentPlan::workdir).to_owned(),
            environments: agent.is_none().then_some([]),
            base_instructions: agent.is_none().then(String::new),
            developer_instructions: agent.map(AgentPlan::instructions),
            model: plan.model.clone(),
            experimental_raw_events: true,
            approval_policy: "never",
            sandbox: "read-only",
            config,
            dynamic_tools: plan.tools.as_deref(),
        };
        let line =
            self.request_for(Some(&asker), Expected::Thread(key), method::THREAD_START, &params, false);
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

    /// A while has passed: calls of turns that have been quiet for long are answered.
    pub fn look(&mut self, out: &mut Vec<Line>) {
        for turn in self.turns.values_mut().filter(|turn| !turn.asked.is_empty()) {
            turn.quiet += 1;
            if turn.quiet > LOOKS {
                for id in turn.asked.drain(..) {
                    let line = declined(method::TOOL_CALL, &id);
                    traced::declined(turn.trace.as_ref(), method::TOOL_CALL, &id, &line);
                    out.push(line);
                }
            }
        }
    }

    /// A call of a turn: false when the turn is none of ours.
    fn asks(&mut self, params: Option<&Params<'_>>, id: &RawValue) -> bool {
        let thread = params.and_then(|params| params.thread_id.as_deref());
        let key = thread.and_then(|thread| self.by_thread.get(thread));
        let Some(turn) = key.and_then(|key| self.turns.get_mut(key)) else { return false };
        turn.asked.push(id.to_owned());
        turn.quiet = 0;
        true
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
                    self.end(key, End::Refused(Box::new(error)), out);
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
        for items in plan.items {
            let line = self.inject(key, &asker, &id, items);
            out.push(line);
        }
        let agent = plan.agent.as_deref();
        let params = TurnStartParams {
            thread_id: id.as_str(),
            environments: agent.is_none().then_some([]),
            cwd: agent.map(AgentPlan::workdir),
            input: [],
            effort: plan.effort.as_deref(),
            summary: plan.summary,
            service_tier: plan.service_tier,
            sandbox_policy: agent.and_then(AgentPlan::sandbox_policy),
            output_schema: plan.output_schema.as_deref(),
        };
        // Results of calls come with the client's next request: the model is not to be asked again in this one. An agent
        // calls its own tools, and goes on.
        let once = agent.is_none();
        let line = self.request_for(Some(&asker), Expected::Turn(key), method::TURN_START, &params, once);
        out.push(self.sent(method::TURN_START, Some(&id), None, line));
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
                let params = TurnInterruptParams { thread_id: thread.as_str(), turn_id: &id };
                let late = Late::of(turn.trace.as_ref(), method::TURN_INTERRUPT);
                let line = self.request(Expected::Nothing(late), method::TURN_INTERRUPT, &params);
                out.push(self.sent(method::TURN_INTERRUPT, Some(&thread), Some(&id), line));
                self.unsubscribe(&thread, turn.trace, out);
            }
        }
    }

    fn unsubscribe(&mut self, thread: &ThreadId, trace: Option<TurnTrace>, out: &mut Vec<Line>) {
        self.by_thread.remove(thread.as_str());
        let params = ThreadParams { thread_id: thread.as_str() };
        let late = Late::of(trace.as_ref(), method::THREAD_UNSUBSCRIBE);
        let line = self.request(Expected::Nothing(late), method::THREAD_UNSUBSCRIBE, &params);
        out.push(self.sent(method::THREAD_UNSUBSCRIBE, Some(thread), None, line));
    }

    fn request<P: serde::Serialize>(&mut self, expected: Expected, method: &str, params: &P) -> Line {
        self.request_for(None, expected, method, params, false)
    }

    fn request_for<P: serde::Serialize>(
        &mut self,
        asker: Option<&Asker>,
        expected: Expected,
        method: &str,
        params: &P,
        once: bool,
    ) -> Line {
        let id = self.expect(expected);
        let (caller, request, trace) = asker.map_or((None, None, None), Asker::members);
        Line::json(&rpc::Request { id, method, params, caller, once, request, trace })
    }

    /// `thread/inject_items` around items that are JSON already: they are not copied.
    fn inject(&mut self, key: TurnKey, asker: &Asker, thread: &ThreadId, items: Bytes) -> Line {
        let id = self.expect(Expected::Injected(key));
        let name = serde_json::to_string(thread.as_str()).expect("a string serializes");
        let head = format!(
            r#"{{"id":{id},{}"method":"{}","params":{{"threadId":{name},"items":"#,
            asker.text(),
            method::THREAD_INJECT_ITEMS
        );
        let line = Line::spliced(head.into(), items, Bytes::from_static(b"}}"));
        self.sent(method::THREAD_INJECT_ITEMS, Some(thread), None, line)
    }

    fn expect(&mut self, expected: Expected) -> u64 {
        self.next += 1;
        self.expected.insert(self.next, expected);
        self.next
    }
}

fn declined(method: &str, id: &RawValue) -> Line {
    match decline::answer(method, SystemTime::now()) {
        Ok(result) => Line::json(&rpc::Answer { id, result }),
        Err(error) => Line::json(&rpc::ErrorAnswer { id, error: &error }),
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
