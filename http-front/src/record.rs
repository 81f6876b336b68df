//! What is logged of a request: one line when it is let in, one at its end, whichever way it ends, and what `records` writes
//! down of it then.

mod told;

pub use told::Around;

use crate::{
    auth::KeyName,
    error::{ApiError, Kind},
    limits::Permit,
    metrics::labels,
    observe::{Ended, Observe},
    openai::usage::Tokens,
    records::{
        Log, Outcome,
        access::Access,
        usage::{Asked, Used},
    },
    trace::{Head, Trace, Traces},
    translate::{answer::Closing, event::Delta},
};
use http::{HeaderMap, Method, header};
use shared::rpc;
use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};
use told::{End, Told};
use uuid::Uuid;

/// The longest name that a client may give its request; OpenAI has the same bound.
const MAX_CLIENT_ID: usize = 512;
/// The longest code of an error that is logged.
const MAX_CODE: usize = 64;

/// The name of a request, and when it began.
#[derive(Debug, Clone)]
pub struct RequestId {
    text: String,
    since: Instant,
}

impl RequestId {
    /// The name, as `x-request-id` and the log have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Milliseconds since the request began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Logs the end of a request. Dropped without one, it logs that the client left, or took nothing of its answer for too
/// long; by a panic, that we failed.
#[derive(Debug)]
pub struct Record {
    id: RequestId,
    /// The client's own name for it (`X-Client-Request-Id`).
    client_id: Option<String>,
    /// The route's name.
    route: &'static str,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// What the turn used, once known.
    pub usage: Option<Tokens>,
    /// That it was let in to the model, until its end.
    pub permit: Option<Permit>,
    open: bool,
    /// Who is told of it.
    observe: Observe,
    began: SystemTime,
    /// What is written down of it.
    kept: Kept,
    /// What its lines tell.
    told: Told,
}

/// What is written down of a request, and where.
#[derive(Debug, Default)]
struct Kept {
    access: Option<Access>,
    usage: Option<(Log, KeyName)>,
    asked: Option<Asked>,
    trace: Option<Trace>,
    /// The status whose head goes out before the end.
    status: Option<u16>,
}

impl Record {
    /// A request that begins now, or when those began who count it: what it took is the same wherever it is told.
    pub fn of(headers: &HeaderMap, observe: Observe) -> Self {
        let since = observe.counted.began().unwrap_or_else(Instant::now);
        let id = RequestId { text: format!("req_{}", Uuid::now_v7().simple()), since };
        observe.span.named(&id.text);
        Self {
            id,
            client_id: client_id(headers),
            route: "none",
            stream: false,
            usage: None,
            permit: None,
            open: true,
            observe,
            began: SystemTime::now(),
            kept: Kept::default(),
            told: Told::default(),
        }
    }

    /// The same, with its method and with where its end looks at what went on around it.
    pub fn by(mut self, method: &Method, around: Around) -> Self {
        self.told.method = labels::method(method);
        self.told.around = Some(around);
        self
    }

    /// It was let in: its route, its key and the limits let it pass and, where it asks the model, its body was understood.
    pub fn let_in(&self) {
        if self.open && self.told.key.is_some() {
            self.tell_start();
        }
    }

    /// The same with its line in the access log.
    pub fn accessed(mut self, access: Option<Access>) -> Self {
        if let Some(access) = &access {
            access.named(&self.id);
        }
        self.kept.access = access;
        self
    }

    /// It goes to this route, by the route's pattern.
    pub fn routed(&mut self, route: &'static str) {
        self.route = route;
        self.observe.routed(route);
    }

    /// The trace that what is asked of the daemon belongs to.
    pub fn context(&self) -> Option<Arc<rpc::Trace>> {
        self.observe.context()
    }

    /// A comment kept its stream open.
    pub fn kept_alive(&self) {
        self.observe.kept_alive();
    }

    /// It showed this key. Where it is for the model, `usage` is the log that it gets a line in.
    pub fn showed(&mut self, key: &KeyName, usage: Option<&Log>) {
        self.observe.showed(key);
        if let Some(access) = &self.kept.access {
            access.key(key);
        }
        self.kept.usage = usage.map(|log| (log.clone(), key.clone()));
        self.told.key = Some(key.clone());
    }

    /// Who is told of it.
    pub fn observe(&self) -> &Observe {
        &self.observe
    }

    /// Its body was read whole.
    pub fn read(&self, bytes: usize) {
        if let Some(access) = &self.kept.access {
            access.read(bytes);
        }
    }

    /// What it asks for. The model's name is one of those that are served.
    pub fn asks(&mut self, asked: Asked) {
        self.observe.asks(&asked);
        self.told.asks(&asked);
        self.kept.asked = Some(asked);
    }

    /// Begins its trace, where traces are kept; turns begin behind this.
    pub fn trace(&mut self, traces: Option<&Traces>) -> Option<Trace> {
        let model = self.kept.asked.as_ref().and_then(|asked| asked.model.clone());
        self.kept.trace = traces.map(|traces| traces.begin(self.id.clone(), self.began, model));
        self.kept.trace.clone()
    }

    /// The head of its answer goes out, with 200, before its body does.
    pub fn head_goes_out(&mut self) {
        self.kept.status = Some(200);
        if self.stream {
            self.observe.opened();
            self.tell_stream_start();
        }
    }

    /// It ends here, with this status; `None` where it had ended before.
    fn close(&mut self, outcome: Outcome, error: Option<&ApiError>) -> Option<Option<u16>> {
        if !std::mem::take(&mut self.open) {
            return None;
        }
        if let Some(permit) = &mut self.permit {
            match outcome {
                Outcome::Ok => permit.ended(Ok(())),
                Outcome::Error => permit.ended(error.map_or(Ok(()), |error| Err(error.kind()))),
                Outcome::ClientDisconnect => {}
            }
        }
        let Kept { access, usage: log, asked, trace, status } = std::mem::take(&mut self.kept);
        let error_code = error.map(code);
        let status = status.or(match outcome {
            Outcome::Ok => Some(200),
            Outcome::Error => error.map(|error| error.status().as_u16()),
            Outcome::ClientDisconnect => None,
        });
        let (route, usage, latency_ms) = (self.route, self.usage, self.id.elapsed_ms());
        let (stream, latency) = (self.stream, self.id.since.elapsed());
        self.observe.ended(&Ended { outcome, status, error, stream, usage, latency });
        if let Some(access) = access {
            access.routed(route, self.stream);
            access.ended(outcome, error_code);
        }
        if let Some((log, key)) = log {
            let asked = asked.as_ref();
            let request_id = self.id.as_str();
            let used =
                Used { request_id, key: &key, route, asked, usage, status, outcome, error_code, latency_ms };
            log.push(&used.line(SystemTime::now()));
        }
        if let Some(trace) = trace {
            let error_code = error_code.map(str::to_owned);
            trace.close(Head { route, status, outcome, error_code, latency_ms, usage });
        }
        Some(status)
    }

    /// Where it goes.
    pub fn route(&self) -> &'static str {
        self.route
    }

    /// Its name.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The model is asked, in so many runs.
    pub fn asked(&mut self, runs: usize) {
        if let Some(permit) = &mut self.permit {
            permit.asked(runs);
        }
    }

    /// The model gave a sign of life, or said this.
    pub fn heard(&mut self, delta: Option<&Delta>) {
        self.observe.heard(delta);
        if self.told.ttfb_ms.is_none() && delta.is_some_and(Delta::is_said) {
            self.told.ttfb_ms = Some(self.id.elapsed_ms());
        }
        match (&mut self.permit, delta) {
            (Some(permit), Some(delta)) => permit.heard(delta),
            (Some(permit), None) => permit.alive(),
            (None, _) => {}
        }
    }

    /// The model said something that goes out only later.
    pub fn spoke(&mut self) {
        self.observe.spoke();
        if self.told.ttfb_ms.is_none() {
            self.told.ttfb_ms = Some(self.id.elapsed_ms());
        }
        if let Some(permit) = &mut self.permit {
            permit.alive();
        }
    }

    /// One of its answers is complete. Calls and text that were held back are heard here, where nothing was before.
    pub fn completed(&mut self, closing: &Closing) {
        if closing.says() { self.spoke() } else { self.heard(None) }
    }

    /// It was answered as it should be.
    pub fn served(&mut self) {
        if let Some(status) = self.close(Outcome::Ok, None) {
            let trace_id = self.trace_id();
            self.tell_end(&End { status, trace_id, error: None, error_code: None });
        }
    }

    /// It was answered with an error.
    pub fn ended(&mut self, error: &ApiError) {
        if let Some(status) = self.close(Outcome::Error, Some(error)) {
            let trace_id = self.trace_id();
            self.tell_end(&End { status, trace_id, error: Some(error), error_code: Some(code(error)) });
        }
    }

    /// Not worth a line: probes ask every second.
    pub fn quiet(&mut self) {
        self.open = false;
        self.observe.quiet();
        if let Some(access) = self.kept.access.take() {
            access.routed(self.route, false);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(permit) = &mut self.permit {
            permit.told(self.usage);
        }
        // The panic takes the connection with it: nobody hears of this error, but its request is no client's that left.
        if std::thread::panicking() {
            return self.ended(&ApiError::new(Kind::Internal, "The gateway failed on this request."));
        }
        if self.told.is_stalled() {
            return self.ended(&ApiError::new(Kind::SlowReader, "The answer was not read and was cut off."));
        }
        // The head of what was cut off here may have gone out.
        if let Some(status) = self.close(Outcome::ClientDisconnect, None) {
            let trace_id = self.trace_id();
            self.tell_disconnect(status, trace_id.as_deref());
        }
    }
}

/// The code of an error, as far as it can be written down.
fn code(error: &ApiError) -> &str {
    error.code().filter(|code| is_plain(code)).unwrap_or("invalid_request_error")
}

/// Whether a code, which may be the upstream's own words, can stand in a log.
fn is_plain(code: &str) -> bool {
    code.len() <= MAX_CODE
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// What the client calls its request, where that can stand in a log: visible ASCII of a bounded length, and not the key of
/// the request, which somebody might take for a name.
fn client_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-client-request-id")?.to_str().ok()?;
    let fits = (1..=MAX_CLIENT_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let sent = headers.get_all(header::AUTHORIZATION).iter();
    let tells =
        sent.filter_map(|value| value.to_str().ok()?.split_whitespace().last()).any(|key| id.contains(key));
    (fits && !tells).then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
