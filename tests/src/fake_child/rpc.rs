//! The envelopes: one JSON object, no `jsonrpc` member, `emittedAtMs` on notifications.

use serde_json::{Value, json};

/// "Invalid request", which the real child answers to nearly every mistake.
pub(crate) const INVALID_REQUEST: i64 = -32600;
/// "Invalid params".
pub(crate) const INVALID_PARAMS: i64 = -32602;
/// A full queue.
pub(crate) const OVERLOADED: i64 = -32001;

/// A request's failure.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) data: Option<Value>,
}

impl Refusal {
    /// The common one.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { code: INVALID_REQUEST, message: message.into(), data: None }
    }
}

pub(crate) fn answer(id: &Value, result: &Value) -> String {
    json!({ "id": id, "result": result }).to_string()
}

pub(crate) fn refusal(id: &Value, refusal: &Refusal) -> String {
    let mut error = json!({ "code": refusal.code, "message": refusal.message });
    if let (Some(data), Some(members)) = (&refusal.data, error.as_object_mut()) {
        members.insert("data".to_owned(), data.clone());
    }
    json!({ "error": error, "id": id }).to_string()
}

pub(crate) fn notification(method: &str, params: &Value, now_ms: u64) -> String {
    json!({ "method": method, "params": params, "emittedAtMs": now_ms }).to_string()
}

pub(crate) fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "method": method, "id": id, "params": params }).to_string()
}
