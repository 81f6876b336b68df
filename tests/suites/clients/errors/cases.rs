//! The failures, how they are brought about, and what they mean to each client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_tests::upstream::Reply;
use serde_json::{Value, json};

use crate::client::Client;

/// What the upstream says where it says something.
const SAID: &str = "Begun.";
/// Larger than the front takes in these tests.
const TOO_LARGE: usize = 100_000;

/// What a request has that others have not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twist {
    None,
    Stream,
    WrongKey,
    UnknownModel,
    TooLarge,
    /// A stream that is given up at the first failure, for a case that takes long.
    StreamWithoutRetries,
}

/// How a case ends for its client.
#[derive(Clone, Copy)]
enum Ends {
    /// With an answer.
    Said,
    /// With a status. `x-should-retry` says whether to try again.
    Refused { status: u16, code: Option<&'static str>, retry: bool },
    /// With an error in the stream, behind the text.
    Broken { code: &'static str },
}

/// A request, and what comes of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    twist: Twist,
    /// The upstream's reply to the first, the second, … request of the case.
    pub(super) reply: fn(usize) -> Reply,
    ends: Ends,
}

const fn refused(
    name: &'static str,
    twist: Twist,
    reply: fn(usize) -> Reply,
    (status, code, retry): (u16, Option<&'static str>, bool),
) -> Case {
    Case { name, twist, reply, ends: Ends::Refused { status, code, retry } }
}

const fn broken(name: &'static str, reply: fn(usize) -> Reply, code: &'static str) -> Case {
    Case { name, twist: Twist::Stream, reply, ends: Ends::Broken { code } }
}

pub(super) const CASES: &[Case] = &[
    refused("refused", Twist::None, |_| bad(), (400, Some("bad_thing"), false)),
    refused("refused-stream", Twist::Stream, |_| bad(), (400, Some("bad_thing"), false)),
    refused("too-long", Twist::None, |_| too_long(), (400, Some("context_length_exceeded"), false)),
    refused("wrong-key", Twist::WrongKey, |_| never(), (401, Some("invalid_api_key"), false)),
    refused("forbidden", Twist::None, |_| Reply::error(403, "not here"), (403, None, false)),
    refused("unknown-model", Twist::UnknownModel, |_| never(), (404, Some("model_not_found"), false)),
    refused("too-large", Twist::TooLarge, |_| never(), (413, Some("request_too_large"), false)),
    refused(
        "rate-limit",
        Twist::None,
        |_| Reply::error(429, "slow down"),
        (429, Some("rate_limit_exceeded"), true),
    ),
    // A day: nobody may wait for that.
    refused("quota", Twist::None, |_| used_up(), (429, Some("insufficient_quota"), false)),
    refused("broken", Twist::None, |_| Reply::error(500, "oops"), (502, Some("upstream_error"), true)),
    refused(
        "signed-out",
        Twist::None,
        |_| Reply::error(401, "who?"),
        (503, Some("upstream_unauthorized"), true),
    ),
    refused("overloaded", Twist::None, |_| Reply::error(503, "full"), (503, Some("overloaded"), true)),
    refused(
        "overloaded-stream",
        Twist::Stream,
        |_| Reply::error(503, "full"),
        (503, Some("overloaded"), true),
    ),
    refused("timeout", Twist::StreamWithoutRetries, |_| Reply::silence(), (504, Some("timeout"), true)),
    Case { name: "second-try", twist: Twist::None, reply: second_try, ends: Ends::Said },
    Case { name: "second-try-stream", twist: Twist::Stream, reply: second_try, ends: Ends::Said },
    broken("cut", |_| Reply::new().text(SAID).cut(), "upstream_error"),
    broken(
        "limited-late",
        |_| Reply::new().text(SAID).failed("rate_limit_exceeded", "Please try again in 5s."),
        "rate_limit_exceeded",
    ),
];

impl Case {
    /// As the programs read it.
    pub(super) fn for_program(&self) -> Value {
        let stream = matches!(self.twist, Twist::Stream | Twist::StreamWithoutRetries);
        let mut case = json!({"name": self.name, "stream": stream});
        match self.twist {
            Twist::None | Twist::Stream => {}
            Twist::WrongKey => case["key"] = json!("sk-wrong"),
            Twist::UnknownModel => case["model"] = json!("no-such-model"),
            Twist::TooLarge => case["padding"] = json!(TOO_LARGE),
            Twist::StreamWithoutRetries => case["retries"] = json!(0),
        }
        case
    }

    /// What the program should report.
    pub(super) fn wanted(&self, client: Client) -> Value {
        match self.ends {
            Ends::Said => json!({"text": SAID}),
            Ends::Refused { status, code, .. } => {
                let class = if client.is_ai_sdk() {
                    // It raises what it saw, or that it has tried often enough.
                    if self.attempts(client) > 1 { "AI_RetryError" } else { "AI_APICallError" }
                } else {
                    class_of(status, code, client)
                };
                json!({"class": class, "status": status, "code": code, "text": ""})
            }
            Ends::Broken { code } => {
                let class = if client.is_ai_sdk() { "AI_StreamProviderError" } else { "APIError" };
                // A stream's error has no status; this one makes one up from the code.
                let status = (client == Client::AiSdkOpenai).then(|| made_up(code));
                json!({"class": class, "status": status, "code": code, "text": SAID})
            }
        }
    }

    /// How often the client, allowed one retry, should ask.
    pub(super) fn attempts(&self, client: Client) -> usize {
        match self.ends {
            Ends::Said => 2,
            Ends::Broken { .. } => 1,
            Ends::Refused { .. } if self.twist == Twist::StreamWithoutRetries => 1,
            // The AI SDK goes by the status alone.
            Ends::Refused { status: 429, .. } if client.is_ai_sdk() => 2,
            Ends::Refused { retry, .. } => 1 + usize::from(retry),
        }
    }

    /// The code of a refusal that nothing upstream hears of.
    pub(super) fn refused_at_the_door(&self) -> Option<&'static str> {
        match (self.twist, self.ends) {
            (Twist::WrongKey | Twist::UnknownModel | Twist::TooLarge, Ends::Refused { code, .. }) => code,
            _ => None,
        }
    }
}

/// What OpenAI's SDKs raise for a status, in both languages, and what LangChain makes of it.
fn class_of(status: u16, code: Option<&str>, client: Client) -> &'static str {
    let (sdk, langchain) = match status {
        400 if code == Some("context_length_exceeded") => ("BadRequestError", "OpenAIContextOverflowError"),
        400 => ("BadRequestError", "OpenAIInvalidRequestError"),
        401 => ("AuthenticationError", "OpenAIAuthenticationError"),
        403 => ("PermissionDeniedError", "OpenAIPermissionDeniedError"),
        404 => ("NotFoundError", "OpenAIModelNotFoundError"),
        429 => ("RateLimitError", "OpenAIRateLimitError"),
        500.. => ("InternalServerError", "OpenAIAPIError"),
        // A status without a class of its own.
        _ if client == Client::OpenaiNode => ("APIError", ""),
        _ => ("APIStatusError", "APIStatusError"),
    };
    if client == Client::LangchainPython { langchain } else { sdk }
}

/// The status that OpenAI's provider of the AI SDK gives to an error of a stream.
fn made_up(code: &str) -> u16 {
    if code == "rate_limit_exceeded" { 429 } else { 500 }
}

fn bad() -> Reply {
    let error =
        json!({"message": "Bad.", "type": "invalid_request_error", "param": "x", "code": "bad_thing"});
    Reply::status(400, &json!({"error": error}))
}

fn too_long() -> Reply {
    Reply::new().failed("context_length_exceeded", "Your input exceeds the context window.")
}

fn used_up() -> Reply {
    let day = Duration::from_secs(86_400);
    let reset = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + day;
    Reply::usage_limit(day)
        .header("x-codex-primary-used-percent", "100")
        .header("x-codex-primary-window-minutes", "1440")
        .header("x-codex-primary-reset-at", reset.as_secs().to_string())
}

/// For what the front refuses itself.
fn never() -> Reply {
    Reply::new().text("This should not have been asked.")
}

fn second_try(request: usize) -> Reply {
    if request == 1 { Reply::error(503, "full") } else { Reply::new().text(SAID) }
}
