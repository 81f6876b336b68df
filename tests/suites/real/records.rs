//! What is written down of requests to the real codex: usage that is exact or not told, and traces without content.

use std::path::{Path, PathBuf};

use gateway_tests::{
    pair::{Builder, SocketClient},
    upstream::{Gate, Pieces, Reply, Usage},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Got, Stage, asking, message};

const MARK: &str = "zq9";

struct Kept(TempDir);

impl Kept {
    async fn stage() -> (Self, Stage) {
        let kept = Self(tempfile::tempdir().expect("a folder"));
        let (usage, traces) = (kept.0.path().join("usage.log"), kept.0.path().join("traces"));
        let build = |url: &str| {
            Builder::real(url)
                .expect("a home")
                .front("TOKEN_LOG_PATH", usage.to_string_lossy())
                .front("PROXY_TRACE_BUFFER_ENABLED", "yes")
                .front("PROXY_TRACE_BUFFER_DIR", traces.to_string_lossy())
        };
        let stage = Stage::with(build).await;
        (kept, stage)
    }

    fn traces(&self) -> PathBuf {
        self.0.path().join("traces")
    }

    /// The line of an answer in the usage log.
    async fn used(&self, stage: &Stage, got: &Got) -> Value {
        let id = got.header("x-request-id").expect("a name");
        let found =
            stage.pair.eventually("the line", || async { line(&self.0.path().join("usage.log"), id) });
        found.await.expect("a line")
    }

    /// The trace of an answer.
    async fn trace(&self, stage: &Stage, got: &Got) -> Value {
        let end = format!("-{}.json", got.header("x-request-id").expect("a name"));
        let found = stage.pair.eventually("the trace", || async {
            let mut entries = std::fs::read_dir(self.traces()).ok()?.flatten();
            let path = entries.find(|entry| entry.file_name().to_string_lossy().ends_with(&end))?.path();
            std::fs::read_to_string(path).ok()
        });
        serde_json::from_str(&found.await.expect("a trace")).expect("a whole trace")
    }
}

fn line(path: &Path, id: &str) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    let whole = &text[..text.rfind('\n')?];
    whole
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["request_id"] == id)
}

fn counts(line: &Value) -> [&Value; 5] {
    ["prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"]
        .map(|name| &line[name])
}

fn with(more: &Value, stream: bool) -> Value {
    let mut body = asking(stream);
    body.as_object_mut().expect("an object").extend(more.as_object().expect("members").clone());
    body
}

fn methods(trace: &Value) -> Vec<String> {
    let frames = trace["frames"].as_array().expect("frames").iter();
    let told = frames.map(|frame| {
        let arrow = if frame["direction"] == "to_daemon" { '>' } else { '<' };
        let answer = if frame["kind"] == "response" { " =" } else { "" };
        format!("{arrow} {}{answer}", frame["method"].as_str().unwrap_or("-"))
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_what_the_upstream_billed_or_not_told() {
    let (kept, stage) = Kept::stage().await;
    let used = || Reply::new().text("one two three").completed(Usage::new(100, 20, 7, 3));
    let asked = json!({"stream_options": {"include_usage": true}});
    for (body, replies, trigger) in [
        (asking(false), 1_u64, "task_complete"),
        (asking(true), 1, "provider"),
        (with(&asked, true), 1, "task_complete"),
        (with(&json!({"n": 3}), false), 3, "task_complete"),
        (with(&json!({"n": 2}), true), 2, "provider"),
    ] {
        let got = stage.ask((0..replies).map(|_| used()), &body).await;
        let line = kept.used(&stage, &got).await;
        let wanted = [100, 7, 107, 20, 3].map(|tokens: u64| json!(tokens * replies));
        assert_eq!(counts(&line), wanted.each_ref(), "{body}: {line}");
        assert_eq!(
            [&line["emission_trigger"], &line["outcome"], &line["model"]],
            [trigger, "ok", "gpt-5.5"],
            "{line}"
        );
    }
    // Interrupted where a limit was reached, before the upstream told anything.
    for limit in [json!({"stop": "two"}), json!({"max_tokens": 2})] {
        for stream in [false, true] {
            let got =
                stage.ask([Reply::new().text("one two three four").stall()], &with(&limit, stream)).await;
            let line = kept.used(&stage, &got).await;
            assert_eq!(counts(&line), [&Value::Null; 5], "{limit}: {line}");
            let trigger = if stream { "provider" } else { "token_count" };
            assert_eq!([&line["emission_trigger"], &line["outcome"]], [trigger, "ok"], "{line}");
        }
    }
    // Both turns were whole, and their text of no use.
    let object =
        json!({"response_format": {"type": "json_object"}, "messages": [message("user", "Say JSON.")]});
    let got = stage.ask([used(), used()], &with(&object, false)).await;
    let line = kept.used(&stage, &got).await;
    let wanted = [200, 14, 214, 40, 6].map(|tokens: u64| json!(tokens));
    assert_eq!(counts(&line), wanted.each_ref(), "{line}");
    assert_eq!([&line["emission_trigger"], &line["outcome"]], ["task_complete", "error"], "{line}");
    // One of three fails: what the others used is not the sum.
    let replies = [used(), used(), Reply::new().failed("server_error", "zq9 failed")];
    for reply in replies {
        stage.will_say(reply);
    }
    let got = Got::read(stage.send(&with(&json!({"n": 3}), false)).await).await;
    let line = kept.used(&stage, &got).await;
    assert_eq!(
        (counts(&line), &line["outcome"], &line["status"]),
        ([&Value::Null; 5], &json!("error"), &json!(502)),
        "{line}"
    );
}

/// One of two answers is complete, and its usage known, when the client leaves: that is not what the request used.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_usage_is_not_told_as_the_whole() {
    let (kept, stage) = Kept::stage().await;
    for stream in [false, true] {
        let end = Gate::new();
        stage.will_say(Reply::new().wait(&end).text("one").completed(Usage::new(100, 20, 7, 3)));
        stage.will_say(Reply::new().text("two").stall());
        let log = kept.0.path().join("usage.log");
        let before = std::fs::read_to_string(&log).unwrap_or_default().lines().count();
        let body = with(&json!({"n": 2}), stream);
        let asked = async {
            let response = stage.send(&body).await;
            // The head of a stream; what comes behind it doesn't end.
            response.bytes().await
        };
        let one_left = async {
            let turns = |wanted: u64| {
                let socket = &stage.pair.socket;
                let what = format!("{wanted} turns to run");
                let pair = &stage.pair;
                async move {
                    let look = pair.eventually(&what, || async {
                        let mut socket = SocketClient::connect(socket).await.ok()?;
                        let status = socket.call("daemon/status", &json!({})).await.ok()?;
                        (status["load"]["turns"] == wanted).then_some(())
                    });
                    look.await.expect("as many turns");
                }
            };
            turns(2).await;
            end.open();
            turns(1).await;
        };
        tokio::select! {
            answer = asked => panic!("an answer with one of two: {answer:?}"),
            () = one_left => {}
        }
        let line = stage.pair.eventually("the line", || async {
            let text = std::fs::read_to_string(&log).ok()?;
            serde_json::from_str::<Value>(text.lines().nth(before)?).ok()
        });
        let line = line.await.expect("a line");
        assert_eq!(
            (counts(&line), &line["outcome"]),
            ([&Value::Null; 5], &json!("client_disconnect")),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_has_the_frames_and_nothing_that_they_said() {
    let (kept, stage) = Kept::stage().await;
    let tools = json!([{"type": "function", "function": {"name": "zq9_tool", "description": "zq9 about",
        "parameters": {"type": "object", "properties": {"zq9": {"type": "string"}}}}}]);
    let messages = [message("system", "zq9 system"), message("user", "zq9 prompt")];
    let ask =
        |stream: bool| json!({"model": "codex-5", "stream": stream, "tools": tools, "messages": messages});
    for stream in [false, true] {
        let reply = Reply::new()
            .text(Pieces::new("zq9 answer, in many pieces").chars(2))
            .completed(Usage::new(100, 20, 7, 3));
        let got = stage.ask([reply], &ask(stream)).await;
        let trace = kept.trace(&stage, &got).await;
        assert!(!trace.to_string().contains(MARK), "{trace}");
        assert!(!trace.to_string().contains(&*stage.pair.home().to_string_lossy()), "{trace}");
        let told = methods(&trace);
        assert_eq!(
            told[..4],
            ["> thread/start", "< thread/start =", "> thread/inject_items", "> turn/start"],
            "{told:?}"
        );
        for once in
            ["< turn/completed", "< rawResponse/completed", "> thread/unsubscribe", "< thread/unsubscribe ="]
        {
            assert_eq!(told.iter().filter(|line| *line == once).count(), 1, "{once}: {told:?}");
        }
        let deltas = trace["frames"]
            .as_array()
            .expect("frames")
            .iter()
            .find(|f| f["method"] == "item/agentMessage/delta");
        assert!(
            deltas.is_some_and(|f| f["count"].as_u64() > Some(5) && f["thread_id"].is_string()),
            "{deltas:?}"
        );
        assert_eq!(
            trace["usage"],
            json!({"prompt": 100, "completion": 7, "total": 107, "cached": 20, "reasoning": 3})
        );
        assert!(
            !told.iter().any(|line| line.ends_with("other") || line.ends_with('-')),
            "each is known: {told:?}"
        );
    }
    let call = Reply::new()
        .function_call("zq9_tool", "{\"zq9\":\"zq9 argument\"}")
        .completed(Usage::new(1, 0, 1, 0));
    let got = stage.ask([call], &ask(false)).await;
    assert!(got.json().to_string().contains("zq9 argument"), "{}", got.shown());
    let trace = kept.trace(&stage, &got).await;
    assert!(!trace.to_string().contains(MARK), "{trace}");
    let told = methods(&trace);
    assert!(told.iter().any(|line| line == "< rawResponseItem/completed"), "{told:?}");
    stage.will_say(Reply::new().failed("rate_limit_exceeded", "zq9 limit, try again in 5s"));
    let got = Got::read(stage.send(&ask(false)).await).await;
    assert_eq!(got.status, 429, "{}", got.shown());
    let trace = kept.trace(&stage, &got).await;
    assert!(!trace.to_string().contains(MARK), "{trace}");
    assert_eq!([&trace["status"], &trace["outcome"]], [&json!(429), &json!("error")]);
    let infos =
        trace["frames"].as_array().expect("frames").iter().filter_map(|frame| frame["error_info"].as_str());
    assert!(infos.clone().any(|info| info == "rateLimitExceeded"), "{:?}", infos.collect::<Vec<_>>());
}
