//! Lines of clients.

use super::{Asked, Conn, Core, RETRY_AFTER, params::Params, raw};
use crate::mux::{
    action::Action,
    admit::{Around, Caller, Waiting},
    observe::Arrival,
    table::Kind,
    whose::Whose,
};
use bytes::Bytes;
use opentelemetry::trace::SpanContext;
use otel::context;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use shared::{
    app_server::{method, start::InitializeParams},
    control::{self, WorkerState},
    id::{ConnId, ThreadId},
    line::Line,
    rpc::{self, ErrorObject, Message, Trace, code, scope::Scope, strict},
};
use std::time::{Duration, Instant};

/// The longest id that a client may choose, in bytes of JSON.
const MAX_ID: usize = 256;
/// The longest `initialize`, in bytes: what it says is kept as long as the connection.
const MAX_INITIALIZE: usize = 64 * 1024;
/// Notifications that a client may opt out of; the protocol has fewer.
const MAX_OPT_OUTS: usize = 256;
/// The longest name of a caller, in bytes.
const MAX_CALLER: usize = 128;
/// A delay before the next start that requests wait for instead of being refused.
pub(super) const SHORT: Duration = Duration::from_secs(1);

/// A request of a client, parsed.
struct Asks<'a> {
    line: &'a Bytes,
    id: &'a RawValue,
    name: &'a str,
    params: Params<'a>,
    trace: Option<&'a RawValue>,
    caller: Option<&'a RawValue>,
    once: bool,
    request: Option<&'a RawValue>,
}

impl Core {
    /// A client connected; `operator`: whether it may restart and drain.
    pub fn on_connected(&mut self, conn: ConnId, operator: bool) {
        self.conns.insert(conn, Conn { operator, ..Conn::default() });
    }

    /// A client sent a line that was too long to be read.
    pub fn on_overlong(&mut self, conn: ConnId, limit: usize, out: &mut Vec<Action>) {
        self.refuse(conn, None, &code::overlong(limit), out);
    }

    /// A client sent a line.
    pub fn on_client(&mut self, conn: ConnId, line: Bytes, now: Instant, out: &mut Vec<Action>) {
        if !self.conns.contains_key(&conn) {
            return;
        }
        match strict::parse::<Params<'_>>(&line) {
            Err(why) => {
                let id = strict::id(&line).filter(|id| is_id(id));
                self.refuse(conn, id, &code::malformed(&why), out);
            }
            Ok(Message::Request { id, method, params, trace, caller, once, request }) => {
                let params = params.unwrap_or(Params::Object(Scope::default()));
                let asks = Asks { line: &line, id, name: &method, params, trace, caller, once, request };
                self.on_request(conn, asks, now, out);
            }
            // `initialized` needs no answer, and clients have nothing else to notify of.
            Ok(Message::Notification { .. }) => {}
            Ok(Message::Response { id, .. } | Message::Error { id, .. }) => {
                self.on_answer(conn, &line, id, out)
            }
        }
        self.pump(now, out);
    }

    fn on_request(&mut self, conn: ConnId, asks: Asks<'_>, now: Instant, out: &mut Vec<Action>) {
        let Asks { line, id, name, params, trace, caller, once, request } = asks;
        let Some(client) = self.conns.get_mut(&conn) else {
            return;
        };
        let text = id.get();
        if !is_id(id) {
            return self.refuse(conn, None, &code::bad_id(), out);
        }
        let kind = Kind::of(name);
        // What frees resources has room of its own: a client with too much going on must be able to end some.
        let room = self.limits.client_requests * if kind.is_control() { 2 } else { 1 };
        if client.in_flight.len() >= room {
            return self.refuse(conn, Some(id), &code::overloaded(RETRY_AFTER), out);
        }
        let id_bytes = Bytes::copy_from_slice(text.as_bytes());
        if !client.in_flight.insert(id_bytes.clone()) {
            return self.refuse(conn, Some(id), &code::duplicate_id(), out);
        }
        match name {
            control::STATUS | control::SUBSCRIBE | control::MODELS | control::RESTART | control::DRAIN => {
                return self.on_own(conn, id_bytes, name, now, out);
            }
            control::metrics::METRICS => return self.on_metrics(conn, id_bytes, now, out),
            control::toggles::SET => return self.on_set_toggles(conn, id_bytes, line, now, out),
            method::INITIALIZE => return self.on_initialize(conn, id_bytes, line, now, out),
            _ => {}
        }
        // What a client pipelines behind its `initialize` waits with it for the child.
        let initialized = client.initialized || client.greeting.is_some();
        let Some(caller) = caller.map_or(Some(Caller::default()), caller_name) else {
            return self.fail(conn, &id_bytes, &code::bad_caller(MAX_CALLER), out);
        };
        let Params::Object(scope) = params else {
            return self.fail(conn, &id_bytes, &code::invalid_params("not an object"), out);
        };
        let thread = scope.thread.as_deref();
        if let Err(error) = self.check(conn, initialized, name, thread, line) {
            return self.fail(conn, &id_bytes, &error, out);
        }
        // Whoever asks for no HTTP request of the front's may name what it likes; only the front's names are kept.
        let parent = trace.and_then(parent);
        let whose = Whose::read(request, parent.as_ref());
        if kind == Kind::StartTurn
            && let Some(thread) = thread.and_then(|thread| self.threads.get_mut(thread))
        {
            thread.once = once;
            thread.whose = whose.clone();
        }
        if kind == Kind::Unsubscribe
            && let Some(thread) = thread
        {
            self.withdraw(conn, thread, now, out);
        }
        let request = whose.request.as_ref();
        let arrival = Arrival { conn, method: name, id, thread, request, parent: parent.as_ref() };
        let (seen, told) = self.observe.arrived(arrival, now);
        if kind == Kind::Interrupt && self.is_interrupted(thread, scope.turn.as_deref()) {
            // Its client wanted that with the start of the turn; codex would say that there is no such turn any more.
            self.observe.settled(&seen, now);
            return self.answer(conn, &id_bytes, &serde_json::json!({}), out);
        }
        let waiting = Waiting {
            conn,
            caller,
            whose,
            seen,
            id: id_bytes,
            around: Around::of(line, id, told.as_ref().and_then(|told| Some((trace?, told)))),
            kind,
            thread: thread.map(ThreadId::from),
            deadline: now + self.limits.request_timeout,
            attempts: 0,
        };
        let target = self.target(thread);
        self.admission(target).push(waiting);
    }

    /// Whether this client may send this request now.
    fn check(
        &self,
        conn: ConnId,
        initialized: bool,
        name: &str,
        thread: Option<&str>,
        line: &[u8],
    ) -> Result<(), ErrorObject> {
        if !initialized {
            return Err(code::not_initialized());
        }
        self.policy.check(name, line)?;
        if let Some(thread) = thread.and_then(|t| self.threads.get(t))
            && thread.owner != Some(conn)
        {
            return Err(code::not_owner());
        }
        if self.draining && !Kind::of(name).is_control() {
            return Err(code::draining(RETRY_AFTER));
        }
        // Counted only when there are so many threads at all.
        if Kind::of(name) == Kind::OpenThread
            && self.threads.len() >= self.limits.client_threads
            && self.threads.of(conn).len() >= self.limits.client_threads
        {
            return Err(code::too_many_threads(self.limits.client_threads));
        }
        // A child that is being replaced has its threads while another one is down.
        if self.target(thread).is_none() && self.is_down() {
            return Err(code::unavailable(self.retry_after()));
        }
        Ok(())
    }

    /// Whether the daemon has interrupted this turn because the model has called functions.
    fn is_interrupted(&self, thread: Option<&str>, turn: Option<&str>) -> bool {
        let thread = thread.and_then(|thread| self.threads.get(thread));
        thread.zip(turn).is_some_and(|(thread, turn)| thread.is_interrupted(turn))
    }

    /// Whether no child is there soon. A short delay before the next start is waited for.
    pub(super) fn is_down(&self) -> bool {
        match self.status.state {
            WorkerState::Ready
            | WorkerState::Draining
            | WorkerState::Starting
            | WorkerState::Initializing => false,
            WorkerState::Backoff => self.retry_after() > SHORT,
            WorkerState::Stopped => true,
        }
    }

    /// Takes back what a client has not got sent yet for a thread that it lets go.
    fn withdraw(&mut self, conn: ConnId, thread: &str, now: Instant, out: &mut Vec<Action>) {
        let admission =
            |generation| self.lanes.get(generation).is_some_and(|lane| lane.admission.names(thread));
        if !self.lobby.names(thread) && !self.lanes.keys().any(admission) {
            return;
        }
        let withdrawn = self.take_waiting(|w| {
            w.conn == conn
                && w.kind != Kind::Unsubscribe
                && w.thread.as_ref().is_some_and(|t| t.as_str() == thread)
        });
        for waiting in withdrawn {
            self.fail_waiting(waiting, &code::cancelled(), now, out);
        }
    }

    fn on_initialize(&mut self, conn: ConnId, id: Bytes, line: &Bytes, now: Instant, out: &mut Vec<Action>) {
        let Some(client) = self.conns.get_mut(&conn) else {
            return;
        };
        if client.initialized || client.greeting.is_some() {
            return self.fail(conn, &id, &code::already_initialized(), out);
        }
        if line.len() > MAX_INITIALIZE {
            let why = format!("`params`: an initialize is at most {MAX_INITIALIZE} bytes");
            return self.fail(conn, &id, &code::invalid_params(&why), out);
        }
        let params = match Message::<InitializeParams, IgnoredAny>::parse(line) {
            Ok(Message::Request { params: Some(params), .. }) => params,
            Ok(_) | Err(_) => {
                let error = code::invalid_params("initialize needs clientInfo with name and version");
                return self.fail(conn, &id, &error, out);
            }
        };
        let opt_outs = params.capabilities.and_then(|c| c.opt_out_notification_methods).unwrap_or_default();
        if opt_outs.len() > MAX_OPT_OUTS {
            let why = format!("`capabilities.optOutNotificationMethods` has more than {MAX_OPT_OUTS} names");
            return self.fail(conn, &id, &code::invalid_params(&why), out);
        }
        client.opt_outs = opt_outs.into_iter().collect();
        client.greeting = Some((id, now + self.limits.request_timeout));
        self.greet(out);
    }

    /// Answers every `initialize` that waits, once the child's own handshake is known.
    pub(super) fn greet(&mut self, out: &mut Vec<Action>) {
        let Some(greeting) = self.greeting.clone() else {
            return;
        };
        let mut waiting: Vec<(ConnId, Bytes)> = Vec::new();
        for (conn, client) in &mut self.conns {
            if let Some((id, _)) = client.greeting.take() {
                client.initialized = true;
                waiting.push((*conn, id));
            }
        }
        waiting.sort_unstable();
        for (conn, id) in waiting {
            self.answer(conn, &id, &greeting, out);
        }
    }

    /// A client answers what the child asked. Answers to requests that nobody asked this client go nowhere.
    fn on_answer(&mut self, conn: ConnId, line: &Bytes, id: &RawValue, out: &mut Vec<Action>) {
        let Ok(key) = id.get().parse::<u64>() else { return };
        if self.asked.get(&key).is_none_or(|asked| asked.conn != conn) {
            return;
        }
        if let Some(Asked { generation, id: child_id, .. }) = self.asked.remove(&key) {
            out.push(Action::ToChild(generation, rpc::splice(line, id, child_id)));
        }
    }

    /// An error for a request that is not in flight, or for a line that is none.
    fn refuse(&mut self, conn: ConnId, id: Option<&RawValue>, error: &ErrorObject, out: &mut Vec<Action>) {
        let null = Bytes::from_static(b"null");
        let id = id.unwrap_or_else(|| raw(&null));
        self.observe.refused(error.code);
        out.push(Action::ToClient(conn, Line::json(&rpc::ErrorAnswer { id, error })));
    }
}

/// The name of a caller, if it can be used.
fn caller_name(raw: &RawValue) -> Option<Caller> {
    serde_json::from_str::<Caller>(raw.get()).ok().filter(|name| name.len() <= MAX_CALLER)
}

/// The span that a client names as its parent. What is no trace context is none.
fn parent(raw: &RawValue) -> Option<SpanContext> {
    let trace: Trace = serde_json::from_str(raw.get()).ok()?;
    context::from_trace(&trace)
}

/// Whether a request may have this id: a string or a number, and not a long one.
fn is_id(id: &RawValue) -> bool {
    let text = id.get();
    text.len() <= MAX_ID && text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit())
}
