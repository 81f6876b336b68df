//! Answers that are no stream: statuses, and bodies that need not be JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};

use super::reply::{Op, Reply};

impl Reply {
    /// An answer that is no stream: this status with this JSON.
    #[must_use]
    pub fn status(status: u16, body: &Value) -> Self {
        Self::body(status, "application/json", body.to_string())
    }

    /// An answer that is no stream and need not be JSON.
    #[must_use]
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("content-length".to_owned(), body.len().to_string()),
        ];
        let ops = vec![Op::Write { bytes: body, events: 0 }];
        Self { status, headers, ops, ..Self::bare() }
    }

    /// OpenAI's error envelope, with the type and code that go with the status.
    #[must_use]
    pub fn error(status: u16, message: &str) -> Self {
        let (kind, code) = match status {
            401 => ("invalid_request_error", json!("invalid_api_key")),
            403 => ("invalid_request_error", json!("unsupported_country_region_territory")),
            404 => ("invalid_request_error", json!("model_not_found")),
            429 => ("requests", json!("rate_limit_exceeded")),
            500.. => ("server_error", Value::Null),
            _ => ("invalid_request_error", Value::Null),
        };
        Self::status(
            status,
            &json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
        )
    }

    /// The 429 of a ChatGPT plan that is used up.
    #[must_use]
    pub fn usage_limit(resets_in: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::status(
            429,
            &json!({"error": {
                "type": "usage_limit_reached",
                "message": "The usage limit has been reached",
                "plan_type": "plus",
                "resets_at": (now + resets_in).as_secs(),
                "resets_in_seconds": resets_in.as_secs(),
            }}),
        )
    }
}
