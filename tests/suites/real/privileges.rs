//! What clients may make codex do: requests that would run a command are refused, and run none.

mod agent;
mod http;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use futures_util::StreamExt as _;
use gateway_tests::{
    pair::{Builder, DEADLINE, Pair, SocketClient, real_codex},
    upstream::{Recorded, Reply, Upstream, Usage},
};
use serde_json::{Value, json};
use shared::codec::{Decoded, LineCodec};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tokio_util::codec::FramedRead;
use worker_daemon::child::harness;

/// A model that calls `exec_command` with the prompt, once, and then says that it is done.
fn commanding(request: &Recorded) -> Reply {
    let called = !request.outputs_since_user().is_empty();
    let usage = Usage::new(1, 0, 1, 0);
    match request.last_user_text() {
        Some(command) if !called => {
            let arguments = json!({ "cmd": command }).to_string();
            Reply::new().function_call("exec_command", arguments).completed(usage)
        }
        Some(_) | None => Reply::new().text("done").completed(usage),
    }
}

async fn upstream() -> Arc<Upstream> {
    Arc::new(Upstream::start(commanding).await.expect("an upstream on loopback"))
}

/// What an operator could have in `config.toml` before everything else.
const WIDE: &str = "sandbox_mode = \"danger-full-access\"\napproval_policy = \"on-request\"\n";

fn builder(upstream: &Upstream) -> Builder {
    let builder = Builder::real(&upstream.base_url()).expect("a home");
    let path = builder.home().join("config.toml");
    let config = std::fs::read_to_string(&path).expect("a config.toml");
    std::fs::write(&path, format!("{WIDE}{config}")).expect("a config.toml");
    builder
}

/// Runs a turn with this text in a thread, to its end.
async fn turn(client: &mut SocketClient, thread: &Value, text: &str, more: &Value) -> Value {
    let mut params = json!({ "threadId": thread, "input": [{ "type": "text", "text": text }] });
    let members = more.as_object().expect("members").clone();
    params.as_object_mut().expect("an object").extend(members);
    client.call("turn/start", &params).await.expect("a turn");
    client.notified("turn/completed").await.expect("the end of a turn")
}

/// `thread/start` params that make codex run `touch MARKER` as soon as the thread has had a turn.
fn dangerous(marker: &Path) -> Vec<(&'static str, Value)> {
    let marker = marker.to_str().expect("a path in UTF-8");
    let server = json!({ "command": "touch", "args": [marker] });
    vec![
        ("config.mcp_servers", json!({ "config": { "mcp_servers": { "x": server } } })),
        ("config.mcp_servers.x", json!({ "config": { "mcp_servers.x": server } })),
        (
            "config.mcp_servers.x.args",
            json!({ "config": { "mcp_servers.x.args": [marker], "mcp_servers.x.command": "touch" } }),
        ),
        ("config.notify", json!({ "config": { "notify": ["touch", marker] } })),
    ]
}

/// Params that would give a client more than completions, with the method and the member that is named.
fn forbidden(marker: &Path) -> Vec<(&'static str, &'static str, Value)> {
    let tools = json!({ "features.shell_tool": true, "features.unified_exec": true });
    let mut cases = vec![
        ("thread/start", "sandbox", json!({ "sandbox": "danger-full-access" })),
        ("thread/start", "config.features.shell_tool", json!({ "config": tools })),
        ("thread/start", "config.features", json!({ "config": { "features": {} } })),
        ("thread/start", "config.model_catalog_json", json!({ "config": { "model_catalog_json": "/x" } })),
        (
            "thread/start",
            "config.sandbox_mode",
            json!({ "config": { "sandbox_mode": "danger-full-access" } }),
        ),
        ("thread/start", "config.model_providers.y", json!({ "config": { "model_providers.y": {} } })),
        ("thread/start", "cwd", json!({ "cwd": marker.parent() })),
        ("thread/start", "modelProvider", json!({ "modelProvider": "openai" })),
        ("thread/start", "approvalPolicy", json!({ "approvalPolicy": "on-request" })),
        ("thread/start", "permissions", json!({ "permissions": ":danger-full-access" })),
        ("thread/fork", "path", json!({ "threadId": "t", "path": "/etc/passwd" })),
        ("thread/resume", "path", json!({ "threadId": "t", "path": "/etc/passwd" })),
        ("thread/resume", "history", json!({ "threadId": "t", "history": [] })),
        ("turn/start", "sandboxPolicy.type", json!({ "sandboxPolicy": { "type": "dangerFullAccess" } })),
        ("turn/start", "cwd", json!({ "cwd": "/etc" })),
        ("turn/start", "input[0].type", json!({ "input": [{ "type": "localImage", "path": "/x" }] })),
    ];
    for (member, params) in dangerous(marker) {
        for method in ["thread/start", "thread/fork", "thread/resume"] {
            cases.push((method, member, params.clone()));
        }
    }
    cases
}

#[tokio::test]
async fn requests_that_would_run_a_command_are_refused_and_run_none() {
    let upstream = upstream().await;
    let pair = builder(&upstream).start().await.expect("a ready pair");
    let folder = tempfile::tempdir().expect("a folder");
    let marker = folder.path().join("marker");
    let mut client = SocketClient::connect(&pair.socket).await.expect("a connection");
    for (method, member, params) in forbidden(&marker) {
        let error = client.call(method, &params).await.expect_err("a refusal").to_string();
        assert!(
            error.contains("-32014") && error.contains(&format!("\"{member}\"")),
            "{method} {params}: {error}"
        );
    }
    // Past all of them, a thread that asks for nothing gets no more, whatever `config.toml` says.
    let started = client.call("thread/start", &json!({})).await.expect("a thread");
    assert_eq!(
        (&started["sandbox"]["type"], &started["approvalPolicy"]),
        (&json!("readOnly"), &json!("never"))
    );
    let thread = &started["thread"]["id"];
    turn(&mut client, thread, &format!("touch {}", marker.display()), &json!({})).await;
    // Nor does its fork, which has an environment again.
    let fork = json!({ "threadId": thread, "ephemeral": true, "excludeTurns": true, "model": "gpt-5.5" });
    let fork = client.call("thread/fork", &fork).await.expect("a fork");
    assert_eq!((&fork["sandbox"]["type"], &fork["approvalPolicy"]), (&json!("readOnly"), &json!("never")));
    turn(&mut client, &fork["thread"]["id"], &format!("touch {}", marker.display()), &json!({})).await;
    let tools: Vec<Value> = upstream.requests().iter().map(|r| r.json()["tools"].clone()).collect();
    assert!(tools.iter().all(|t| t.is_null() || *t == json!([])), "{tools:?}");
    // Calls in an injected history are history.
    let call = json!({ "type": "function_call", "call_id": "c", "name": "exec_command",
        "arguments": json!({ "cmd": format!("touch {}", marker.display()) }).to_string() });
    let started = client.call("thread/start", &json!({ "ephemeral": true })).await.expect("a thread");
    let thread = &started["thread"]["id"];
    let inject = json!({ "threadId": thread, "items": [call] });
    client.call("thread/inject_items", &inject).await.expect("an injected call");
    turn(&mut client, thread, "Go.", &json!({})).await;
    assert!(!marker.exists(), "a command ran");
}

/// Without the daemon each of them runs its command: the test above can fail.
#[tokio::test]
async fn the_same_requests_sent_to_codex_itself_run_a_command() {
    let upstream = upstream().await;
    let pair = builder(&upstream).start().await.expect("a ready pair");
    let home = builder(&upstream);
    let mut codex = Direct::start(home.home(), &catalog(&pair, "shaped-")).await;
    for (member, _) in dangerous(Path::new("x")) {
        let folder = tempfile::tempdir().expect("a folder");
        let marker = folder.path().join("marker");
        let (_, params) = dangerous(&marker).into_iter().find(|(name, _)| *name == member).expect("the same");
        let started = codex.call("thread/start", params).await;
        let thread = &started["thread"]["id"];
        codex
            .call("turn/start", json!({ "threadId": thread, "input": [{ "type": "text", "text": "x" }] }))
            .await;
        let made = || async { marker.exists().then_some(()) };
        pair.eventually(&format!("the marker of {member}"), made).await.expect("a command of codex");
    }
}

/// An agent works in its folder, by the turn, and codex trusts no folder for it.
#[tokio::test]
async fn an_agent_writes_in_its_folder_and_nowhere_else() {
    let upstream = upstream().await;
    let work = tempfile::tempdir().expect("a folder");
    let inside = work.path().join("inside");
    let outside = tempfile::tempdir().expect("a folder");
    let pair = builder(&upstream)
        .daemon("WORKER_PROFILES", "completion,agent")
        .daemon("PROXY_SANDBOX_MODE", "workspace-write")
        .daemon("PROXY_CODEX_WORKDIR", work.path().to_string_lossy())
        .start()
        .await
        .expect("a ready pair");
    let before = std::fs::read_to_string(pair.home().join("config.toml")).expect("a config.toml");
    let mut client = SocketClient::connect(&pair.socket).await.expect("a connection");
    let config = json!({ "features.shell_tool": true, "features.unified_exec": true,
        "model_catalog_json": catalog(&pair, "raw-") });
    let start = json!({ "ephemeral": true, "cwd": work.path(), "sandbox": "read-only", "config": config });
    let mut elsewhere = start.clone();
    elsewhere["cwd"] = json!(outside.path());
    let error = client.call("thread/start", &elsewhere).await.expect_err("a refusal").to_string();
    assert!(error.contains("\"cwd\""), "{error}");
    let started = client.call("thread/start", &start).await.expect("a thread");
    let thread = &started["thread"]["id"];
    let escaped = outside.path().join("escaped");
    let command = format!("touch {} ; touch {}", inside.display(), escaped.display());
    let policy = json!({ "type": "workspaceWrite", "excludeSlashTmp": true, "excludeTmpdirEnvVar": true });
    turn(&mut client, thread, &command, &json!({ "cwd": work.path(), "sandboxPolicy": policy })).await;
    assert!(inside.exists(), "the command did not run");
    assert!(!escaped.exists(), "the command wrote outside of its folder");
    let after = std::fs::read_to_string(pair.home().join("config.toml")).expect("a config.toml");
    assert_eq!(before, after, "codex changed config.toml");
}

/// One of the catalogs that the daemon made.
fn catalog(pair: &Pair, prefix: &str) -> PathBuf {
    let folder = std::fs::read_dir(pair.home().join("model-catalog")).expect("the daemon's catalogs");
    let mut files = folder.filter_map(|entry| Some(entry.ok()?.path()));
    let named = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix));
    files.find(named).expect("a catalog")
}

/// codex without the daemon, as the daemon starts it.
struct Direct {
    _child: Child,
    stdin: ChildStdin,
    lines: FramedRead<ChildStdout, LineCodec>,
    next: u64,
}

impl Direct {
    async fn start(home: &Path, catalog: &Path) -> Self {
        let mut child = Command::new(real_codex())
            .args(harness::arguments(catalog, None, &[]))
            .env("CODEX_HOME", home)
            .env("HOME", home)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("codex starts");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = FramedRead::new(child.stdout.take().expect("a pipe"), LineCodec::new(16 << 20));
        let mut direct = Self { _child: child, stdin, lines, next: 0 };
        let info = json!({ "name": "direct", "title": null, "version": "0" });
        let hello = json!({ "clientInfo": info, "capabilities": { "experimentalApi": true } });
        direct.call("initialize", hello).await;
        direct.send(&json!({ "method": "initialized" })).await;
        direct
    }

    async fn send(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.stdin.write_all(line.as_bytes()).await.expect("codex reads");
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "id": id, "method": method, "params": params })).await;
        let answer = async {
            while let Some(Ok(Decoded::Line(line))) = self.lines.next().await {
                let message: Value = serde_json::from_slice(&line).expect("JSON");
                if message["id"] == id && message.get("method").is_none() {
                    return message["result"].clone();
                }
            }
            panic!("codex ended before it answered {method}");
        };
        tokio::time::timeout(DEADLINE, answer).await.expect("an answer of codex")
    }
}
