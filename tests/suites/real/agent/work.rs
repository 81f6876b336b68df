//! An agent runs commands, tells what it says in between, and hands on nothing of its calls.

use serde_json::{Value, json};

use super::stage::{CODE, DIRECT, Stage, commands, results, used};

#[tokio::test]
async fn commands_run_all_messages_arrive_and_no_call_is_handed_on() {
    let stage = Stage::new("read-only").await;
    let text = commands(&["pwd", "MY_SECRET=1 cat /etc/hostname no-such-file"]);
    for model in [DIRECT, CODE] {
        for stream in [false, true] {
            let before = stage.upstream.totals().requests;
            let got = stage.agent(model, &text, stream).await;
            assert_eq!((got.status, got.profile()), (200, Some("agent")), "{got:?}");
            assert_eq!(got.said(), "step 0\n\nstep 1\n\ndone", "{model} {stream}");
            assert_eq!(got.reason().as_deref(), Some("stop"));
            assert_eq!(stage.upstream.totals().requests - before, 3);
            assert_eq!(got.usage(), Some(used(3)), "the sum of three calls of the model");
            for word in ["tool_calls", "function_call", "exec_command", "no-such-file", "call_"] {
                assert!(!got.text.contains(word), "{word} is in {}", got.text);
            }
            let last = stage.upstream.requests().pop().expect("a request");
            let ran = results(&last);
            let folder = stage.work.path().to_str().expect("a path");
            assert!(ran[0].to_string().contains(folder), "{model}: {ran:?}");
            assert!(ran[1].to_string().contains("no-such-file"), "{model}: {ran:?}");
        }
    }
    let logged = stage.logged(8).await;
    let told: Vec<(&Value, &Value, &Value)> =
        logged.iter().map(|line| (&line["name"], &line["exit_code"], &line["ok"])).collect();
    let one = [(&json!("pwd"), &json!(0), &json!(true)), (&json!("cat"), &json!(1), &json!(false))];
    assert_eq!(told, one.repeat(4));
    assert!(logged.iter().all(|line| line["duration_ms"].is_u64() && line["request_id"].is_string()));
    let log = stage.pair.front.log().join("\n");
    for word in ["no-such-file", "MY_SECRET", "/etc/hostname"] {
        assert!(!log.contains(word), "{word} is in the log");
    }
}

/// Of a command that the sandbox stops at once codex tells nothing by itself; of one that it refuses to start, neither.
#[tokio::test]
async fn what_the_sandbox_stops_at_once_is_told() {
    let stage = Stage::new("read-only").await;
    let text = commands(&[
        "touch refused",
        "X='a hunter2 b' touch refused",
        "cat > refused <<E\nhunter2\nE",
        "true",
    ]);
    for stream in [false, true] {
        let headers = [("x-codex-profile", "agent"), ("x-codex-metadata", "true")];
        let got = stage.send(&headers, &super::stage::asking(DIRECT, &text, stream)).await;
        assert_eq!(got.status, 200, "{got:?}");
        let metadata = got.metadata();
        let told = metadata["commands"].as_array().expect("a list").iter();
        let told: Vec<Value> =
            told.map(|done| json!([done["kind"], done["name"], done["exit_code"], done["ok"]])).collect();
        let one = |name: &str, code: i32| json!(["command", name, code, code == 0]);
        assert_eq!(told, [one("touch", 1), one("command", 1), one("cat", 1), one("true", 0)]);
        assert!(!got.text.contains("hunter2"), "{got:?}");
    }
    let logged = stage.logged(8).await;
    assert_eq!(logged.len(), 8, "{logged:?}");
    assert_eq!(
        logged.iter().filter(|line| line["ok"] == false && line["exit_code"] == 1).count(),
        6,
        "{logged:?}"
    );
    // A script calls the commands itself, so of these there is the script at least.
    let got = stage.agent(CODE, &commands(&["touch refused"]), false).await;
    assert_eq!(got.said(), "step 0\n\ndone", "{got:?}");
    let more = stage.logged(9).await.split_off(8);
    assert!(more.len() == 1 && [json!("touch"), json!("script")].contains(&more[0]["name"]), "{more:?}");
    assert!(!stage.pair.front.log().join("\n").contains("hunter2"));
}

/// `codex_metadata` has the work, where it is asked for, in an object and at the end of a stream.
#[tokio::test]
async fn the_metadata_tells_what_was_done() {
    let stage = Stage::new("workspace-write").await;
    let text = commands(&["touch made", "false --with an-argument"]);
    for stream in [false, true] {
        let headers = [("x-codex-profile", "agent"), ("x-codex-metadata", "true")];
        let got = stage.send(&headers, &super::stage::asking(DIRECT, &text, stream)).await;
        let metadata = got.metadata();
        assert_eq!(metadata["profile"], "agent", "{got:?}");
        let commands = metadata["commands"].as_array().expect("a list").iter();
        let told: Vec<Value> =
            commands.map(|done| json!([done["kind"], done["name"], done["exit_code"], done["ok"]])).collect();
        assert_eq!(told, [json!(["command", "touch", 0, true]), json!(["command", "false", 1, false])]);
        assert!(!got.text.contains("an-argument"), "{got:?}");
        let plain = stage.agent(DIRECT, &text, stream).await;
        assert_eq!(plain.metadata(), Value::Null, "{plain:?}");
    }
}

/// What the model gets: codex's prompt and tools, our word on the place, and the client's messages in their order.
#[tokio::test]
async fn an_agent_has_codexs_prompt_and_tools() {
    let stage = Stage::new("workspace-write").await;
    for (model, tool) in [(DIRECT, "exec_command"), (CODE, "\"exec\"")] {
        let mut body = super::stage::asking(model, "hello", false);
        body["messages"] = json!([
            { "role": "system", "content": "the client's own" },
            { "role": "user", "content": "before" },
            { "role": "assistant", "content": "yes" },
            { "role": "user", "content": "hello" },
        ]);
        let got = stage.send(&[("x-codex-profile", "agent")], &body).await;
        assert_eq!(got.said(), "echo hello", "{got:?}");
        let request = stage.upstream.requests().pop().expect("a request");
        let sent = request.json().to_string();
        assert!(sent.contains("You are Codex") && sent.contains(tool), "{model}: {sent}");
        let texts: Vec<String> = request.input().iter().filter_map(message).collect();
        let folder = stage.work.path().to_str().expect("a path");
        let place = texts.iter().position(|text| text.contains(folder)).expect("the place");
        assert!(texts[place].contains("write in that folder alone"), "{}", texts[place]);
        assert_eq!(texts[place + 1..], ["the client's own", "before", "yes", "hello"], "{model}");
    }
}

fn message(item: &Value) -> Option<String> {
    item["content"][0]["text"].as_str().map(str::to_owned)
}

/// A command that still runs when the model is done ends with the answer.
#[tokio::test]
async fn what_runs_in_the_background_ends_with_the_answer() {
    let stage = Stage::new("read-only").await;
    for model in [DIRECT, CODE] {
        let marker = super::ends::marker();
        let got = stage.agent(model, &commands(&[&format!("sleep {marker}")]), false).await;
        assert_eq!(got.said(), "step 0\n\ndone", "{got:?}");
        super::ends::gone(&stage.pair, &marker).await;
    }
    let logged = stage.logged(2).await;
    assert_eq!(logged.len(), 2, "{logged:?}");
    assert!(logged.iter().all(|line| line["name"] == "sleep" && line["stopped"] == true), "{logged:?}");
}

/// Megabytes of output are neither handed on nor a reason to cut anybody off.
#[tokio::test]
async fn a_flood_of_output_harms_nobody() {
    let stage = Stage::with(|builder| {
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .front("PROXY_PROFILE", "agent")
            .front("PROXY_STREAM_BUFFER_BYTES", "65536")
    })
    .await;
    let got = stage.agent(DIRECT, &commands(&["seq 1 2000000"]), true).await;
    assert_eq!(got.said(), "step 0\n\ndone", "{got:?}");
    assert!(got.text.len() < 10_000);
}
