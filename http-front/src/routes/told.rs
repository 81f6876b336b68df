//! What the client is told beside the answer.

use super::{answer::Answer, asked, dispatch::Call};
use crate::{error::ApiError, prompt, record::Record, translate::profile};
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
    /// Tells the operator what has no effect, in the log and in the metrics: names of the code, never values.
    pub(super) fn note(&self, call: &Call<'_>, record: &Record) {
        if !self.ignored.is_empty() {
            call.app.metrics.ignored(&self.ignored);
            tracing::info!(
                event = "params_ignored",
                request_id = record.id().as_str(),
                params = self.ignored.join(","),
            );
        }
    }

    /// The answer, or what it failed with, and this beside it; `record` is closed with it.
    pub(super) fn respond(
        &self,
        call: &Call<'_>,
        answer: Result<Answer, ApiError>,
        record: Record,
    ) -> Response {
        let mut response = match answer {
            Ok(answer) => answer.into_response(record),
            Err(error) => call.refuse(error, record),
        };
        self.tell(call, &mut response);
        response
    }

    /// Puts it into the headers of any answer to a request whose body was read, errors too.
    fn tell(&self, call: &Call<'_>, response: &mut Response) {
        response.headers_mut().insert(prompt::HEADER, call.app.prompt.header());
        // What it ran, or would have run as.
        if let Ok(profile) = asked::profile(call) {
            let value = HeaderValue::from_static(profile.as_str());
            response.headers_mut().insert(profile::HEADER, value);
        }
        for (name, words) in [("x-codex-ignored-params", &self.ignored), ("x-codex-repairs", &self.repairs)] {
            if !words.is_empty()
                && let Ok(value) = HeaderValue::from_str(&words.join(","))
            {
                response.headers_mut().insert(name, value);
            }
        }
    }
}
