//! A pair with agents, and a model that runs what the user says.

use std::sync::Arc;

use gateway_tests::{
    pair::{Builder, DEADLINE, KEY, Pair},
    upstream::{Config, Recorded, Reply, Upstream, Usage},
};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A model whose tools are plain functions.
pub(crate) const DIRECT: &str = "gpt-5.5";
/// A model that runs a script, which calls the tools.
pub(crate) const CODE: &str = "gpt-6.1-sol";
/// What each call of the model uses.
const USAGE: [u64; 2] = [10, 2];

/// Commands for [`commanding`], as the text of a user.
pub(crate) fn commands(list: &[&str]) -> String {
    json!(list).to_string()
}

/// The results of the calls since the last user message, whichever kind of call it was.
pub(crate) fn results(request: &Recorded) -> Vec<Value> {
    let input = request.input();
    let start = input.iter().rposition(|item| item["role"] == "user").map_or(0, |at| at + 1);
    let kinds = ["function_call_output", "custom_tool_call_output"];
    let results = input.iter().skip(start).filter(|item| kinds.iter().any(|kind| item["type"] == *kind));
    results.map(|item| item["output"].clone()).collect()
}

/// A model that runs the commands of the last user message one after the other, each with a message before it, and
/// then says that it is done. Other texts it repeats.
pub(crate) fn commanding(request: &Recorded) -> Reply {
    let usage = Usage::new(USAGE[0], 0, USAGE[1], 0);
    let text = request.last_user_text().unwrap_or_default();
    let Ok(commands) = serde_json::from_str::<Vec<String>>(&text) else {
        return Reply::new().text(format!("echo {text}")).completed(usage);
    };
    let step = results(request).len();
    match commands.get(step) {
        Some(command) => {
            let said = Reply::new().text(format!("step {step}"));
            // The next call of the model comes at the latest after this time, whether the command has ended or not.
            let call = if command.starts_with("sleep") {
                json!({ "cmd": command, "yield_time_ms": 250 })
            } else {
                json!({ "cmd": command, "tty": command.starts_with("tty") })
            };
            let call = if request.json()["model"] == CODE {
                said.custom_call("exec", format!("text(await tools.exec_command({call}))"))
            } else {
                said.function_call(&command_tool(request), call.to_string())
            };
            call.completed(usage)
        }
        None => Reply::new().text("done").completed(usage),
    }
}

/// The tool that runs commands, by the name that the model was told: a client's own `exec_command` goes up as
/// `fn_exec_command`. A model that called another name would have codex answer it and ask it again, as far as that comes
/// before the interrupt.
fn command_tool(request: &Recorded) -> String {
    let tools = request.json()["tools"].as_array().cloned().unwrap_or_default();
    let mut names = tools.iter().filter_map(|tool| tool["name"].as_str());
    names.find(|name| name.ends_with("exec_command")).expect("a tool for commands").to_owned()
}

/// What `calls` calls of the model use.
pub(crate) fn used(calls: u64) -> (u64, u64) {
    (USAGE[0] * calls, USAGE[1] * calls)
}

/// A pair, its upstream and the folder of its agents.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) work: TempDir,
}

impl Stage {
    /// Agents for those who ask, in this sandbox.
    pub(crate) async fn new(sandbox: &str) -> Self {
        Self::with(|builder| {
            builder
                .daemon("WORKER_PROFILES", "completion,agent")
                .both("PROXY_SANDBOX_MODE", sandbox)
                .front("PROXY_API_KEY_PROFILES", "completion,agent")
        })
        .await
    }

    /// As `build` makes it; the folder is set for both.
    pub(crate) async fn with(build: impl FnOnce(Builder) -> Builder) -> Self {
        Self::built("", build).await
    }

    /// The same with more settings of the provider.
    pub(crate) async fn built(provider: &str, build: impl FnOnce(Builder) -> Builder) -> Self {
        // codex sends what only its own models know.
        let config = Config { strict: false, ..Config::default() };
        let upstream = Upstream::start_with(commanding, config).await.expect("an upstream on loopback");
        // Not where everybody writes: what is outside of the folder must be closed by the sandbox alone.
        let work = tempfile::Builder::new().prefix("agents-").tempdir().expect("a folder");
        let provider = format!("request_max_retries = 0\nstream_max_retries = 0\n{provider}");
        let builder = Builder::real_with(&upstream.base_url(), &provider).expect("a home");
        let folder = work.path().to_str().expect("a path in UTF-8").to_owned();
        let pair = build(builder.both("PROXY_CODEX_WORKDIR", &folder)).start().await.expect("a ready pair");
        Self { pair, upstream: Arc::new(upstream), work }
    }

    /// The answer to `body` with these headers.
    pub(crate) async fn send(&self, headers: &[(&str, &str)], body: &Value) -> Got {
        let request =
            self.pair.client().post(self.pair.url("/v1/chat/completions")).bearer_auth(KEY).json(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let whole = async {
            let response = request.send().await.expect("an answer");
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Got { status, headers, text: response.text().await.expect("a body") }
        };
        tokio::time::timeout(DEADLINE, whole).await.expect("an answer in time")
    }

    /// What an agent answers to `text`.
    pub(crate) async fn agent(&self, model: &str, text: &str, stream: bool) -> Got {
        self.send(&[("x-codex-profile", "agent")], &asking(model, text, stream)).await
    }

    /// The lines of the log about an agent's work, once there are so many.
    pub(crate) async fn logged(&self, least: usize) -> Vec<Value> {
        let look = || async {
            let lines = self.pair.front.log();
            let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let lines: Vec<Value> = lines.filter(|line| line["event"] == "agent_command").collect();
            (lines.len() >= least).then_some(lines)
        };
        self.pair.eventually("lines about an agent's work", look).await.expect("so many lines")
    }
}

/// A request for what the model says to `text`.
pub(crate) fn asking(model: &str, text: &str, stream: bool) -> Value {
    let options = if stream { json!({ "include_usage": true }) } else { Value::Null };
    json!({ "model": model, "stream": stream, "stream_options": options,
        "messages": [{ "role": "user", "content": text }] })
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    /// The body as JSON; `null` for a stream.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The chunks of a stream, or the object alone.
    fn objects(&self) -> Vec<Value> {
        let frames = self.text.lines().filter_map(|line| line.strip_prefix("data: "));
        let frames: Vec<Value> = frames.filter_map(|frame| serde_json::from_str(frame).ok()).collect();
        if frames.is_empty() { vec![self.json()] } else { frames }
    }

    /// What the model said.
    pub(crate) fn said(&self) -> String {
        let choices = self.objects().into_iter().map(|object| object["choices"][0].clone());
        let texts = choices.map(|choice| {
            let text = &choice[if choice["delta"].is_object() { "delta" } else { "message" }]["content"];
            text.as_str().unwrap_or_default().to_owned()
        });
        texts.collect()
    }

    /// The tokens of prompt and answer, if they are told.
    pub(crate) fn usage(&self) -> Option<(u64, u64)> {
        let usage = self.objects().into_iter().rev().find(|object| object["usage"].is_object())?;
        Some((usage["usage"]["prompt_tokens"].as_u64()?, usage["usage"]["completion_tokens"].as_u64()?))
    }

    /// `codex_metadata`; `null` where there is none.
    pub(crate) fn metadata(&self) -> Value {
        let mut told = self.objects().into_iter().map(|object| object["codex_metadata"].clone());
        told.find(|metadata| !metadata.is_null()).unwrap_or_default()
    }

    /// Why it ended.
    pub(crate) fn reason(&self) -> Option<String> {
        let reason = |object: Value| object["choices"][0]["finish_reason"].as_str().map(str::to_owned);
        self.objects().into_iter().find_map(reason)
    }

    /// The profile that it ran as.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.headers.get("x-codex-profile")?.to_str().ok()
    }

    /// Status, type, code and param of an error.
    pub(crate) fn error(&self) -> (u16, String, String, String) {
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or("null").to_owned();
        (self.status, text("type"), text("code"), text("param"))
    }
}
