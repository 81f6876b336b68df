//! Requests of every sort, so that every series has counted something.

use std::path::PathBuf;

use futures_util::StreamExt;
use gateway_tests::{
    pair::{Builder, KEY, Pair},
    upstream::{Config, Directives, Upstream},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use shared::keys::Digest;

/// A key with a limit of one request.
const LIMITED: &str = "sk-limited-00000000000000000000";

/// A pair around the real codex, and what it is to be asked.
pub(crate) struct Run {
    pub(crate) pair: Pair,
    _upstream: Upstream,
}

impl Run {
    pub(crate) async fn start() -> Self {
        let upstream = Upstream::start_with(Directives::new(), Config::default()).await.expect("an upstream");
        let builder = Builder::real(&upstream.base_url()).expect("a home");
        let keys = builder.home().join("keys.toml");
        let text = format!(
            "[[keys]]\nname = \"limited\"\nhash = \"{}\"\ncreated = 2020-01-01T00:00:00Z\n\
             limits = {{ window = \"1h\", requests = 1 }}\n",
            Digest::of(LIMITED.as_bytes()).to_text()
        );
        std::fs::write(&keys, text).expect("written");
        let usage = builder.home().join("usage.ndjson");
        let state = builder.home().join("front");
        std::fs::create_dir(&state).expect("a folder");
        let builder = builder
            .front("PROXY_API_KEYS_FILE", keys.to_string_lossy())
            .front("TOKEN_LOG_PATH", usage.to_string_lossy())
            .front("PROXY_STATE_DIR", state.to_string_lossy())
            .front("PROXY_TRACE_BUFFER_ENABLED", "true")
            .both("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
            .both("OTEL_BSP_SCHEDULE_DELAY", "200");
        let pair = builder.start().await.expect("a pair that is ready");
        Self { pair, _upstream: upstream }
    }

    /// Where traces are.
    pub(crate) fn traces(&self) -> PathBuf {
        self.pair.home().join("front/trace-buffer")
    }

    /// The status and the request id of a chat completion with these members and headers; its body is read.
    pub(crate) async fn chat(&self, members: &Value, headers: &[(&str, &str)], key: &str) -> (u16, String) {
        let mut body = json!({"model": "codex-5", "messages": [{"role": "user", "content": "hello"}]});
        for (name, value) in members.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let url = self.pair.url("/v1/chat/completions");
        let mut request = self.pair.client().post(url).bearer_auth(key).json(&body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let id = answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let id = id.to_owned();
        answer.bytes().await.expect("a body");
        (status, id)
    }

    async fn says(&self, prompt: &str, stream: bool) -> (u16, String) {
        let members = json!({"stream": stream, "messages": [{"role": "user", "content": prompt}]});
        self.chat(&members, &[], KEY).await
    }

    /// One of each. Gives the id of a request that failed.
    pub(crate) async fn round(&self) -> String {
        for stream in [false, true] {
            assert_eq!(self.says("!reasoning why\n!echo because\n!usage 100 40 20 10", stream).await.0, 200);
        }
        self.completions_and_models().await;
        assert_eq!(self.says("!status 401", false).await.0, 503);
        assert_eq!(self.says("!usage_limit", false).await.0, 429);
        assert_eq!(self.says("!echo begun\n!cut 1", true).await.0, 200);
        assert_eq!(self.chat(&json!({"temperature": 0.5, "seed": 1}), &[], KEY).await.0, 200);
        assert_eq!(self.chat(&json!({"messages": 1}), &[], KEY).await.0, 400);
        assert_eq!(self.chat(&json!({}), &[], "sk-nobody").await.0, 401);
        self.chat(&json!({}), &[], LIMITED).await;
        assert_eq!(self.chat(&json!({}), &[], LIMITED).await.0, 429);
        self.tools().await;
        self.hang_up().await;
        self.toggled("maintenance", json!({"enabled": true, "message": "A test."})).await;
        self.toggled("app-server", json!({"enabled": false})).await;
        let (status, id) = self.says("!status 500", false).await;
        assert_eq!(status, 502);
        id
    }

    async fn completions_and_models(&self) {
        let body = json!({"model": "codex-5", "prompt": "!echo done"});
        let url = self.pair.url("/v1/completions");
        let answer =
            self.pair.client().post(url).bearer_auth(KEY).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body");
        let url = self.pair.url("/v1/models");
        let answer = self.pair.client().get(url).bearer_auth(KEY).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body");
    }

    async fn tools(&self) {
        let parameters = json!({"type": "object", "properties": {"q": {"type": "string"}}});
        let tool = json!({"type": "function", "function": {"name": "search", "parameters": parameters}});
        let asked = |prompt: &str| json!({"tools": [tool.clone()], "messages": [{"role": "user", "content": prompt}]});
        assert_eq!(self.chat(&asked("!call search {\"q\":\"x\"}"), &[], KEY).await.0, 200);
        let mode = [("x-proxy-output-mode", "textual-tools")];
        for name in ["search", "nobody"] {
            let block = format!("!echo <use_tool><name>{name}</name><q>x</q></use_tool>");
            assert_eq!(self.chat(&asked(&block), &mode, KEY).await.0, 200);
        }
    }

    /// Leaves in the middle of a stream.
    async fn hang_up(&self) {
        let body = json!({"model": "codex-5", "stream": true,
            "messages": [{"role": "user", "content": "!bytes 2000\n!chunks 10\n!pause 20"}]});
        let answer = self.pair.chat(&body).await.expect("an answer");
        answer.bytes_stream().next().await.expect("a piece").expect("read");
    }

    /// Sets a toggle, asks once, removes it.
    async fn toggled(&self, name: &str, body: Value) {
        let url = format!("http://{}/internal/{name}", self.pair.internal);
        let set = self.pair.client().put(&url).bearer_auth(KEY).json(&body).send().await.expect("an answer");
        assert_eq!(set.status(), 200);
        assert_eq!(self.says("hello", false).await.0, 503);
        let gone = self.pair.client().delete(&url).bearer_auth(KEY).send().await.expect("an answer");
        assert_eq!(gone.status(), 200);
    }

    /// Whether a toggle is on, and who says so.
    pub(crate) async fn toggle(&self, name: &str) -> Option<(bool, String)> {
        let url = format!("http://{}/internal/{name}", self.pair.internal);
        let answer = self.pair.client().get(url).bearer_auth(KEY).send().await.ok()?;
        let state: Value = answer.json().await.ok()?;
        Some((state["enabled"].as_bool()?, state["source"].as_str()?.to_owned()))
    }

    /// codex is killed, with a turn in flight, and is there again.
    pub(crate) async fn restart(&self) {
        let stalled = self.says("!echo begun\n!stall", true);
        let killed = async {
            let busy = || async {
                let answer = self
                    .pair
                    .client()
                    .get(format!("http://{}/metrics", self.pair.internal))
                    .send()
                    .await
                    .ok()?;
                answer
                    .text()
                    .await
                    .ok()?
                    .contains("codex_worker_turns_active{worker=\"worker\"} 1")
                    .then_some(())
            };
            self.pair.eventually("a turn in flight", busy).await.expect("in time");
            let pid = self.pair.child_pid().expect("a codex");
            kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), Signal::SIGKILL).expect("killed");
        };
        futures_util::join!(stalled, killed);
        self.pair.ready().await.expect("codex is there again");
    }
}
