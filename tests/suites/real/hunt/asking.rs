//! Everything that can be asked of the pair, and everything that can go wrong with it.

use super::{
    marks::{WORD, mark},
    model::ACT,
    stage::Stage,
};
use gateway_tests::pair::{DEADLINE, SocketClient};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// Numbers the requests: what one sends, no answer to another may hold.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// What the provider answers instead of an answer.
const ACTS: &[&str] = &[
    "echo",
    "call",
    "block",
    "refuse",
    "page",
    "code",
    "error",
    "rubbish",
    "odd",
    "cut",
    "status/400",
    "status/401",
    "status/403",
    "status/404",
    "status/413",
    "status/422",
    "status/429",
    "status/500",
    "status/503",
    "fail/context_length_exceeded",
    "fail/rate_limit_exceeded",
    "fail/insufficient_quota",
    "fail/server_error",
    "fail/invalid_prompt",
    "fail/cyber_policy",
    "incomplete/max_output_tokens",
    "incomplete/content_filter",
];

/// All of it.
pub(super) async fn everything(stage: &Stage) {
    for act in ACTS {
        for stream in [false, true] {
            let (status, text) = chat(stage, &body(act, stream), &[]).await;
            assert!(status >= 200, "{act}: {text}");
        }
    }
    for (mode, act) in [("obsidian-xml", "call"), ("textual-tools", "block")] {
        chat(stage, &body(act, true), &[("x-proxy-output-mode", mode)]).await;
    }
    let agent = json!({
        "model": "gpt-5.5", "stream": true, "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": format!("{} {ACT}command", mark("prompt")) }],
    });
    let (status, text) = chat(stage, &agent, &[("x-codex-profile", "agent")]).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(&mark("answer")), "the agent answers: {text}");
    refused(stage).await;
    strangers(stage).await;
    operators(stage).await;
    broken_off(stage).await;
    socket(stage).await;
    // It goes on after all that.
    let (status, text) = chat(stage, &body("echo", false), &[]).await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(&mark("answer")), "{text}");
}

/// A request with a mark in every member that can hold a text.
fn body(act: &str, stream: bool) -> Value {
    let tool = json!({ "type": "function", "function": {
        "name": mark("tool"), "description": mark("description"),
        "parameters": { "type": "object", "properties": {
            (mark("property")): { "type": "string", "enum": [mark("argument"), mark("enum")], "description": mark("schema") },
        } },
    } });
    let call = json!({ "id": mark("call"), "type": "function", "function": {
        "name": mark("tool"), "arguments": json!({ (mark("property")): mark("value") }).to_string(),
    } });
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    json!({
        "model": "codex-5", "stream": stream, "tools": [tool],
        "messages": [
            { "role": "system", "content": mark("system") },
            { "role": "developer", "content": mark("developer") },
            { "role": "user", "name": mark("name"), "content": [{ "type": "text", "text": mark("earlier") }] },
            { "role": "assistant", "content": mark("said"), "tool_calls": [call] },
            { "role": "tool", "tool_call_id": mark("call"), "content": mark("output") },
            { "role": "user", "content": format!("{} {WORD}_number_{number}_ {ACT}{act}", mark("prompt")) },
        ],
        "stop": [mark("stop")], "user": mark("user"), "metadata": { (mark("meta")): mark("note") },
        "safety_identifier": mark("safety"), "prompt_cache_key": mark("cache"), (mark("field")): mark("unknown"),
    })
}

/// A chat completion with marks in its headers and its query, read to its end. It holds no number of another's.
async fn chat(stage: &Stage, body: &Value, headers: &[(&str, &str)]) -> (u16, String) {
    let path = format!("/v1/chat/completions?{}={}", mark("query"), mark("query_value"));
    let sent = body.to_string();
    let (status, text) = post(stage, &path, &stage.key, headers, sent.clone()).await;
    for told in text.split(&format!("{WORD}_number_")).skip(1) {
        let number = told.split('_').next().unwrap_or_default();
        assert!(sent.contains(&format!("{WORD}_number_{number}_")), "an answer to another: {text}");
    }
    (status, text)
}

async fn post(stage: &Stage, path: &str, key: &str, headers: &[(&str, &str)], body: String) -> (u16, String) {
    let mut request = stage
        .pair
        .client()
        .post(stage.pair.url(path))
        .bearer_auth(key)
        .header("content-type", "application/json")
        .header("user-agent", mark("program"))
        .header("referer", format!("https://{WORD}.example/{}", mark("page")))
        .header("origin", format!("https://{WORD}.example"))
        .header("cookie", mark("cookie"))
        .header("x-note", mark("header"))
        .header("x-auth-key-name", mark("spoofed"))
        .header("x-forwarded-for", mark("address"))
        .header("tracestate", format!("{WORD}=1"))
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let whole = async {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        // An answer may be broken off.
        (status, response.text().await.unwrap_or_default())
    };
    timeout(DEADLINE, whole).await.expect("an answer in time")
}

/// What is refused before the model hears of it.
async fn refused(stage: &Stage) {
    let chat = "/v1/chat/completions";
    let with = |member: &str, value: Value| {
        let mut body = body("echo", false);
        body[member] = value;
        body.to_string()
    };
    let image = |url: &str| {
        let part = json!({ "type": "image_url", "image_url": { "url": url } });
        with("messages", json!([{ "role": "user", "content": [part] }]))
    };
    for wrong in [
        format!("{{\"{WORD}"),
        format!("\"{WORD}\""),
        format!("{{\"model\":\"{0}\",\"{0}\":[{0}]}}", mark("json")),
        with("model", json!(mark("model"))),
        with("model", json!(format!("gpt-5.5:{}", mark("effort")))),
        with("messages", json!([{ "role": mark("role"), "content": mark("content") }])),
        with("messages", json!(mark("messages"))),
        with("tools", json!([{ "type": mark("kind") }])),
        with(
            "tools",
            json!([{ "type": "function", "function": { "name": mark("tool"), "parameters": { "$ref": mark("ref") } } }]),
        ),
        with("tool_choice", json!({ "type": "function", "function": { "name": mark("other_tool") } })),
        with("response_format", json!({ "type": mark("format") })),
        with("temperature", json!(mark("temperature"))),
        with("stop", json!([mark("stop"), 1])),
        with("reasoning_effort", json!(mark("effort"))),
        with("service_tier", json!(mark("tier"))),
        image(&format!("data:image/png;base64,{}", mark("image"))),
        image(&format!("data:{};base64,AAAA", mark("kind"))),
        image(&format!("https://{WORD}.invalid/{}", mark("picture"))),
        image(&format!("http://127.0.0.1/{}", mark("picture"))),
        mark("large").repeat(1_000_000),
    ] {
        let (status, text) = post(stage, chat, &stage.key, &[], wrong).await;
        assert!(status >= 400, "{text}");
    }
    for header in ["x-proxy-output-mode", "x-codex-profile", "x-codex-metadata"] {
        let (status, text) =
            post(stage, chat, &stage.key, &[(header, &mark("word"))], body("echo", true).to_string()).await;
        assert_eq!(status, 400, "{text}");
    }
    for prompt in
        [json!(format!("{} {ACT}echo", mark("prompt"))), json!([mark("prompt"), 7]), json!({ (WORD): 1 })]
    {
        let body = json!({ "model": "codex-5", "prompt": prompt, "echo": true, "suffix": mark("suffix") });
        post(stage, "/v1/completions", &stage.key, &[], body.to_string()).await;
    }
    for path in ["/v1/models/hunted_card", "/v1/hunted_path", "/hunted_path"] {
        let request = stage.pair.client().get(stage.pair.url(path)).bearer_auth(&stage.key);
        let response = timeout(DEADLINE, request.send()).await.expect("in time").expect("an answer");
        assert_eq!(response.status(), 404, "{path}");
    }
}

/// Who has no key, or a wrong one, or speaks no HTTP.
async fn strangers(stage: &Stage) {
    for key in [mark("wrong_key"), format!("sk-{}", mark("other_key"))] {
        for path in ["/v1/chat/completions", "/v1/completions", "/v1/models"] {
            post(stage, path, &key, &[], body("echo", false).to_string()).await;
        }
    }
    // A key of the file, until its requests are used up, and what becomes of it when the file breaks and is gone.
    let with_model = |model: &str| {
        let mut body = body("echo", true);
        body["model"] = json!(model);
        body.to_string()
    };
    let mut seen = Vec::new();
    for model in ["gpt-5.5", "gpt-6.1-sol", "gpt-5.5", "gpt-5.5", "gpt-5.5"] {
        let (status, _) = post(stage, "/v1/chat/completions", &stage.listed, &[], with_model(model)).await;
        seen.push(status);
    }
    assert!(seen.contains(&200) && seen.contains(&403) && seen.contains(&429), "{seen:?}");
    stage.break_the_keys().await;
    for bytes in [
        format!("{WORD}\r\n\r\n"),
        format!("GET /{WORD} HTTP/9.9\r\n\r\n"),
        format!("{} /v1/models HTTP/1.1\r\nHost: {WORD}\r\n\r\n", WORD.to_uppercase()),
        format!("GET /v1/models HTTP/1.1\r\nHost: x\r\n{WORD}: {WORD}\r\n{WORD} {WORD}\r\n\r\n"),
        format!("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {WORD}\r\n\r\n"),
        format!(
            "OPTIONS /v1/{WORD} HTTP/1.1\r\nHost: x\r\nOrigin: https://{WORD}\r\nAccess-Control-Request-Method: {WORD}\r\nAccess-Control-Request-Headers: {WORD}\r\nConnection: close\r\n\r\n"
        ),
        format!("GET /v1/models HTTP/1.1\r\nHost: x\r\n{WORD}: {}\r\n\r\n", WORD.repeat(200_000)),
    ] {
        let mut stream = TcpStream::connect(stage.pair.addr).await.expect("a connection");
        // The answer may come, and the connection end, before all is written.
        let _cut_off = stream.write_all(bytes.as_bytes()).await;
        let _closed = stream.shutdown().await;
        let mut answer = Vec::new();
        let _reset = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("an end in time");
    }
}

/// The internal listener.
async fn operators(stage: &Stage) {
    let url = |path: &str| format!("http://{}{path}", stage.pair.internal);
    let client = stage.pair.client();
    for key in [&stage.key, &mark("wrong_key")] {
        for path in
            ["/verify", "/internal/maintenance", "/internal/app-server", "/internal/hunted_path", "/metrics"]
        {
            let request =
                client.get(url(path)).bearer_auth(key).header("x-forwarded-uri", format!("/{}", mark("uri")));
            timeout(DEADLINE, request.send()).await.expect("in time").expect("an answer");
        }
        for path in ["/internal/maintenance", "/internal/app-server"] {
            for body in [
                json!({ "enabled": true, "message": mark("message"), "retry_after_s": 3 }),
                json!({ "enabled": WORD, "until": mark("until") }),
                json!({ (WORD): WORD }),
            ] {
                let request = client.post(url(path)).bearer_auth(key).json(&body);
                timeout(DEADLINE, request.send()).await.expect("in time").expect("an answer");
                post(stage, "/v1/chat/completions", &stage.key, &[], self::body("echo", false).to_string())
                    .await;
            }
            let request = client.delete(url(path)).bearer_auth(key);
            timeout(DEADLINE, request.send()).await.expect("in time").expect("an answer");
        }
    }
}

/// A client that hangs up, one that doesn't read, and a child that dies.
async fn broken_off(stage: &Stage) {
    let stalled = begun(stage, "stall").await;
    drop(stalled);
    let gone = stage.pair.front.logged("who hung up", |line| line["event"] == "client_disconnect");
    gone.await.expect("a client that hung up");
    let mut slow = begun(stage, "large").await;
    busy(stage, 0).await;
    let mut rest = Vec::new();
    timeout(DEADLINE, slow.read_to_end(&mut rest)).await.expect("an end in time").expect("a stream");
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("slow_reader"), "{}", rest.split("data: ").last().unwrap_or_default());
    let asked = async {
        let stalled = body("stall", false);
        chat(stage, &stalled, &[]).await
    };
    let killed = async {
        let starts = stage.pair.daemon.log().iter().filter(|line| line.contains("worker_ready")).count();
        busy(stage, 1).await;
        let child = stage.pair.child_pid().expect("a child");
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(child.cast_signed()),
            nix::sys::signal::Signal::SIGABRT,
        )
        .expect("a signal");
        starts
    };
    let ((status, text), starts) = tokio::join!(asked, killed);
    assert_eq!(status, 502, "{text}");
    let again = stage.pair.eventually("codex to be ready again", || async {
        let ready = stage.pair.daemon.log().iter().filter(|line| line.contains("worker_ready")).count();
        (ready > starts).then_some(())
    });
    again.await.expect("codex is started again");
    stage.pair.ready().await.expect("a pair that serves again");
}

/// A stream of which nothing was read but the beginning of its head.
async fn begun(stage: &Stage, act: &str) -> TcpStream {
    let sent = body(act, true).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        stage.key,
        sent.len()
    );
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket.connect(stage.pair.addr).await.expect("a connection");
    stream.write_all(format!("{head}{sent}").as_bytes()).await.expect("a request");
    let mut first = [0; 16];
    timeout(DEADLINE, stream.read_exact(&mut first)).await.expect("in time").expect("a head");
    assert_eq!(&first, b"HTTP/1.1 200 OK\r", "{act}");
    stream
}

/// Waits until so many turns run.
async fn busy(stage: &Stage, turns: u64) {
    let what = format!("{turns} turns to run");
    let reached = stage.pair.eventually(&what, || async {
        let mut socket = SocketClient::connect(&stage.pair.socket).await.ok()?;
        let status = socket.call("daemon/status", &json!({})).await.ok()?;
        (status["load"]["turns"] == turns).then_some(())
    });
    reached.await.expect("as many turns as asked for");
}

/// A program with the socket.
async fn socket(stage: &Stage) {
    let mut client = SocketClient::connect(&stage.pair.socket).await.expect("a connection");
    for line in [
        format!("{WORD} no JSON"),
        format!("{{\"id\":\"{WORD}\",\"method\":\"{WORD}\",\"params\":{{\"{WORD}\":1}}}}"),
        json!({ "id": WORD, "method": "thread/start", "params": { "config": { (WORD): WORD }, "cwd": WORD } }).to_string(),
        json!({ "id": format!("{WORD}_1"), "method": "turn/start", "params": { "threadId": WORD, "input": [{ "type": "text", "text": mark("input") }] } }).to_string(),
        json!({ "id": format!("{WORD}_2"), "method": "thread/inject_items", "params": { "threadId": WORD, "items": [mark("item")] } }).to_string(),
        json!({ "method": WORD, "params": WORD }).to_string(),
        json!({ "id": WORD, "result": WORD }).to_string(),
        json!({ "id": WORD, "error": { "code": 1, "message": WORD } }).to_string(),
    ] {
        client.send_raw(line.as_bytes()).await.expect("a line sent");
    }
    client.call("model/list", &json!({})).await.expect("the connection goes on");
    let thread =
        client.call("thread/start", &json!({ "ephemeral": true, "experimentalRawEvents": true })).await;
    let thread = thread.expect("a thread")["thread"]["id"].clone();
    let items = json!([{ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": mark("injected") }] }]);
    client.call("thread/inject_items", &json!({ "threadId": thread, "items": items })).await.expect("items");
    let wrong = json!({ "threadId": thread, "items": [{ "type": mark("kind"), "text": mark("item") }] });
    let _refused_or_not = client.call("thread/inject_items", &wrong).await;
    let input = json!([{ "type": "text", "text": mark("input") }]);
    client.call("turn/start", &json!({ "threadId": thread, "input": input })).await.expect("a turn");
}
