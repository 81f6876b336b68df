//! What the client is told beside the answer.

use http::HeaderValue;
use warp::reply::Response;

/// What the client is told beside the answer.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Parameters that had no effect: ignored, but not in silence.
    pub(super) ignored: Vec<&'static str>,
    /// What was changed of the conversation so that it could go up.
    pub(super) repairs: Vec<&'static str>,
}

impl Told {
    /// Puts it into the headers.
    pub(super) fn tell(&self, response: &mut Response) {
        for (name, words) in [("x-codex-ignored-params", &self.ignored), ("x-codex-repairs", &self.repairs)] {
            if !words.is_empty()
                && let Ok(value) = HeaderValue::from_str(&words.join(","))
            {
                response.headers_mut().insert(name, value);
            }
        }
    }
}
