//! One error for everything that can go wrong, and one table from its kind to what a client gets.
//!
//! The envelope is OpenAI's: `{"error":{"message","type","param","code"}}`, all four always present, plus
//! `retryable`. The status follows what the caller should do about it.

use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// The longest `Retry-After` that means "retry soon": above it the SDKs stop retrying.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// What went wrong, as far as a client must tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A field, a role, a type, the JSON.
    InvalidRequest,
    /// A parameter that is known and not served.
    UnsupportedParameter,
    /// A value that the model doesn't offer.
    UnsupportedValue,
    /// The input is larger than the model's window.
    ContextLength,
    /// No key, or a wrong one.
    InvalidApiKey,
    /// No such route.
    NotFound,
    /// No such model.
    ModelNotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// The body is too large.
    TooLarge,
    /// The body came too slowly, or not at all.
    BodyTimeout,
    /// What the upstream refused, with its own status (400, 403, 404).
    UpstreamRefused(u16),
    /// The upstream limits the rate.
    RateLimited,
    /// The account's limit is used up.
    InsufficientQuota,
    /// The daemon or the upstream is full.
    Overloaded,
    /// The service goes down.
    Draining,
    /// The daemon can't be reached, or its child is down.
    WorkerUnavailable,
    /// The child died with this request in flight.
    WorkerRestarted,
    /// The child is signed out upstream.
    UpstreamUnauthorized,
    /// The upstream failed, or its stream broke.
    Upstream,
    /// A deadline passed.
    Timeout,
    /// A policy of the upstream refused the content.
    ContentPolicy,
    /// The reader of a stream was too slow.
    SlowReader,
    /// A fault of ours.
    Internal,
}

/// What the table says of a kind.
struct Row {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    retryable: bool,
}

impl Kind {
    /// The table. `docs/errors.md` shows it to people.
    fn row(self) -> Row {
        let row = |status, kind, code, retryable| Row { status, kind, code, retryable };
        let bad = "invalid_request_error";
        match self {
            Self::InvalidRequest => row(400, bad, None, false),
            Self::UnsupportedParameter => row(400, bad, Some("unsupported_parameter"), false),
            Self::UnsupportedValue => row(400, bad, Some("unsupported_value"), false),
            Self::ContextLength => row(400, bad, Some("context_length_exceeded"), false),
            Self::InvalidApiKey => row(401, bad, Some("invalid_api_key"), false),
            Self::NotFound => row(404, bad, Some("not_found"), false),
            Self::ModelNotFound => row(404, bad, Some("model_not_found"), false),
            Self::MethodNotAllowed => row(405, bad, Some("method_not_allowed"), false),
            Self::TooLarge => row(413, bad, Some("request_too_large"), false),
            Self::BodyTimeout => row(408, bad, Some("request_timeout"), false),
            Self::UpstreamRefused(status) => row(status, bad, None, false),
            Self::RateLimited => row(429, "rate_limit_error", Some("rate_limit_exceeded"), true),
            Self::InsufficientQuota => row(429, "insufficient_quota", Some("insufficient_quota"), false),
            Self::Overloaded => row(503, "server_error", Some("overloaded"), true),
            Self::Draining => row(503, "server_error", Some("draining"), true),
            Self::WorkerUnavailable => row(503, "server_error", Some("worker_unavailable"), true),
            Self::WorkerRestarted => row(502, "server_error", Some("worker_restarted"), true),
            Self::UpstreamUnauthorized => row(503, "server_error", Some("upstream_unauthorized"), true),
            Self::Upstream => row(502, "server_error", Some("upstream_error"), true),
            Self::Timeout => row(504, "server_error", Some("timeout"), true),
            Self::ContentPolicy => {
                row(400, "content_policy_violation", Some("content_policy_violation"), false)
            }
            Self::SlowReader => row(500, "server_error", Some("slow_reader"), false),
            Self::Internal => row(500, "server_error", Some("internal_error"), false),
        }
    }

    /// Every kind, for the table in the documents.
    pub const ALL: &'static [Self] = &[
        Self::InvalidRequest,
        Self::UnsupportedParameter,
        Self::UnsupportedValue,
        Self::ContextLength,
        Self::InvalidApiKey,
        Self::NotFound,
        Self::ModelNotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::BodyTimeout,
        Self::UpstreamRefused(400),
        Self::RateLimited,
        Self::InsufficientQuota,
        Self::Overloaded,
        Self::Draining,
        Self::WorkerUnavailable,
        Self::WorkerRestarted,
        Self::UpstreamUnauthorized,
        Self::Upstream,
        Self::Timeout,
        Self::ContentPolicy,
        Self::SlowReader,
        Self::Internal,
    ];

    /// A row of the table in `docs/errors.md`: status, type, code, retryable.
    pub fn documented(self) -> String {
        let Row { status, kind, code, retryable } = self.row();
        let code = code.map_or("`null`, or the upstream's".to_owned(), |c| format!("`{c}`"));
        format!("| {self:?} | {status} | `{kind}` | {code} | {retryable} |")
    }
}

/// An error on its way to a client.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    kind: Kind,
    message: Cow<'static, str>,
    param: Option<String>,
    code: Option<String>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
    retryable: bool,
}

impl ApiError {
    /// An error with the message that the client reads.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), param: None, code: None, retry_after: None }
    }

    /// A bad field, named by its path.
    pub fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Kind::InvalidRequest, message) }
    }

    /// The same with the path of the field.
    pub fn with_param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The same with a code of the upstream's.
    pub fn with_code(self, code: Option<String>) -> Self {
        Self { code: code.or(self.code), ..self }
    }

    /// The same with a time after which to try again.
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The code that clients and logs see.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref().or(self.kind.row().code)
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind.row().retryable
    }

    /// The envelope as JSON.
    pub fn body(&self) -> Vec<u8> {
        let row = self.kind.row();
        let envelope = Envelope {
            error: Inner {
                message: &self.message,
                r#type: row.kind,
                param: self.param.as_deref(),
                code: self.code(),
                retryable: row.retryable,
            },
        };
        serde_json::to_vec(&envelope).expect("own types serialize")
    }

    /// The headers that belong to this error.
    pub fn headers(&self) -> Vec<(header::HeaderName, HeaderValue)> {
        let retry = header::HeaderName::from_static("x-should-retry");
        let mut headers =
            vec![(retry, HeaderValue::from_static(if self.is_retryable() { "true" } else { "false" }))];
        if self.kind == Kind::InvalidApiKey {
            headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(after) =
            self.retry_after.or_else(|| self.is_retryable().then_some(Duration::from_secs(1)))
        {
            let after = if self.is_retryable() { after.min(MAX_RETRY_AFTER) } else { after };
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_always_has_all_members() {
        for kind in Kind::ALL {
            let body: serde_json::Value = serde_json::from_slice(&ApiError::new(*kind, "m").body()).unwrap();
            let error = body["error"].as_object().unwrap();
            let mut names: Vec<&str> = error.keys().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["code", "message", "param", "retryable", "type"], "{kind:?}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up_and_capped_where_retrying_is_meant() {
        let after = |kind, ms| {
            let error = ApiError::new(kind, "m").retry_after(Duration::from_millis(ms));
            error
                .headers()
                .into_iter()
                .find(|(n, _)| n == header::RETRY_AFTER)
                .map(|(_, v)| v.to_str().unwrap().to_owned())
        };
        assert_eq!(after(Kind::Overloaded, 1).as_deref(), Some("1"));
        assert_eq!(after(Kind::Overloaded, 2001).as_deref(), Some("3"));
        assert_eq!(after(Kind::Overloaded, 999_000).as_deref(), Some("120"));
        assert_eq!(after(Kind::InsufficientQuota, 999_000).as_deref(), Some("999"));
        let none = ApiError::new(Kind::InvalidRequest, "m");
        assert!(none.headers().iter().all(|(n, _)| n != header::RETRY_AFTER));
    }
}
