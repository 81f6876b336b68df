//! Every kind of failure before the first byte. The `match` is exhaustive: a new kind needs a cause here.

use super::judge::{self, Wait};
use crate::support::{Got, Stage, asking, message};
use bytes::Bytes;
use gateway_tests::{
    pair::{Builder, DEADLINE, KEY},
    upstream::{Gate, Pieces, Reply},
};
use http_front::error::Kind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use shared::keys::Digest;
use std::{convert::Infallible, time::Duration};

/// The one kind that has no status of its own: a client that has read nothing yet can't read too slowly.
const SLOW_READER: &str = "a_client_that_does_not_read_is_cut_and_its_turn_interrupted";

/// A key of a file.
const HELD: &str = "sk-held-to-what-its-entry-says";

/// A pair with this key, whose entry says this too.
async fn with_key(members: &str) -> (Stage, tempfile::NamedTempFile) {
    let hash = Digest::of(HELD.as_bytes()).to_text();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let entry =
        format!("[[keys]]\nname = \"held\"\nhash = \"{hash}\"\ncreated = 2026-01-31T12:00:00Z\n{members}\n");
    std::fs::write(file.path(), entry).expect("a file of keys");
    let path = file.path().to_string_lossy().into_owned();
    (stage_with(&[("PROXY_API_KEYS_FILE", &*path)], &[]).await, file)
}

/// Causes `kind` and gives the answer, and the code and the time to wait that it should have.
async fn cause(kind: Kind, stage: &Stage, stream: bool) -> Option<(Got, Option<&'static str>, Wait)> {
    let upstream = async |reply| stage.ask([reply], &asking(stream)).await;
    let usual = |got, code| Some((got, Some(code), Wait::Usual));
    match kind {
        Kind::InvalidRequest => {
            Some((with(stage, stream, "messages", json!("no list")).await, None, Wait::Usual))
        }
        Kind::UnsupportedParameter => {
            usual(with(stage, stream, "logprobs", json!(true)).await, "unsupported_parameter")
        }
        Kind::UnsupportedValue => {
            let mut body = asking(stream);
            body["model"] = json!("gpt-5.5");
            body["reasoning_effort"] = json!("galactic");
            usual(Got::read(stage.send(&body).await).await, "unsupported_value")
        }
        Kind::ContextLength => {
            let reply = Reply::new().failed("context_length_exceeded", "Too long.");
            usual(upstream(reply).await, "context_length_exceeded")
        }
        Kind::InvalidApiKey => {
            let request = stage.pair.client().post(stage.pair.url("/v1/chat/completions"));
            let request = request.bearer_auth("sk-wrong").json(&asking(stream));
            usual(read(request).await, "invalid_api_key")
        }
        Kind::ProfileNotAllowed => usual(read(as_agent(stage, stream)).await, "profile_not_allowed"),
        Kind::ModelNotAllowed => {
            let (held, _file) = with_key("models = [\"another\"]").await;
            let request = held.pair.client().post(held.pair.url("/v1/chat/completions")).bearer_auth(HELD);
            usual(read(request.json(&asking(stream))).await, "model_not_allowed")
        }
        Kind::OperatorOnly => {
            let (held, _file) = with_key("").await;
            let url = format!("http://{}/internal/maintenance", held.pair.internal);
            usual(read(held.pair.client().get(url).bearer_auth(HELD)).await, "operator_only")
        }
        Kind::NotFound => {
            let request = stage.pair.client().post(stage.pair.url("/v1/chat")).bearer_auth(KEY);
            usual(read(request.json(&asking(stream))).await, "not_found")
        }
        Kind::ModelNotFound => {
            usual(with(stage, stream, "model", json!("gpt-none")).await, "model_not_found")
        }
        Kind::MethodNotAllowed => {
            let request = stage.pair.client().put(stage.pair.url("/v1/chat/completions"));
            let got = read(request.bearer_auth(KEY).json(&asking(stream))).await;
            assert_eq!(got.header("allow"), Some("POST, HEAD, OPTIONS"));
            usual(got, "method_not_allowed")
        }
        Kind::TooLarge => {
            let small = stage_with(&[("PROXY_MAX_BODY_BYTES", "2048")], &[]).await;
            let long = json!([message("user", &"x".repeat(4096))]);
            usual(with(&small, stream, "messages", long).await, "request_too_large")
        }
        Kind::BodyTimeout => {
            let hasty = stage_with(&[("PROXY_BODY_TIMEOUT_MS", "200")], &[]).await;
            let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
            let request = hasty.pair.client().post(hasty.pair.url("/v1/chat/completions")).bearer_auth(KEY);
            usual(read(request.body(reqwest::Body::wrap_stream(never))).await, "request_timeout")
        }
        Kind::UpstreamRefused(status) => {
            let error = json!({"message": "Bad 'x'.", "type": "t", "param": "x", "code": "bad_thing"});
            usual(upstream(Reply::status(status, &json!({ "error": error }))).await, "bad_thing")
        }
        Kind::RateLimited => {
            let reply = Reply::new().failed("rate_limit_exceeded", "Please try again in 5.2s.");
            Some((upstream(reply).await, Some("rate_limit_exceeded"), Wait::Millis(5_200)))
        }
        Kind::InsufficientQuota => {
            let reply = Reply::usage_limit(Duration::from_secs(60));
            usual(upstream(reply).await, "insufficient_quota")
        }
        Kind::Overloaded => {
            let full = [("WORKER_MAX_CONCURRENCY", "1"), ("WORKER_QUEUE_MAX", "0")];
            usual(beside_a_turn(&full, stream, async |_| {}).await, "overloaded")
        }
        Kind::Maintenance => {
            let settings = [("PROXY_MAINTENANCE_MODE", "true"), ("PROXY_MAINTENANCE_RETRY_AFTER_S", "7")];
            let got = ask(&stage_with(&settings, &[]).await, stream).await;
            Some((got, Some("maintenance"), Wait::Millis(7_000)))
        }
        Kind::Draining => usual(
            beside_a_turn(&[], stream, async |stage| {
                stage.pair.daemon.signal(Signal::SIGTERM).expect("a signal");
                health(stage, "draining").await;
            })
            .await,
            "draining",
        ),
        Kind::AgentUnavailable => {
            let alone = stage_with(&[("PROXY_API_KEY_PROFILES", "completion,agent")], &[]).await;
            usual(read(as_agent(&alone, stream)).await, "agent_unavailable")
        }
        Kind::InstructionsAdded => {
            let held = stage_with(&[], &[]).await;
            std::fs::write(held.pair.home().join("AGENTS.md"), "Answer in verse.").expect("a file");
            usual(ask(&held, stream).await, "instructions_added")
        }
        Kind::AppServerDisabled => {
            let settings = [("PROXY_USE_APP_SERVER", "false")];
            usual(ask(&stage_with(&settings, &[]).await, stream).await, "app_server_disabled")
        }
        Kind::WorkerUnavailable => {
            let stage = Stage::new().await;
            stage.pair.daemon.signal(Signal::SIGKILL).expect("a signal");
            health(&stage, "down").await;
            usual(ask(&stage, stream).await, "worker_unavailable")
        }
        Kind::WorkerRestarted => {
            let stage = Stage::new().await;
            let before = stage.upstream.totals().requests;
            stage.will_say(Reply::silence());
            let crash = async {
                stage.upstream.wait_request(before, DEADLINE).await.expect("a turn that runs");
                kill_child(&stage);
            };
            let (got, ()) = tokio::join!(ask(&stage, stream), crash);
            usual(got, "worker_restarted")
        }
        Kind::UpstreamUnauthorized => {
            usual(upstream(Reply::error(401, "no key")).await, "upstream_unauthorized")
        }
        Kind::Upstream => usual(upstream(Reply::error(500, "oops")).await, "upstream_error"),
        Kind::Timeout => {
            let stage = stage_with(&IMPATIENT, &[]).await;
            stage.will_say(Reply::silence());
            usual(ask(&stage, stream).await, "timeout")
        }
        Kind::ContentPolicy => {
            let reply = Reply::new().failed("cyber_policy", "No.");
            usual(upstream(reply).await, "content_policy_violation")
        }
        Kind::SlowReader => None,
        Kind::Internal => {
            // The daemon doesn't let the front do what it must.
            let without = "thread/start,thread/unsubscribe,turn/start,turn/interrupt,model/list";
            let stage = stage_with(&[], &[("WORKER_ALLOW_METHODS", without)]).await;
            usual(ask(&stage, stream).await, "internal_error")
        }
    }
}

/// A turn is given up after a moment of silence.
pub(super) const IMPATIENT: [(&str, &str); 2] =
    [("PROXY_IDLE_TIMEOUT_MS", "400"), ("PROXY_STREAM_IDLE_TIMEOUT_MS", "400")];

/// A stage with settings of the front and of the daemon.
pub(super) async fn stage_with(front: &[(&str, &str)], daemon: &[(&str, &str)]) -> Stage {
    let build = |url: &str| {
        let builder = Builder::real(url).expect("a home");
        let builder = front.iter().fold(builder, |builder, (name, value)| builder.front(name, *value));
        daemon.iter().fold(builder, |builder, (name, value)| builder.daemon(name, *value))
    };
    Stage::with(build).await
}

/// The answer to a request that comes while a turn runs, after `and`.
async fn beside_a_turn(daemon: &[(&str, &str)], stream: bool, and: impl AsyncFnOnce(&Stage)) -> Got {
    let stage = stage_with(&[], daemon).await;
    let gate = Gate::new();
    let pieces = Pieces::new("Begun.").wait(&gate);
    let running = stage.begin(Reply::new().text(pieces), &asking(true)).await;
    and(&stage).await;
    let got = ask(&stage, stream).await;
    gate.open();
    assert_eq!(Got::read(running).await.stream().complete("stop"), "Begun.");
    got
}

/// Waits until the front's health has this status.
async fn health(stage: &Stage, wanted: &str) {
    let (client, url) = (stage.pair.client(), stage.pair.url("/readyz"));
    let seen = stage.pair.eventually(wanted, || async {
        let health: Value = client.get(&url).send().await.ok()?.json().await.ok()?;
        (health["status"] == wanted).then_some(())
    });
    seen.await.expect("such a health");
}

pub(super) fn kill_child(stage: &Stage) {
    let child = stage.pair.child_pid().and_then(|pid| i32::try_from(pid).ok()).expect("a child");
    kill(Pid::from_raw(child), Signal::SIGKILL).expect("a child that runs");
}

async fn ask(stage: &Stage, stream: bool) -> Got {
    Got::read(stage.send(&asking(stream)).await).await
}

/// The answer to a request with one member changed.
async fn with(stage: &Stage, stream: bool, name: &str, value: Value) -> Got {
    let mut body = asking(stream);
    body[name] = value;
    Got::read(stage.send(&body).await).await
}

fn as_agent(stage: &Stage, stream: bool) -> reqwest::RequestBuilder {
    let request = stage.pair.client().post(stage.pair.url("/v1/chat/completions")).bearer_auth(KEY);
    request.header("x-codex-profile", "agent").json(&asking(stream))
}

async fn read(request: reqwest::RequestBuilder) -> Got {
    let response = tokio::time::timeout(DEADLINE, request.send()).await;
    Got::read(response.expect("a head in time").expect("an answer")).await
}

async fn every_kind(stream: bool) {
    let stage = Stage::new().await;
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        match cause(*kind, &stage, stream).await {
            Some((got, code, wait)) => wrong.extend(judge::answer(*kind, code, wait, &got)),
            None if *kind == Kind::OperatorOnly => {}
            None => assert!(
                include_str!("../../process/slow_reader.rs").contains(&format!("fn {SLOW_READER}(")),
                "nothing shows {kind:?}"
            ),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_has_its_status_before_json() {
    every_kind(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_has_its_status_before_a_stream() {
    every_kind(true).await;
}
