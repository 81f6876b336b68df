//! What of a line may stand in a trace. Pure.
//!
//! An allow-list: names of closed lists, numbers, and ids of the form of a UUID. Everything else of the line, whatever it
//! is called and wherever it stands, is left out. It never fails: of what it can't read it keeps nothing.

use super::methods;
use crate::openai::usage;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use shared::{
    app_server::failure::{DRAINING_DETAILS, IDLE_DETAILS, LOST_DETAILS, RESTARTED_DETAILS, TIMEOUT_DETAILS},
    rpc::Message,
    trace::Tokens,
};
use uuid::Uuid;

/// The names in `codexErrorInfo`.
pub const INFOS: &[&str] = &[
    "activeTurnNotSteerable",
    "badRequest",
    "contextWindowExceeded",
    "cyberPolicy",
    "flexUnavailable",
    "httpConnectionFailed",
    "inferenceHookDenied",
    "internalServerError",
    "misalignmentPolicyViolation",
    "modelNotFound",
    "other",
    "policyCapacityUnavailable",
    "rateLimitExceeded",
    "responseStreamConnectionFailed",
    "responseStreamDisconnected",
    "responseTooManyFailedAttempts",
    "sandboxError",
    "serverOverloaded",
    "sessionBudgetExceeded",
    "threadRollbackFailed",
    "tooManyDenials",
    "unauthorized",
    "usageLimitExceeded",
];
/// How a turn can be.
pub const STATUSES: &[&str] = &["completed", "failed", "inProgress", "interrupted"];
/// Why the daemon ends a turn in codex's place.
const REASONS: &[&str] = &[DRAINING_DETAILS, IDLE_DETAILS, LOST_DETAILS, RESTARTED_DETAILS, TIMEOUT_DETAILS];
/// The longest value that is looked into for a name or a number.
const SMALL: usize = 4096;

/// What is kept of one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `request`, `notification`, `response`, `error`, or `unreadable`.
    pub kind: &'static str,
    /// Its method, of [`methods::KNOWN`].
    pub method: Option<&'static str>,
    /// The id of the request, where it is a number or a UUID.
    pub id: Option<String>,
    /// The thread.
    pub thread: Option<Uuid>,
    /// The turn.
    pub turn: Option<Uuid>,
    /// The code of a JSON-RPC error.
    pub code: Option<i64>,
    /// The name in `codexErrorInfo`, of [`INFOS`].
    pub info: Option<&'static str>,
    /// The upstream's HTTP status beside it.
    pub http_status: Option<u16>,
    /// Why the daemon ended the turn.
    pub reason: Option<&'static str>,
    /// Whether codex starts over.
    pub will_retry: Option<bool>,
    /// How the turn is, of [`STATUSES`].
    pub status: Option<&'static str>,
    /// What a model call used.
    pub tokens: Option<Tokens>,
}

impl Facts {
    /// Whether it tells nothing but that it came: then those that follow each other are one entry.
    pub(super) fn is_plain(&self) -> bool {
        let Self {
            kind,
            method: _,
            id: _,
            thread: _,
            turn: _,
            code,
            info,
            http_status,
            reason,
            will_retry,
            status,
            tokens,
        } = self;
        *kind == "notification"
            && code.is_none()
            && info.is_none()
            && http_status.is_none()
            && reason.is_none()
            && will_retry.is_none()
            && status.is_none()
            && tokens.is_none()
    }
}

/// The members of params and results that are looked into; each may be anything.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Members<'a> {
    #[serde(borrow)]
    thread_id: Option<&'a RawValue>,
    #[serde(borrow)]
    turn_id: Option<&'a RawValue>,
    #[serde(borrow)]
    thread: Option<&'a RawValue>,
    #[serde(borrow)]
    turn: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    will_retry: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Of a thread or a turn.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Thing<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Of an error, JSON-RPC's or a turn's.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Problem<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    codex_error_info: Option<&'a RawValue>,
    #[serde(borrow)]
    additional_details: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Used {
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    reasoning_output_tokens: u64,
    total_tokens: u64,
}

/// What is kept of a line that the daemon sent.
pub fn read(line: &[u8]) -> Facts {
    match Message::<&RawValue, &RawValue>::parse(line) {
        Ok(Message::Notification { method, params }) => {
            Facts { kind: "notification", method: Some(methods::known(&method)), ..members(params) }
        }
        Ok(Message::Request { id, method, params, .. }) => Facts {
            kind: "request",
            method: Some(methods::known(&method)),
            id: rpc_id(id),
            ..members(params)
        },
        Ok(Message::Response { id, result }) => {
            Facts { kind: "response", id: rpc_id(id), ..members(Some(result)) }
        }
        Ok(Message::Error { id, error }) => {
            Facts { kind: "error", id: rpc_id(id), code: code(error), ..Facts::default() }
        }
        Err(_) => Facts { kind: "unreadable", ..Facts::default() },
    }
}

/// The code of a JSON-RPC error.
pub fn code(error: &RawValue) -> Option<i64> {
    number(object::<Problem<'_>>(Some(error)).code)
}

/// An id of a request: a number, or a UUID.
pub fn rpc_id(id: &RawValue) -> Option<String> {
    let number: Option<u64> = number(Some(id));
    number.map(|number| number.to_string()).or_else(|| as_uuid(Some(id)).map(|id| id.to_string()))
}

/// An id of codex's, in the one form that it has.
pub fn uuid(text: &str) -> Option<Uuid> {
    // Other spellings of a UUID are none of codex's.
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// What was used, as the file has it.
pub fn counts(used: usage::Tokens) -> Tokens {
    Tokens {
        prompt: used.input,
        completion: used.output,
        total: used.total,
        cached: used.cached,
        reasoning: used.reasoning,
    }
}

fn members(value: Option<&RawValue>) -> Facts {
    let members: Members<'_> = object(value);
    let turn: Thing<'_> = object(members.turn);
    let problem: Problem<'_> = object(members.error.or(turn.error));
    let (info, http_status) = info(problem.codex_error_info);
    Facts {
        thread: as_uuid(members.thread_id).or_else(|| as_uuid(object::<Thing<'_>>(members.thread).id)),
        turn: as_uuid(members.turn_id).or_else(|| as_uuid(turn.id)),
        info,
        http_status,
        reason: word(problem.additional_details, REASONS),
        will_retry: small(members.will_retry),
        status: word(turn.status, STATUSES),
        tokens: small(members.usage).map(|used: Used| Tokens {
            prompt: used.input_tokens,
            completion: used.output_tokens,
            total: used.total_tokens,
            cached: used.cached_input_tokens,
            reasoning: used.reasoning_output_tokens,
        }),
        ..Facts::default()
    }
}

/// The name of an error's kind: the word itself, or the one member of an object.
fn info(value: Option<&RawValue>) -> (Option<&'static str>, Option<u16>) {
    match small(value) {
        Some(Value::String(name)) => (listed(&name, INFOS), None),
        Some(Value::Object(object)) => {
            let found = object.iter().find_map(|(name, inner)| Some((listed(name, INFOS)?, inner)));
            let status = found.and_then(|(_, inner)| inner.get("httpStatusCode")?.as_u64());
            let status =
                status.and_then(|code| u16::try_from(code).ok()).filter(|code| (100..600).contains(code));
            (found.map(|(name, _)| name), status)
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => (None, None),
    }
}

fn listed(name: &str, list: &[&'static str]) -> Option<&'static str> {
    list.iter().find(|known| **known == name).copied()
}

fn word(value: Option<&RawValue>, list: &[&'static str]) -> Option<&'static str> {
    let name: String = small(value)?;
    listed(&name, list)
}

fn as_uuid(value: Option<&RawValue>) -> Option<Uuid> {
    let text: String = small(value)?;
    uuid(&text)
}

fn number<T: std::str::FromStr>(value: Option<&RawValue>) -> Option<T> {
    value?.get().parse().ok()
}

/// A value that is read whole; a long one is none that is looked for.
fn small<'a, T: Deserialize<'a>>(value: Option<&'a RawValue>) -> Option<T> {
    let text = value?.get();
    (text.len() <= SMALL).then(|| serde_json::from_str(text).ok()).flatten()
}

/// The members of an object; of anything else none.
fn object<'a, T: Deserialize<'a> + Default>(value: Option<&'a RawValue>) -> T {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
