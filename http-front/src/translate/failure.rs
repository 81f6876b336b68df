//! How a turn failed to what the client is told. Pure.

mod words;

use super::event::End;
use crate::error::{ApiError, Kind, Source};
use shared::{
    app_server::failure::{
        DRAINING_DETAILS, IDLE_DETAILS, Info, LOST_DETAILS, RESTARTED_DETAILS, TIMEOUT_DETAILS, TurnError,
    },
    rpc::{ErrorObject, code},
};
use std::time::Duration;

/// The marker of a turn that was ended because codex had put instructions of its own before the client's.
const INSTRUCTED_DETAILS: &str = "instructions_added";
use words::{body, judged, refusal, said, try_again_in};

/// The error of a turn that did not complete; `None` for one that did.
pub fn error(end: &End) -> Option<ApiError> {
    match end {
        End::Completed | End::Incomplete(_) => None,
        // Nobody but the daemon interrupts a turn that is still listened to.
        End::Interrupted => Some(ApiError::new(Kind::Upstream, "The turn was interrupted.")),
        End::Failed(error) => Some(turn(error)),
        End::Refused(error) | End::NotInjected(error) => Some(refused(error)),
        End::Lost => Some(restarted()),
        End::Unavailable => Some(unavailable(None)),
        End::Stopped => Some(draining()),
    }
}

/// Whether a turn was turned away before anything of it ran.
pub fn turned_away(end: &End) -> bool {
    match end {
        End::Refused(error) => {
            matches!(error.code, code::OVERLOADED | code::WORKER_UNAVAILABLE | code::DRAINING)
        }
        // Its turn came behind it: a daemon that drains or has no codex refuses that, too. For want of a place alone it may not.
        End::NotInjected(error) => matches!(error.code, code::WORKER_UNAVAILABLE | code::DRAINING),
        End::Unavailable => true,
        End::Completed
        | End::Incomplete(_)
        | End::Interrupted
        | End::Failed(_)
        | End::Lost
        | End::Stopped => false,
    }
}

/// What the end of a turn says of the account that it ran by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    /// The upstream refused the request for it: it doesn't know the account, has to be paid first, or is asked too often.
    Refused,
    /// The same, said in an answer that had begun.
    HeldBack,
    /// Nothing.
    Untold,
}

/// Codex tells some of it by words, the others by the status.
fn account(error: &TurnError) -> Account {
    match error.info() {
        Info::UsageLimitExceeded | Info::Unauthorized | Info::Http { status: Some(401 | 402 | 429) } => {
            Account::Refused
        }
        Info::RateLimitExceeded => Account::HeldBack,
        Info::ContextWindowExceeded
        | Info::SessionBudgetExceeded
        | Info::ServerOverloaded
        | Info::ModelNotFound
        | Info::PolicyViolation
        | Info::InternalServerError
        | Info::BadRequest
        | Info::Http { .. }
        | Info::Other => Account::Untold,
    }
}

/// Whether another worker may run a turn that ended so, `opened` or not, and before any sign of life: nothing of it ran at this
/// one. What the upstream refused for its account ran nowhere, either.
pub fn ran_nowhere(end: &End, opened: bool) -> bool {
    match end {
        // Without a thread there was no turn that could have been asked for.
        End::Lost => !opened,
        End::Failed(error) => account(error) == Account::Refused,
        End::Refused(_) | End::NotInjected(_) | End::Unavailable => turned_away(end),
        End::Completed | End::Incomplete(_) | End::Interrupted | End::Stopped => false,
    }
}

/// Whether a turn that ended so, before any sign of life, says that the next one at the same worker would end so, too: the upstream
/// has refused the account, or holds it back. `None`: it says nothing of that.
pub fn refuses_account(end: &End) -> Option<bool> {
    match end {
        End::Completed | End::Incomplete(_) => Some(false),
        End::Failed(error) => (account(error) != Account::Untold).then_some(true),
        End::Interrupted
        | End::Refused(_)
        | End::NotInjected(_)
        | End::Lost
        | End::Unavailable
        | End::Stopped => None,
    }
}

/// The error while the daemon or its child is not there.
pub fn unavailable(retry_after: Option<Duration>) -> ApiError {
    ApiError::new(Kind::WorkerUnavailable, "The worker is not available; try again.")
        .or_retry_after(retry_after)
}

/// The error for a stream that the child began anew after some of it had been sent.
pub fn broken() -> ApiError {
    ApiError::new(Kind::Upstream, "The upstream's stream broke after a part of the answer had been sent.")
}

/// The end of a turn before which codex has put instructions of its own.
pub fn instructed() -> End {
    End::Failed(Box::new(TurnError {
        message: "codex added instructions of its own".into(),
        codex_error_info: None,
        additional_details: Some(INSTRUCTED_DETAILS.into()),
    }))
}

/// Whether a turn ended for that reason.
pub fn is_instructed(end: &End) -> bool {
    match end {
        End::Failed(error) => error.additional_details.as_deref() == Some(INSTRUCTED_DETAILS),
        End::Completed
        | End::Incomplete(_)
        | End::Interrupted
        | End::Refused(_)
        | End::NotInjected(_)
        | End::Lost
        | End::Unavailable
        | End::Stopped => false,
    }
}

fn restarted() -> ApiError {
    ApiError::new(Kind::WorkerRestarted, "The worker was restarted while this request ran; try again.")
}

fn draining() -> ApiError {
    ApiError::new(Kind::Draining, "The service is shutting down; try again.")
}

fn timeout(message: &'static str) -> ApiError {
    ApiError::new(Kind::Timeout, message)
}

fn turn(error: &TurnError) -> ApiError {
    match error.additional_details.as_deref() {
        Some(RESTARTED_DETAILS) => return restarted(),
        Some(DRAINING_DETAILS) => return draining(),
        Some(TIMEOUT_DETAILS) => return timeout("The turn took longer than this service allows."),
        Some(IDLE_DETAILS) => return timeout("Nothing came from the upstream for too long."),
        Some(INSTRUCTED_DETAILS) => {
            return ApiError::new(
                Kind::InstructionsAdded,
                "The service would add instructions of its own to this request; its operator must remove them.",
            );
        }
        Some(LOST_DETAILS) => {
            return ApiError::new(Kind::WorkerRestarted, "The worker lost this request; try again.");
        }
        Some(_) | None => {}
    }
    let upstream = || ApiError::new(Kind::Upstream, "The upstream failed or its stream broke; try again.");
    match error.info() {
        Info::ContextWindowExceeded => too_long(),
        Info::UsageLimitExceeded | Info::SessionBudgetExceeded => used_up(),
        Info::RateLimitExceeded | Info::Http { status: Some(429) } => rate_limited(&error.message),
        Info::ServerOverloaded => ApiError::new(Kind::Overloaded, "The upstream is overloaded; try again.")
            .caused_by(Source::Provider),
        Info::ModelNotFound => {
            ApiError::new(Kind::ModelNotFound, "The upstream does not know this model.").with_param("model")
        }
        Info::PolicyViolation => {
            ApiError::new(Kind::ContentPolicy, "A policy of the upstream refused this content.")
        }
        Info::Unauthorized | Info::Http { status: Some(401) } => ApiError::new(
            Kind::UpstreamUnauthorized,
            "The service is not signed in upstream; its operator must sign it in again.",
        ),
        Info::BadRequest => said(400, &error.message).unwrap_or_else(upstream),
        Info::Http { status: Some(status @ (400 | 403 | 404 | 422)) } => said(status, &error.message)
            .unwrap_or_else(|| refusal(status, "The upstream refused this request.".into())),
        Info::Http { status: Some(402) } => used_up(),
        Info::Http { status: Some(413) } => too_long(),
        Info::Http { status: Some(503) } => {
            ApiError::new(Kind::Overloaded, "The upstream is not available; try again.")
                .caused_by(Source::Provider)
        }
        Info::Other => body(400, &error.message).or_else(|| judged(error)).unwrap_or_else(upstream),
        Info::InternalServerError | Info::Http { .. } => upstream(),
    }
}

fn too_long() -> ApiError {
    // LangChain knows the case by these words alone, in an answer by the code and in a stream by the sentence.
    let text = "The input exceeds the context window of the model (context_length_exceeded): shorten it.";
    ApiError::new(Kind::ContextLength, text).with_param("messages")
}

fn used_up() -> ApiError {
    ApiError::new(Kind::InsufficientQuota, "The usage limit of the account behind this service is reached.")
}

fn rate_limited(message: &str) -> ApiError {
    let error =
        ApiError::new(Kind::RateLimited, "The upstream limits the rate of requests; try again later.");
    match try_again_in(message) {
        Some(after) => error.retry_after(after),
        None => error,
    }
}

fn refused(error: &ErrorObject) -> ApiError {
    let after = error.data.as_ref().and_then(|d| d["retryAfterMs"].as_u64()).map(Duration::from_millis);
    match error.code {
        code::OVERLOADED => {
            ApiError::new(Kind::Overloaded, "The service is overloaded; try again.").or_retry_after(after)
        }
        code::WORKER_UNAVAILABLE => unavailable(after),
        code::WORKER_RESTARTED => restarted(),
        code::DRAINING => draining(),
        code::TIMEOUT => ApiError::new(Kind::Timeout, "The worker did not answer in time; try again.")
            .caused_by(Source::Worker),
        code::INVALID_PARAMS | code::INVALID_REQUEST => {
            ApiError::new(Kind::InvalidRequest, "The worker refused this request.").caused_by(Source::Gateway)
        }
        _ => ApiError::new(Kind::Internal, "The worker failed on this request.").caused_by(Source::Worker),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(info: Value, message: &str) -> (u16, Option<String>) {
        let end = End::Failed(Box::new(TurnError {
            message: message.into(),
            codex_error_info: Some(info),
            additional_details: None,
        }));
        let error = error(&end).unwrap();
        (error.status().as_u16(), error.code().map(str::to_owned))
    }

    #[test]
    fn every_row_of_the_table() {
        for (info, status, code) in [
            (json!("contextWindowExceeded"), 400, Some("context_length_exceeded")),
            (json!("usageLimitExceeded"), 429, Some("insufficient_quota")),
            (json!("sessionBudgetExceeded"), 429, Some("insufficient_quota")),
            (json!("rateLimitExceeded"), 429, Some("rate_limit_exceeded")),
            (
                json!({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}),
                429,
                Some("rate_limit_exceeded"),
            ),
            (json!("serverOverloaded"), 503, Some("overloaded")),
            (json!("modelNotFound"), 404, Some("model_not_found")),
            (json!("cyberPolicy"), 400, Some("content_policy_violation")),
            (json!("unauthorized"), 503, Some("upstream_unauthorized")),
            (json!({"httpConnectionFailed": {"httpStatusCode": 401}}), 503, Some("upstream_unauthorized")),
            (json!({"httpConnectionFailed": {"httpStatusCode": 503}}), 503, Some("overloaded")),
            (json!({"httpConnectionFailed": {"httpStatusCode": 404}}), 404, None),
            (json!({"responseStreamDisconnected": {"httpStatusCode": null}}), 502, Some("upstream_error")),
            (json!("internalServerError"), 502, Some("upstream_error")),
            (json!({"httpConnectionFailed": {"httpStatusCode": 402}}), 429, Some("insufficient_quota")),
            (json!({"httpConnectionFailed": {"httpStatusCode": 413}}), 400, Some("context_length_exceeded")),
            (json!({"httpConnectionFailed": {"httpStatusCode": 422}}), 422, None),
            (json!({"httpConnectionFailed": {"httpStatusCode": 409}}), 502, Some("upstream_error")),
            (json!("other"), 502, Some("upstream_error")),
            (json!("new"), 502, Some("upstream_error")),
        ] {
            assert_eq!(of(info.clone(), "stream disconnected"), (status, code.map(str::to_owned)), "{info}");
        }
    }

    #[test]
    fn what_added_instructions_end_is_the_operators_to_mend() {
        let end = instructed();
        assert!(is_instructed(&end) && !is_instructed(&End::Completed) && !turned_away(&end));
        let error = error(&end).unwrap();
        assert_eq!((error.kind(), error.is_retryable()), (Kind::InstructionsAdded, false));
    }

    #[test]
    fn a_turn_that_found_no_place_has_not_run() {
        let refused = |code| {
            turned_away(&End::Refused(Box::new(ErrorObject { code, message: "x".into(), data: None })))
        };
        assert!(refused(code::OVERLOADED) && refused(code::WORKER_UNAVAILABLE) && refused(code::DRAINING));
        assert!(!refused(code::WORKER_RESTARTED) && !refused(code::TIMEOUT) && !refused(code::INTERNAL));
        assert!(turned_away(&End::Unavailable) && !turned_away(&End::Lost) && !turned_away(&End::Stopped));
        // The turn had gone out with its history.
        let not_injected =
            |code| End::NotInjected(Box::new(ErrorObject { code, message: "x".into(), data: None }));
        let full = not_injected(code::OVERLOADED);
        assert!(!turned_away(&full) && !ran_nowhere(&full, true));
        assert_eq!(error(&full).unwrap().kind(), Kind::Overloaded);
        assert!(ran_nowhere(&not_injected(code::DRAINING), true));
        assert!(ran_nowhere(&not_injected(code::WORKER_UNAVAILABLE), true));
        assert!(!ran_nowhere(&not_injected(code::WORKER_RESTARTED), true));
    }

    #[test]
    fn what_is_refused_for_the_account_ran_nowhere() {
        let of = |info: Value| {
            let error =
                TurnError { message: String::new(), codex_error_info: Some(info), additional_details: None };
            let end = End::Failed(Box::new(error));
            (ran_nowhere(&end, true), refuses_account(&end))
        };
        let status = |status: u16| json!({"responseTooManyFailedAttempts": {"httpStatusCode": status}});
        for info in
            [json!("usageLimitExceeded"), json!("unauthorized"), status(401), status(402), status(429)]
        {
            assert_eq!(of(info.clone()), (true, Some(true)), "{info}");
        }
        assert_eq!(of(json!("rateLimitExceeded")), (false, Some(true)));
        for info in [json!("serverOverloaded"), status(403), status(500), status(503), json!("other")] {
            assert_eq!(of(info.clone()), (false, None), "{info}");
        }
        assert_eq!(refuses_account(&End::Completed), Some(false));
        assert_eq!(refuses_account(&End::Lost), None);
    }

    #[test]
    fn the_upstreams_own_words_are_cleaned() {
        let body = r#"unexpected status 400: {"error":{"message":"Bad 'x' see https://h/p (req_123)","param":"x","code":"bad_x"}}, url: y"#;
        assert_eq!(of(json!("other"), body), (400, Some("bad_x".into())));
        let error = said(400, body).unwrap();
        assert_eq!(error.to_string(), "Bad 'x' see [removed] [removed]");
    }

    #[test]
    fn a_bare_message_is_the_upstreams_judgement_and_the_childs_own_words_are_not() {
        let flagged = "Invalid prompt: your prompt was flagged, see https://h/p";
        assert_eq!(of(json!("other"), flagged), (400, None));
        for own in [
            "stream disconnected before completion: x",
            "unexpected status 418 I'm a teapot: x, url: y",
            "Fatal error: x",
            "No such file or directory (os error 2)",
            "expected value at line 1 column 2",
            "task 12 panicked",
            "<html>no</html>",
            "",
        ] {
            assert_eq!(of(json!("other"), own).0, 502, "{own}");
        }
        assert_eq!(of(json!("sandboxError"), flagged).0, 502);
        assert_eq!(of(json!(null), flagged).0, 502);
    }
}
