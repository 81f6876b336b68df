//! The trace buffer: what went over the daemon's socket for a request, without its content, in a file for a while.
//!
//! Owns the traces of running requests and the folder that they end in. Promises: what a trace holds is chosen by
//! allow-list ([`redact`]); a trace has a bounded number of entries; writing it happens on a thread of its own, and a
//! request never waits for that or fails by it. It never keeps a text that a client, codex or the upstream wrote.

mod buffer;
mod folder;
mod frames;
pub mod methods;
pub mod prune;
pub mod redact;

pub use buffer::{Traces, TracesError};

use crate::{openai::usage::Tokens, record::RequestId, records::Outcome};
use frames::Frames;
use redact::Facts;
use serde_json::value::RawValue;
use shared::{
    time,
    trace::{FORMAT, FileName, RequestName, Trace as File},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the front to the daemon.
    ToDaemon,
    /// From the daemon to the front.
    FromDaemon,
}

impl Direction {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToDaemon => "to_daemon",
            Self::FromDaemon => "from_daemon",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone)]
pub struct Head {
    /// The route's pattern.
    pub route: &'static str,
    /// The status that went out.
    pub status: Option<u16>,
    /// In which way.
    pub outcome: Outcome,
    /// The code of the error, where it is a plain word.
    pub error_code: Option<String>,
    /// Milliseconds from its beginning.
    pub latency_ms: u64,
    /// What it used, exactly.
    pub usage: Option<Tokens>,
}

/// The trace of one request. Its last clone, held by the request or by whatever of its turns the daemon still has to
/// answer, hands it to the writer: so what is said behind the answer's end is in it.
#[derive(Debug, Clone)]
pub struct Trace(Arc<Running>);

#[derive(Debug)]
struct Running {
    id: RequestId,
    began: SystemTime,
    model: Option<String>,
    state: Mutex<State>,
    traces: Traces,
}

#[derive(Debug, Default)]
struct State {
    turns: u32,
    frames: Frames,
    head: Option<Head>,
}

impl Trace {
    fn new(traces: Traces, id: RequestId, began: SystemTime, model: Option<String>) -> Self {
        Self(Arc::new(Running { id, began, model, state: Mutex::default(), traces }))
    }

    /// The next turn of the request.
    pub fn turn(&self) -> TurnTrace {
        let mut state = self.0.state();
        let number = state.turns;
        state.turns = state.turns.saturating_add(1);
        TurnTrace { trace: self.clone(), number }
    }

    /// The request has ended.
    pub fn close(&self, head: Head) {
        self.0.state().head = Some(head);
    }
}

/// The part of a trace that one turn has.
#[derive(Debug, Clone)]
pub struct TurnTrace {
    trace: Trace,
    number: u32,
}

impl TurnTrace {
    /// A request was sent; thread and turn as codex calls them.
    pub fn sent(
        &self,
        method: &'static str,
        id: u64,
        thread: Option<&str>,
        turn: Option<&str>,
        bytes: usize,
    ) {
        let facts = Facts {
            kind: "request",
            method: Some(methods::known(method)),
            id: Some(id.to_string()),
            thread: thread.and_then(redact::uuid),
            turn: turn.and_then(redact::uuid),
            ..Facts::default()
        };
        self.push(Direction::ToDaemon, facts, bytes);
    }

    /// A request of codex's was answered, with an error of this code or well.
    pub fn answered(&self, method: &str, id: &RawValue, code: Option<i64>, bytes: usize) {
        let facts = Facts {
            kind: if code.is_some() { "error" } else { "response" },
            method: Some(methods::known(method)),
            id: redact::rpc_id(id),
            code,
            ..Facts::default()
        };
        self.push(Direction::ToDaemon, facts, bytes);
    }

    /// A line came. `asked` is the method that it answers, where it is an answer.
    pub fn heard(&self, line: &[u8], asked: Option<&'static str>) {
        let mut facts = redact::read(line);
        facts.method = facts.method.or(asked.map(methods::known));
        self.push(Direction::FromDaemon, facts, line.len());
    }

    fn push(&self, direction: Direction, facts: Facts, bytes: usize) {
        let running = &self.trace.0;
        let at = running.id.elapsed_ms();
        running.state().frames.push(self.number, direction, facts, bytes as u64, at);
    }
}

impl Running {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let state = std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        // A request without an end and a name that is none of ours are no traces; neither exists.
        if let (Some(head), Some(request)) = (state.head, RequestName::read(self.id.as_str())) {
            let name = FileName { at: self.began, request };
            self.traces.hand_over(Finished { name, model: self.model.take(), head, frames: state.frames });
        }
    }
}

/// A trace whose request and turns are over.
#[derive(Debug)]
struct Finished {
    name: FileName,
    model: Option<String>,
    head: Head,
    frames: Frames,
}

impl Finished {
    fn into_file(self) -> (FileName, File) {
        let Self { name, model, head, frames } = self;
        let (frames, frames_dropped) = frames.into_entries();
        let file = File {
            format: FORMAT,
            req_id: name.request.to_string(),
            timestamp: time::utc(name.at),
            route: head.route.into(),
            model,
            status: head.status,
            outcome: head.outcome.as_str().into(),
            error_code: head.error_code,
            latency_ms: head.latency_ms,
            usage: head.usage.map(redact::counts),
            frames_dropped,
            frames,
        };
        (name, file)
    }
}
