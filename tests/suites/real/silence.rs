//! An upstream that says nothing for long, behind a proxy that cuts silent connections.

mod proxy;

use gateway_tests::{
    pair::{Answer, Builder, DEADLINE, End, KEY, Pair, asking},
    upstream::{Outcome, Pieces, Recorded, Reply, Upstream},
};
use proxy::Proxy;
use std::time::Duration;

/// How long the upstream is silent.
const SILENCE: Duration = Duration::from_secs(40);
/// What the proxy takes for a dead connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The upstream is silent where the prompt says so.
fn brain(request: &Recorded) -> Reply {
    match request.last_user_text().as_deref() {
        Some("before") => Reply::new().pause(SILENCE).text("One two"),
        Some("between") => Reply::new().text(Pieces::new("One").pause(SILENCE).delta(" two")),
        Some("failing") => Reply::new().pause(SILENCE).failed("context_length_exceeded", "Too long."),
        other => Reply::error(400, &format!("an unknown prompt: {other:?}")),
    }
}

/// A pair with this keep-alive, behind a proxy.
struct Stage {
    pair: Pair,
    upstream: Upstream,
    proxy: Proxy,
}

impl Stage {
    async fn new(keep_alive_ms: &str) -> Self {
        let upstream = Upstream::start(brain).await.expect("an upstream");
        let builder = Builder::real(&upstream.base_url()).expect("a home");
        let pair = builder.front("PROXY_SSE_KEEPALIVE_MS", keep_alive_ms).start().await;
        let pair = pair.expect("a ready pair");
        let proxy = Proxy::start(pair.addr, PATIENCE).await.expect("a proxy");
        Self { pair, upstream, proxy }
    }

    fn url(&self) -> String {
        format!("http://{}/v1/chat/completions", self.proxy.addr())
    }

    /// Reads the stream to its end: how it ended, and its text.
    async fn ask(&self, prompt: &str) -> (End, String) {
        let client = reqwest::Client::new();
        let mut answer = Answer::of(&client, &self.url(), prompt, true).await.expect("a head");
        assert!(answer.is_stream(), "status {}", answer.status());
        let end = answer.end().await.expect("an end");
        (end, answer.text())
    }
}

/// With comments the connection is never silent: every answer comes, and so does a failure, in a frame.
async fn kept_alive() {
    let stage = Stage::new("5000").await;
    let whole = (End::Done, "One two".to_owned());
    let broken = End::Broken { code: "context_length_exceeded".into() };
    let (before, between, failing) =
        tokio::join!(stage.ask("before"), stage.ask("between"), stage.ask("failing"));
    assert_eq!((before, between), (whole.clone(), whole));
    assert_eq!(failing, (broken, String::new()));
    assert_eq!(stage.proxy.cuts(), 0);
}

/// Without them the proxy cuts, and the front gives the turn up instead of paying for an answer that nobody reads.
async fn not_kept_alive() {
    let stage = Stage::new("0").await;
    let client = reqwest::Client::new();
    let before = async {
        let request = client.post(stage.url()).bearer_auth(KEY).json(&asking("before", true)).send();
        let head = tokio::time::timeout(DEADLINE, request).await.expect("an end in time");
        assert!(head.is_err(), "the head waits for the model's first sign of life: {head:?}");
    };
    let between = async {
        let (end, text) = stage.ask("between").await;
        assert!(matches!(end, End::Torn(_)), "{end:?}");
        assert_eq!(text, "One");
    };
    tokio::join!(before, between);
    // The client may see the end before the proxy has counted it.
    let both = || async { (stage.proxy.cuts() == 2).then_some(()) };
    stage.pair.eventually("two cuts", both).await.expect("two cuts");
    for turn in [0, 1] {
        let outcome = stage.upstream.wait_outcome(turn, DEADLINE).await.expect("an end");
        assert!(matches!(outcome, Outcome::PeerClosed { .. }), "turn {turn}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_silent_for_40_s_is_waited_for_behind_a_proxy_that_cuts_at_10_s() {
    tokio::join!(kept_alive(), not_kept_alive());
}
