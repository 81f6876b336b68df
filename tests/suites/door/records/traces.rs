//! The trace buffer: what went over the socket, and nothing of what it said.

use std::{os::unix::fs::PermissionsExt, process::Command};

use gateway_tests::pair::{Answer, Binary, Pair, binary};
use serde_json::{Value, json};

use super::{Kept, counter, files, pair, told, trace_of};
use crate::door::{asking, builder, chat, once, start};

async fn ask(pair: &Pair, body: &Value) -> String {
    let answer = once(pair, &chat(body.to_string().as_bytes())).await;
    answer.header("x-request-id").expect("a name").to_owned()
}

/// A completion, from the first word to the last answer.
const WHOLE: [&str; 13] = [
    "> thread/start",
    "< thread/start response",
    "> thread/inject_items",
    "> turn/start",
    "< thread/inject_items response",
    "< turn/start response",
    "< item/started",
    "< item/agentMessage/delta",
    "< rawResponseItem/completed",
    "< rawResponse/completed",
    "< turn/completed",
    "> thread/unsubscribe",
    "< thread/unsubscribe response",
];

#[tokio::test]
async fn a_request_leaves_its_frames_in_order() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    for stream in [false, true] {
        let mut body = asking("!chunks 30\nhello world");
        body["stream"] = json!(stream);
        let id = ask(&pair, &body).await;
        let trace = trace_of(&pair, &kept.traces(), &id).await;
        assert_eq!(told(&trace), WHOLE);
        assert_eq!(
            [
                &trace["req_id"],
                &trace["route"],
                &trace["model"],
                &trace["status"],
                &trace["outcome"],
                &trace["usage"]["total"]
            ],
            [
                &json!(id),
                &json!("/v1/chat/completions"),
                &json!("gpt-fake-1"),
                &json!(200),
                &json!("ok"),
                &json!(18)
            ]
        );
        let deltas = &trace["frames"][7];
        assert_eq!(deltas["count"], 11, "one for each character: {deltas}");
        assert_eq!(trace["frames"][10]["status"], "completed");
        assert_eq!(trace["frames"][9]["tokens"]["prompt"], 11);
        assert!(trace["frames"][1]["thread_id"].is_string(), "{}", trace["frames"][1]);
    }
    let modes = |path: &std::path::Path| std::fs::metadata(path).expect("it").permissions().mode() & 0o777;
    assert_eq!((modes(&kept.traces()), modes(&files(&kept.traces())[0])), (0o700, 0o600));
}

/// Every turn of a request is in its one file; what fails and what is left, too.
#[tokio::test]
async fn one_file_a_request_however_it_ends() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let mut body = asking("hi");
    body["n"] = json!(3);
    let trace = trace_of(&pair, &kept.traces(), &ask(&pair, &body).await).await;
    for turn in 0..3 {
        let mut mine = trace.clone();
        mine["frames"].as_array_mut().expect("frames").retain(|frame| frame["turn"] == turn);
        let mut frames = told(&mine);
        frames.sort();
        let mut whole = WHOLE.to_vec();
        whole.sort_unstable();
        assert_eq!(frames, whole, "turn {turn}");
    }
    let failed = ask(&pair, &asking("!fail usageLimitExceeded\n!fail_message zq9secret")).await;
    let failed = trace_of(&pair, &kept.traces(), &failed).await;
    assert_eq!((&failed["outcome"], &failed["status"]), (&json!("error"), &json!(429)), "{failed}");
    let end =
        failed["frames"].as_array().expect("frames").iter().find(|frame| frame["method"] == "turn/completed");
    assert_eq!(
        end.map(|end| (&end["status"], &end["error_info"])),
        Some((&json!("failed"), &json!("usageLimitExceeded")))
    );
    let refused = ask(&pair, &json!({"model": "nobody", "messages": []})).await;
    let mut answer = Answer::to(&pair, "!hang\nhello", true).await.expect("a head");
    answer.until("a token", |text| !text.is_empty()).await.expect("a token");
    let id = answer.header("x-request-id").expect("a name").to_owned();
    drop(answer);
    let left = trace_of(&pair, &kept.traces(), &id).await;
    assert_eq!((&left["outcome"], &left["usage"]), (&json!("client_disconnect"), &Value::Null));
    let end: Vec<String> = told(&left).into_iter().rev().take(4).rev().collect();
    assert_eq!(
        end,
        [
            "> turn/interrupt",
            "> thread/unsubscribe",
            "< turn/interrupt response",
            "< thread/unsubscribe response"
        ]
    );
    let names: Vec<String> = files(&kept.traces()).iter().map(|path| path.display().to_string()).collect();
    assert!(names.len() == 3 && !names.iter().any(|name| name.contains(&refused)), "{names:?}");
}

#[tokio::test]
async fn nothing_that_anybody_said_is_in_a_file() {
    const MARK: &str = "zq9";
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let tools = json!([{"type": "function", "function": {"name": "zq9tool", "description": "zq9about",
        "parameters": {"type": "object", "properties": {"zq9member": {"type": "string"}}}}}]);
    let mut ids = Vec::new();
    for stream in [false, true] {
        for text in [
            "zq9prompt\n!chunks 9",
            "!reasoning zq9thought",
            "!retry\nzq9again",
            "!garbage\nzq9prompt",
            "!tool zq9tool {\"zq9member\":\"zq9argument\"}",
            "!ask zq9/unknown\nzq9prompt",
            "!fail internalServerError\n!fail_message zq9failure",
            "!fail zq9kind\n!fail_message zq9failure",
        ] {
            let mut body = json!({"model": "codex-5", "stream": stream, "tools": tools,
                "messages": [{"role": "system", "content": "zq9system"}, {"role": "user", "content": text}],
                "user": "zq9user", "metadata": {"zq9": "zq9"}});
            body["stream"] = json!(stream);
            ids.push(ask(&pair, &body).await);
        }
    }
    for id in &ids {
        let trace = trace_of(&pair, &kept.traces(), id).await;
        assert!(!trace.to_string().contains(MARK), "{trace}");
        assert!(!trace.to_string().contains(&*pair.home().to_string_lossy()), "no path of the host: {trace}");
    }
    let logs = [kept.path("usage.log"), kept.path("access.log")];
    assert!(logs.iter().all(|log| !std::fs::read_to_string(log).expect("a log").contains(MARK)));
}

/// Off, as it is by default, there is not even a folder.
#[tokio::test]
async fn nothing_is_kept_unless_it_is_switched_on() {
    let kept = Kept::new();
    let pair = start(builder().front("PROXY_STATE_DIR", kept.path("state").to_string_lossy())).await;
    ask(&pair, &asking("hi")).await;
    assert_eq!(pair.stop().await.expect("an end").0, Some(0));
    assert!(!kept.path("state").exists());
    let builder = builder().front("PROXY_STATE_DIR", kept.path("state").to_string_lossy());
    let pair = start(builder.front("PROXY_TRACE_BUFFER_ENABLED", "true")).await;
    let id = ask(&pair, &asking("hi")).await;
    trace_of(&pair, &kept.path("state/trace-buffer"), &id).await;
}

#[tokio::test]
async fn the_oldest_go_and_that_is_told() {
    let kept = Kept::new();
    let dir = kept.traces();
    let pair = start(kept.everything(builder()).front("PROXY_TRACE_BUFFER_MAX_FILES", "3")).await;
    std::fs::write(dir.join("notes.json"), "mine").expect("a foreign file");
    let mut ids = Vec::new();
    for _ in 0..7 {
        let id = ask(&pair, &asking("hi")).await;
        trace_of(&pair, &dir, &id).await;
        ids.push(id);
    }
    let pruned = pair.front.logged("what was pruned", |line| line["event"] == "trace_buffer_pruned");
    assert_eq!(pruned.await.expect("a line")["reason"], "count");
    let series = "codex_trace_buffer_pruned_total{reason=\"count\"}";
    let four =
        pair.eventually("four to be pruned", || async { counter(&pair, series).await.filter(|n| *n == 4) });
    four.await.expect("a counter");
    assert_eq!(counter(&pair, "codex_trace_buffer_files").await, Some(3));
    let left: Vec<String> = files(&dir).iter().map(|path| path.display().to_string()).collect();
    assert_eq!(left.len(), 4, "with the one that is none of ours: {left:?}");
    assert!(ids[4..].iter().all(|id| left.iter().any(|path| path.contains(id))), "{left:?}");
}

#[tokio::test]
async fn what_is_old_goes() {
    let kept = Kept::new();
    let pair = start(kept.everything(builder()).front("PROXY_TRACE_BUFFER_TTL_S", "1")).await;
    ask(&pair, &asking("hi")).await;
    let series = "codex_trace_buffer_pruned_total{reason=\"ttl\"}";
    // Each write looks for what is too old.
    let gone = pair.eventually("the first one to go", || async {
        ask(&pair, &asking("hi")).await;
        counter(&pair, series).await.filter(|n| *n > 0)
    });
    gone.await.expect("a counter");
}

#[tokio::test]
async fn an_operator_reads_one() {
    let kept = Kept::new();
    let pair = pair(&kept).await;
    let id = ask(&pair, &asking("hi")).await;
    trace_of(&pair, &kept.traces(), &id).await;
    let ctl = |args: &[&str]| {
        let out = Command::new(binary(Binary::Codexctl))
            .env_clear()
            .args(["trace"])
            .args(args)
            .arg("--dir")
            .arg(kept.traces())
            .output();
        let out = out.expect("codexctl runs");
        (
            out.status.code(),
            String::from_utf8(out.stdout).expect("text"),
            String::from_utf8(out.stderr).expect("text"),
        )
    };
    let (code, shown, _) = ctl(&["show", &id]);
    assert!(code == Some(0) && shown.contains(&id) && shown.contains("turn/completed"), "{shown}");
    let (code, json, _) = ctl(&["show", &id, "--json"]);
    let trace: Value = serde_json::from_str(&json).expect("the file itself");
    assert_eq!((code, &trace["req_id"]), (Some(0), &json!(id)));
    let (code, list, _) = ctl(&["list"]);
    assert!(code == Some(0) && list.contains(&id), "{list}");
    let (code, out, err) = ctl(&["show", "../../etc/passwd"]);
    assert!(code == Some(2) && out.is_empty() && err.contains("REQ_ID"), "{err}");
}
