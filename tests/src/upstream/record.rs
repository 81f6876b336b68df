//! Remembers the requests and how each of them ended, and lets tests wait for either.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

/// How many requests to other paths are remembered.
const STRAYS_KEPT: usize = 100;

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordMode {
    /// Every request, whole.
    All,
    /// The last so many, without their bodies.
    Last(usize),
    /// Only the [`Totals`].
    CountOnly,
}

/// One request to `/v1/responses`.
#[derive(Debug)]
pub struct Recorded {
    /// Its place among them, from 0.
    pub seq: u64,
    /// When its body was complete.
    pub at: Instant,
    /// Its headers, names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// Its body as it came; empty under [`RecordMode::Last`].
    pub body: Bytes,
    /// What OpenAI would refuse about it, each as `param: message`.
    pub problems: Vec<String>,
    pub(super) parsed: OnceLock<Value>,
}

impl Recorded {
    /// Its body as JSON, parsed when first asked for; `null` if it is none.
    pub fn json(&self) -> &Value {
        self.parsed.get_or_init(|| serde_json::from_slice(&self.body).unwrap_or(Value::Null))
    }

    /// The first header of this (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The items of `input`.
    pub fn input(&self) -> &[Value] {
        self.json().get("input").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The text of the last user message, its text parts joined by newlines.
    pub fn last_user_text(&self) -> Option<String> {
        let item = self.input().iter().rev().find(|item| is_user(item))?;
        Some(text_of(item.get("content")?))
    }

    /// The outputs of the functions that were called after the last user message.
    pub fn outputs_since_user(&self) -> Vec<String> {
        let input = self.input();
        let start = input.iter().rposition(is_user).map_or(0, |at| at + 1);
        let outputs = input.iter().skip(start).filter(|item| {
            item.get("type").and_then(Value::as_str).is_some_and(|kind| kind == "function_call_output")
        });
        outputs.filter_map(|item| item.get("output")).map(text_of).collect()
    }

    /// What `prompt_cache_key` says: with codex, the thread.
    pub fn cache_key(&self) -> Option<&str> {
        self.json().get("prompt_cache_key").and_then(Value::as_str)
    }

    fn without_body(&self) -> Self {
        Self {
            seq: self.seq,
            at: self.at,
            headers: self.headers.clone(),
            body: Bytes::new(),
            problems: self.problems.clone(),
            parsed: OnceLock::new(),
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not.
    Running,
    /// Its reply was written to the end.
    Answered,
    /// It was refused with a 400, for its problems.
    Refused,
    /// The script cut the connection.
    Cut {
        /// Events written before.
        after_events: usize,
    },
    /// The peer closed the connection while the reply was still going on.
    PeerClosed {
        /// Events written before.
        after_events: usize,
    },
    /// The upstream was shut down meanwhile.
    Stopped,
}

/// Requests by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All that came.
    pub requests: u64,
    /// See [`Outcome::Answered`].
    pub answered: u64,
    /// See [`Outcome::Refused`].
    pub refused: u64,
    /// See [`Outcome::Cut`].
    pub cut: u64,
    /// See [`Outcome::PeerClosed`].
    pub peer_closed: u64,
    /// See [`Outcome::Stopped`].
    pub stopped: u64,
}

impl Totals {
    /// Those that have not ended.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.requests - self.answered - self.refused - self.cut - self.peer_closed - self.stopped
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Running => {}
            Outcome::Answered => self.answered += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Cut { .. } => self.cut += 1,
            Outcome::PeerClosed { .. } => self.peer_closed += 1,
            Outcome::Stopped => self.stopped += 1,
        }
    }
}

/// What was waited for did not come in time.
#[derive(Debug, Clone)]
pub struct Expired(String);

impl Expired {
    pub(super) fn new(what: &str, deadline: Duration, seen: &str) -> Self {
        Self(format!("waited {deadline:?} for {what}, in vain; {seen}"))
    }
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Expired {}

#[derive(Debug)]
struct Entry {
    request: Arc<Recorded>,
    outcome: Outcome,
}

#[derive(Debug, Default)]
struct State {
    entries: VecDeque<Entry>,
    totals: Totals,
    strays: VecDeque<String>,
    stopping: bool,
}

/// The memory of one upstream.
#[derive(Debug)]
pub(super) struct Log {
    mode: RecordMode,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

impl Log {
    pub(super) fn new(mode: RecordMode) -> Self {
        Self { mode, state: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// Numbers a request and remembers it as far as the mode says.
    pub(super) fn enter(self: &Arc<Self>, mut request: Recorded) -> (Arc<Recorded>, Ticket) {
        let mut state = self.state();
        request.seq = state.totals.requests;
        state.totals.requests += 1;
        let request = Arc::new(request);
        let kept = match self.mode {
            RecordMode::All => Some((Arc::clone(&request), usize::MAX)),
            RecordMode::Last(count) => Some((Arc::new(request.without_body()), count)),
            RecordMode::CountOnly => None,
        };
        if let Some((request, most)) = kept {
            state.entries.push_back(Entry { request, outcome: Outcome::Running });
            while state.entries.len() > most {
                state.entries.pop_front();
            }
        }
        drop(state);
        self.changed.send_replace(());
        let ticket = Ticket { log: Arc::clone(self), seq: request.seq, events: 0, done: false };
        (request, ticket)
    }

    pub(super) fn stray(&self, request: String) {
        let mut state = self.state();
        if state.strays.len() < STRAYS_KEPT {
            state.strays.push_back(request);
        }
    }

    /// From here on a dropped stream was stopped by us, not closed by the peer.
    pub(super) fn stop(&self) {
        self.state().stopping = true;
    }

    pub(super) fn requests(&self) -> Vec<Arc<Recorded>> {
        self.state().entries.iter().map(|entry| Arc::clone(&entry.request)).collect()
    }

    pub(super) fn strays(&self) -> Vec<String> {
        self.state().strays.iter().cloned().collect()
    }

    pub(super) fn totals(&self) -> Totals {
        self.state().totals
    }

    pub(super) fn outcome(&self, seq: u64) -> Option<Outcome> {
        self.state().entries.iter().find(|entry| entry.request.seq == seq).map(|entry| entry.outcome)
    }

    /// Asks `look` after each change until it finds something.
    pub(super) async fn wait<T>(
        &self,
        what: &str,
        deadline: Duration,
        look: impl Fn(&Self) -> Option<T>,
    ) -> Result<T, Expired> {
        let mut changes = self.changed.subscribe();
        let found = tokio::time::timeout(deadline, async {
            loop {
                if let Some(found) = look(self) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        });
        match found.await {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(Expired::new(what, deadline, &self.summary())),
        }
    }

    fn summary(&self) -> String {
        let state = self.state();
        let mut text = format!("{:?}", state.totals);
        for entry in state.entries.iter().rev().take(20) {
            let request = &entry.request;
            text.push_str(&format!(
                "\n  #{} {:?} {:?} problems {:?}",
                request.seq,
                entry.outcome,
                request.last_user_text().map(|text| text.chars().take(80).collect::<String>()),
                request.problems,
            ));
        }
        text
    }

    fn end(&self, seq: u64, outcome: Outcome) {
        let mut state = self.state();
        state.totals.count(outcome);
        if let Some(entry) = state.entries.iter_mut().rev().find(|entry| entry.request.seq == seq) {
            entry.outcome = outcome;
        }
        drop(state);
        self.changed.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to say, once, how a request ended. Dropped before that, the peer has closed.
#[derive(Debug)]
pub(super) struct Ticket {
    log: Arc<Log>,
    seq: u64,
    events: usize,
    done: bool,
}

impl Ticket {
    pub(super) fn wrote(&mut self, events: usize) {
        self.events += events;
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }

    pub(super) fn finish(&mut self, outcome: Outcome) {
        if !self.done {
            self.done = true;
            self.log.end(self.seq, outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.done {
            let stopping = self.log.state().stopping;
            let gone = Outcome::PeerClosed { after_events: self.events };
            self.finish(if stopping { Outcome::Stopped } else { gone });
        }
    }
}

fn is_user(item: &Value) -> bool {
    item.get("role").and_then(Value::as_str).is_some_and(|role| role == "user")
}

/// A string, or the texts of parts joined by newlines.
fn text_of(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
    texts.join("\n")
}
