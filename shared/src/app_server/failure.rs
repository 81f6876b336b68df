//! How the child reports failures: `turn.error` and the `error` notification.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error of a turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnError {
    /// In words; often the upstream's own body.
    pub message: String,
    /// The kind, as the child writes it: a name, or an object with one member.
    #[serde(default)]
    pub codex_error_info: Option<Value>,
    /// The cause, in words.
    #[serde(default)]
    pub additional_details: Option<String>,
}

/// The kind of a turn's error. Names that we don't know are [`Info::Other`], as is the child's own `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Info {
    /// The input is larger than the model's window.
    ContextWindowExceeded,
    /// The budget of the session is used up.
    SessionBudgetExceeded,
    /// The account's limit is reached.
    UsageLimitExceeded,
    /// Too many requests, for now.
    RateLimitExceeded,
    /// The upstream, or the policy's reviewer, has no capacity.
    ServerOverloaded,
    /// The upstream doesn't know the model.
    ModelNotFound,
    /// A policy of the upstream refused the content.
    PolicyViolation,
    /// The upstream failed.
    InternalServerError,
    /// The upstream doesn't accept the child's login.
    Unauthorized,
    /// The upstream refused the request.
    BadRequest,
    /// A connection that failed or broke, with the HTTP status where there was one.
    Http {
        /// The upstream's status.
        status: Option<u16>,
    },
    /// Anything else.
    Other,
}

impl TurnError {
    /// The kind of this error.
    pub fn info(&self) -> Info {
        match &self.codex_error_info {
            Some(Value::String(name)) => named(name),
            Some(Value::Object(object)) => object
                .iter()
                .find_map(|(name, inner)| match name.as_str() {
                    "httpConnectionFailed"
                    | "responseStreamConnectionFailed"
                    | "responseStreamDisconnected"
                    | "responseTooManyFailedAttempts" => {
                        let status = inner.get("httpStatusCode").and_then(Value::as_u64);
                        Some(Info::Http { status: status.and_then(|s| u16::try_from(s).ok()) })
                    }
                    _ => None,
                })
                .unwrap_or(Info::Other),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => Info::Other,
        }
    }
}

fn named(name: &str) -> Info {
    match name {
        "contextWindowExceeded" => Info::ContextWindowExceeded,
        "sessionBudgetExceeded" => Info::SessionBudgetExceeded,
        "usageLimitExceeded" => Info::UsageLimitExceeded,
        "rateLimitExceeded" => Info::RateLimitExceeded,
        "serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable" => Info::ServerOverloaded,
        "modelNotFound" => Info::ModelNotFound,
        "cyberPolicy" | "misalignmentPolicyViolation" | "inferenceHookDenied" => Info::PolicyViolation,
        "internalServerError" => Info::InternalServerError,
        "unauthorized" => Info::Unauthorized,
        "badRequest" => Info::BadRequest,
        _ => Info::Other,
    }
}

/// The marker in `turn.error.additionalDetails` of a `turn/completed` that the daemon made up because the child
/// died: the child cannot say it itself.
pub const RESTARTED_DETAILS: &str = "worker_restarted";
/// The same for a turn that the daemon ended because it goes down.
pub const DRAINING_DETAILS: &str = "worker_draining";
/// The same for a turn that ran longer than the daemon allows.
pub const TIMEOUT_DETAILS: &str = "worker_turn_timeout";
/// The same for a turn of which nothing was heard for longer than the daemon allows.
pub const IDLE_DETAILS: &str = "worker_turn_idle";
/// The same for a turn that the child doesn't know any more, although it never told its end.
pub const LOST_DETAILS: &str = "worker_turn_lost";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_names_and_objects() {
        let info = |v: Value| {
            TurnError { message: String::new(), codex_error_info: Some(v), additional_details: None }.info()
        };
        assert_eq!(info(json!("usageLimitExceeded")), Info::UsageLimitExceeded);
        assert_eq!(
            info(json!({"httpConnectionFailed": {"httpStatusCode": 503}})),
            Info::Http { status: Some(503) }
        );
        assert_eq!(info(json!({"responseStreamDisconnected": {}})), Info::Http { status: None });
        assert_eq!(
            info(json!({"responseStreamDisconnected": {"httpStatusCode": 99999}})),
            Info::Http { status: None }
        );
        assert_eq!(info(json!("new")), Info::Other);
        assert_eq!(info(json!({"new": 1})), Info::Other);
        assert_eq!(info(json!(3)), Info::Other);
    }
}
