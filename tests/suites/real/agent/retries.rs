//! What an agent has begun, no client is told to ask for again.

use std::sync::Arc;

use gateway_tests::{
    pair::{Builder, Pair},
    upstream::{Config, Pieces, Recorded, Reply, Upstream, Usage},
};
use serde_json::{Value, json};

use super::stage::{DIRECT, asking};

/// The first call of the model runs a command; the next one does what the user says.
fn failing(request: &Recorded) -> Reply {
    let text = request.last_user_text().unwrap_or_default();
    if request.outputs_since_user().is_empty() && !text.starts_with("at once") {
        let call = json!({ "cmd": "echo x >> made" }).to_string();
        return Reply::new().function_call("exec_command", call).completed(Usage::new(1, 0, 1, 0));
    }
    match text.rsplit(' ').next() {
        Some("full") => Reply::error(503, "full"),
        Some("rate") => Reply::new().failed("rate_limit_exceeded", "Please try again in 5.2s."),
        Some("cut") => Reply::new().text(Pieces::new("half").cut()),
        Some("server") => Reply::error(500, "broken"),
        Some(_) | None => Reply::new().text("done").completed(Usage::new(1, 0, 1, 0)),
    }
}

struct Failing {
    pair: Pair,
    _upstream: Arc<Upstream>,
    work: tempfile::TempDir,
}

impl Failing {
    async fn new(front: &[(&str, &str)], daemon: &[(&str, &str)]) -> Self {
        let config = Config { strict: false, ..Config::default() };
        let upstream = Upstream::start_with(failing, config).await.expect("an upstream");
        let work = tempfile::Builder::new().prefix("agents-").tempdir().expect("a folder");
        let provider = "request_max_retries = 0\nstream_max_retries = 0\n";
        let builder = Builder::real_with(&upstream.base_url(), provider).expect("a home");
        let builder = builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .front("PROXY_API_KEY_PROFILES", "completion,agent")
            .both("PROXY_SANDBOX_MODE", "workspace-write")
            .both("PROXY_CODEX_WORKDIR", work.path().to_str().expect("a path"));
        let builder = front.iter().fold(builder, |builder, (name, value)| builder.front(name, *value));
        let builder = daemon.iter().fold(builder, |builder, (name, value)| builder.daemon(name, *value));
        Self { pair: builder.start().await.expect("a ready pair"), _upstream: Arc::new(upstream), work }
    }

    /// What a request as this profile comes to: the status, what the headers and the body say of trying again, and the
    /// times to wait.
    async fn ask(&self, profile: &str, text: &str, stream: bool) -> (u16, String, Value, usize) {
        let request = self.pair.client().post(self.pair.url("/v1/chat/completions"));
        let request = request.bearer_auth(gateway_tests::pair::KEY).header("x-codex-profile", profile);
        let answer = request.json(&asking(DIRECT, text, stream)).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let header =
            |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let should = header("x-should-retry").unwrap_or_default();
        let waits =
            ["retry-after", "retry-after-ms"].into_iter().filter(|name| header(name).is_some()).count();
        let body = answer.text().await.expect("a body");
        let last = body.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap_or(&body);
        let error: Value = serde_json::from_str(last).unwrap_or_default();
        assert!(
            error["error"]["message"]
                .as_str()
                .is_some_and(|said| said.contains("try again") != (profile == "agent")),
            "{body}"
        );
        (status, should, error["error"]["retryable"].clone(), waits)
    }
}

/// However far the agent had come: its next call of the model could have been on its way.
#[tokio::test]
async fn no_failure_of_an_agent_is_to_be_tried_again() {
    let failing = Failing::new(&[], &[]).await;
    for when in ["later", "at once"] {
        for (what, status) in [("full", 503), ("rate", 429), ("server", 502), ("cut", 502)] {
            for stream in [false, true] {
                let got = failing.ask("agent", &format!("{when} {what}"), stream).await;
                let (told, should, retryable, waits) = &got;
                assert!(*retryable == json!(false) && *waits == 0, "{when} {what} {stream}: {got:?}");
                // Once the head of a stream went out, the frame alone can say it.
                let late = stream && *told == 200;
                assert!(late || (*told == status && should == "false"), "{when} {what} {stream}: {got:?}");
            }
        }
    }
    // Each ran its command once.
    let made = std::fs::read_to_string(failing.work.path().join("made")).expect("a file");
    assert_eq!(made.lines().count(), 8);
    // A completion's may.
    for (what, status) in [("full", 503), ("rate", 429), ("server", 502), ("cut", 502)] {
        let (told, should, retryable, waits) =
            failing.ask("completion", &format!("at once {what}"), false).await;
        assert_eq!((told, &*should, retryable, waits), (status, "true", json!(true), 2), "{what}");
    }
}

/// The places for turns are taken: nothing of the agent's ran, so a client may try again.
#[tokio::test]
async fn an_agent_that_found_no_place_may_be_asked_for_again() {
    let stage = super::stage::Stage::with(|builder| {
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .daemon("WORKER_MAX_CONCURRENCY", "1")
            .daemon("WORKER_QUEUE_MAX", "0")
            .front("PROXY_PROFILE", "agent")
    })
    .await;
    let marker = super::ends::marker();
    let text = super::stage::commands(&[&format!("exec sleep {marker}")]);
    let refused = async {
        super::ends::running(&stage.pair, &marker).await;
        stage.agent(DIRECT, "hello", false).await
    };
    let got = tokio::select! {
        got = refused => got,
        first = stage.agent(DIRECT, &text, false) => unreachable!("the command has ended: {first:?}"),
    };
    assert_eq!((got.status, got.error().2.as_str()), (503, "overloaded"), "{got:?}");
    assert_eq!(got.headers["x-should-retry"], "true", "{got:?}");
    assert!(got.headers.contains_key("retry-after") && got.json()["error"]["retryable"] == true, "{got:?}");
}
