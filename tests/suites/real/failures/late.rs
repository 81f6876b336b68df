//! Every kind of failure behind the first byte of a stream. The `match` is exhaustive: a new kind needs a place here.

use super::{
    judge,
    kinds::{kill_child, stage_with},
};
use crate::support::{Stage, Stream, asking};
use gateway_tests::{
    pair::DEADLINE,
    upstream::{Pieces, Reply},
};
use http_front::error::Kind;
use nix::sys::signal::Signal;
use tokio::time::timeout;

const BEGUN: &str = "Begun.";

/// The stream that began with [`BEGUN`] and that `kind` ends; `None` for what is only there before the first byte.
async fn cause(kind: Kind, stage: &Stage) -> Option<Stream> {
    let upstream = async |code: &str| {
        let reply = Reply::new().text(BEGUN).failed(code, "Told by the script.");
        Some(stage.ask([reply], &asking(true)).await.stream())
    };
    match kind {
        Kind::ContextLength => upstream("context_length_exceeded").await,
        Kind::ModelNotFound => upstream("model_not_found").await,
        Kind::UpstreamRefused(_) => upstream("invalid_prompt").await,
        Kind::RateLimited => upstream("rate_limit_exceeded").await,
        Kind::InsufficientQuota => upstream("insufficient_quota").await,
        Kind::Overloaded => upstream("server_is_overloaded").await,
        Kind::Upstream => upstream("server_error").await,
        Kind::ContentPolicy => upstream("cyber_policy").await,
        Kind::Draining => {
            let stage = stage_with(&[], &[("WORKER_SHUTDOWN_GRACE_MS", "100")]).await;
            let end = |stage: &Stage| stage.pair.daemon.signal(Signal::SIGTERM).expect("a signal");
            Some(stalled(&stage, end).await)
        }
        Kind::WorkerRestarted => Some(stalled(&Stage::new().await, kill_child).await),
        Kind::Timeout => {
            Some(stalled(&stage_with(&[("PROXY_STREAM_IDLE_TIMEOUT_MS", "3000")], &[]).await, |_| {}).await)
        }
        // `suites::process::slow_reader` shows it.
        Kind::SlowReader => None,
        Kind::InvalidRequest
        | Kind::UnsupportedParameter
        | Kind::UnsupportedValue
        | Kind::InvalidApiKey
        | Kind::ProfileNotAllowed
        | Kind::ModelNotAllowed
        | Kind::OperatorOnly
        | Kind::NotFound
        | Kind::MethodNotAllowed
        | Kind::TooLarge
        | Kind::BodyTimeout
        | Kind::Maintenance
        | Kind::AppServerDisabled
        | Kind::AgentUnavailable
        | Kind::InstructionsAdded
        | Kind::WorkerUnavailable
        | Kind::UpstreamUnauthorized
        | Kind::Internal => None,
    }
}

/// A stream that stops after its first text, and `end` is done.
async fn stalled(stage: &Stage, end: impl FnOnce(&Stage)) -> Stream {
    let mut running = stage.begin(Reply::new().text(Pieces::new(BEGUN).stall()), &asking(true)).await;
    let mut text = String::new();
    let mut end = Some(end);
    loop {
        let part = timeout(DEADLINE, running.chunk()).await.expect("a part in time").expect("a body");
        let Some(part) = part else { return Stream::read(&text) };
        text.push_str(std::str::from_utf8(&part).expect("UTF-8"));
        // The head goes out with the first sign of life, which may come before the text.
        if text.contains(BEGUN)
            && let Some(end) = end.take()
        {
            end(stage);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_that_can_end_a_stream_is_its_last_frame() {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        let Some(stream) = cause(*kind, &stage).await else { continue };
        if *kind == Kind::ContentPolicy {
            assert_eq!(stream.complete("content_filter"), BEGUN);
            continue;
        }
        let (text, error) = stream.broken();
        assert_eq!(text, BEGUN, "{kind:?}");
        wrong.extend(judge::object(*kind, judge::code(*kind).as_deref(), &error));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
