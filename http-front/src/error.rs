//! One error for everything that can go wrong, and one table from its kind to what a client gets.
//!
//! The envelope is OpenAI's: `{"error":{"message","type","param","code"}}`, all four always present, plus
//! `retryable`. The status follows what the caller should do about it.

mod kind;

use http::{HeaderValue, StatusCode, header};
pub use kind::Kind;
use serde::Serialize;
use std::{borrow::Cow, time::Duration};

/// The longest `Retry-After` that means "retry soon": above it the SDKs stop retrying.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// An error on its way to a client.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    kind: Kind,
    message: Cow<'static, str>,
    param: Option<String>,
    code: Option<String>,
    retry_after: Option<Duration>,
    /// Whether the time is told as it is, however long.
    exact: bool,
    /// Whether something was done that a second try would do again.
    done: bool,
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
        Self {
            kind,
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
            exact: false,
            done: false,
        }
    }

    /// A bad field, named by its path.
    pub fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Kind::InvalidRequest, message) }
    }

    /// The same with the path of the field.
    pub fn with_param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The same in other words.
    pub fn reworded(self, words: impl FnOnce(&str) -> String) -> Self {
        Self { message: words(&self.message).into(), ..self }
    }

    /// The field that is wrong.
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The same with a code of the upstream's.
    pub fn with_code(self, code: Option<String>) -> Self {
        Self { code: code.or(self.code), ..self }
    }

    /// The same with a time after which to try again.
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// The same with the exact time after which to try again: before it a try is in vain, so that it is told even where
    /// it is so long that SDKs give up.
    pub fn retry_exactly_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), exact: true, ..self }
    }

    /// The same with a time after which to try again, where it has none and one is known.
    pub fn or_retry_after(self, after: Option<Duration>) -> Self {
        Self { retry_after: self.retry_after.or(after), ..self }
    }

    /// The same after an agent has begun: a client that tries again would have its work done twice, so it is not told
    /// to, nor when. Where `worked` it did something; where it may have, it is said, too.
    pub fn after_work(self, worked: bool) -> Self {
        const DONE: &str = "The agent had begun: what it did stands, so look before you ask again.";
        if !worked && !self.is_retryable() {
            return Self { retry_after: None, done: true, ..self };
        }
        let said =
            ["; try again.", "; try again later."].iter().find_map(|end| self.message.strip_suffix(end));
        let said = said.unwrap_or(&self.message).trim_end();
        let stop = if said.ends_with(['.', '!', '?']) { "" } else { "." };
        let message = format!("{said}{stop} {DONE}");
        Self { message: message.into(), retry_after: None, done: true, ..self }
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

    /// A code of a closed list: the table's, never the upstream's.
    pub fn closed_code(&self) -> &'static str {
        let row = self.kind.row();
        row.code.unwrap_or(row.kind)
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind.row().retryable && !self.done
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
                retryable: self.is_retryable(),
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
            let after = if self.is_retryable() && !self.exact { after.min(MAX_RETRY_AFTER) } else { after };
            let millis = u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            headers.push((header::RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000))));
            // OpenAI's SDKs look at this one first.
            let exact = header::HeaderName::from_static("retry-after-ms");
            headers.push((exact, HeaderValue::from(millis)));
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
    fn nothing_that_an_agent_has_begun_is_to_be_tried_again() {
        for kind in Kind::ALL {
            for (message, worked) in [
                ("It broke; try again.", true),
                ("It broke; try again later.", true),
                ("It broke.", true),
                ("It broke", true),
                ("It broke.", false),
            ] {
                let error =
                    ApiError::new(*kind, message).retry_after(Duration::from_secs(3)).after_work(worked);
                let body: serde_json::Value = serde_json::from_slice(&error.body()).unwrap();
                assert_eq!(body["error"]["retryable"], false, "{kind:?}");
                let mut said =
                    "It broke. The agent had begun: what it did stands, so look before you ask again.";
                if !worked && !kind.row().retryable {
                    said = "It broke.";
                }
                assert_eq!(body["error"]["message"], said, "{kind:?}");
                let headers = error.headers();
                let named = |name: &str| headers.iter().find(|(known, _)| known.as_str() == name);
                assert_eq!(named("x-should-retry").unwrap().1, "false", "{kind:?}");
                assert!(named("retry-after").or(named("retry-after-ms")).is_none(), "{kind:?}");
                assert_eq!(error.status().as_u16(), kind.row().status);
            }
        }
    }

    #[test]
    fn retry_after_is_rounded_up_and_capped_where_retrying_is_meant() {
        let told = |error: ApiError| -> Vec<String> {
            let headers = error.headers();
            let after = headers.iter().filter(|(name, _)| name.as_str().starts_with("retry-after"));
            after.map(|(_, value)| value.to_str().unwrap().to_owned()).collect()
        };
        let after = |kind, us| told(ApiError::new(kind, "m").retry_after(Duration::from_micros(us)));
        assert_eq!(after(Kind::Overloaded, 1), ["1", "1"]);
        assert_eq!(after(Kind::Overloaded, 1_000), ["1", "1"]);
        assert_eq!(after(Kind::Overloaded, 2_000_001), ["3", "2001"]);
        assert_eq!(after(Kind::Overloaded, 999_000_000), ["120", "120000"]);
        assert_eq!(after(Kind::InsufficientQuota, 999_000_000), ["999", "999000"]);
        assert_eq!(told(ApiError::new(Kind::Overloaded, "m")), ["1", "1000"]);
        assert!(told(ApiError::new(Kind::InvalidRequest, "m")).is_empty());
    }
}
