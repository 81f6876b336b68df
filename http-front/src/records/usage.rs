//! The usage log: one line for each request to the model that showed a key, however it ended.

use super::Outcome;
use crate::{auth::KeyName, openai::usage::Tokens, translate::metadata::Trigger};
use serde::Serialize;
use shared::time;
use std::time::SystemTime;

/// The service that lines are of.
pub(super) const SERVICE: &str = "codex";

/// What a line is made of.
#[derive(Debug)]
pub struct Used<'a> {
    /// The request.
    pub request_id: &'a str,
    /// The name of the key.
    pub key: &'a KeyName,
    /// The route's pattern.
    pub route: &'static str,
    /// What was asked for, as far as the body was understood.
    pub asked: Option<&'a Asked>,
    /// What all its turns used, exactly.
    pub usage: Option<Tokens>,
    /// The status that went out.
    pub status: Option<u16>,
    /// In which way it ended.
    pub outcome: Outcome,
    /// The code of the error, where it is a plain word.
    pub error_code: Option<&'a str>,
    /// Milliseconds from its beginning.
    pub latency_ms: u64,
}

/// What a request that was understood asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The model that answers, of those that are served; `None` for codex's own default.
    pub model: Option<String>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Whether the client is told what it used.
    pub usage: bool,
    /// How many answers there are to be.
    pub choices: usize,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    timestamp: String,
    service_type: &'static str,
    request_id: &'a str,
    key: &'a str,
    route: &'static str,
    model: Option<&'a str>,
    stream: Option<bool>,
    choices: Option<usize>,
    usage_included: Option<bool>,
    emission_trigger: Trigger,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    cached_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    status: Option<u16>,
    outcome: &'static str,
    error_code: Option<&'a str>,
    latency_ms: u64,
}

impl Used<'_> {
    /// The line, for a request that ended at `now`.
    pub fn line(&self, now: SystemTime) -> impl Serialize + '_ {
        let Self { request_id, key, route, asked, usage, status, outcome, error_code, latency_ms } = *self;
        Line {
            timestamp: time::utc(now),
            service_type: SERVICE,
            request_id,
            key: key.as_str(),
            route,
            model: asked.and_then(|asked| asked.model.as_deref()),
            stream: asked.map(|asked| asked.stream),
            choices: asked.map(|asked| asked.choices),
            usage_included: asked.map(|asked| asked.usage),
            emission_trigger: Trigger::of(asked.is_none_or(|asked| asked.usage), usage),
            prompt_tokens: usage.map(|used| used.input),
            completion_tokens: usage.map(|used| used.output),
            total_tokens: usage.map(|used| used.total),
            cached_tokens: usage.map(|used| used.cached),
            reasoning_tokens: usage.map(|used| used.reasoning),
            status,
            outcome: outcome.as_str(),
            error_code,
            latency_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::UNIX_EPOCH;

    #[test]
    fn what_is_not_known_is_null() {
        let key = KeyName::from("team-a");
        let mut used = Used {
            request_id: "req_1",
            key: &key,
            route: "/v1/chat/completions",
            asked: None,
            usage: None,
            status: None,
            outcome: Outcome::ClientDisconnect,
            error_code: None,
            latency_ms: 7,
        };
        let line = |used: &Used<'_>| serde_json::to_value(used.line(UNIX_EPOCH)).unwrap();
        assert_eq!(
            line(&used),
            json!({
                "timestamp": "1970-01-01T00:00:00.000Z", "service_type": "codex", "request_id": "req_1", "key": "team-a",
                "route": "/v1/chat/completions", "model": null, "stream": null, "choices": null, "usage_included": null,
                "emission_trigger": "token_count", "prompt_tokens": null, "completion_tokens": null,
                "total_tokens": null, "cached_tokens": null, "reasoning_tokens": null, "status": null,
                "outcome": "client_disconnect", "error_code": null, "latency_ms": 7,
            })
        );
        let asked = Asked { model: Some("gpt-5.5".into()), stream: true, usage: false, choices: 2 };
        used.asked = Some(&asked);
        used.usage = Some(Tokens { input: 5, cached: 1, output: 3, reasoning: 2, total: 8 });
        let told = line(&used);
        assert_eq!(
            [&told["emission_trigger"], &told["prompt_tokens"], &told["total_tokens"], &told["choices"]],
            [&json!("provider"), &json!(5), &json!(8), &json!(2)]
        );
    }
}
