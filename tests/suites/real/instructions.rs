//! Instructions that an operator's home holds reach no request: they are left out, or nothing is asked of the model.

use std::fs;

use gateway_tests::pair::SocketClient;
use serde_json::{Value, json};

use super::agent::stage::{CODE, DIRECT, Stage, asking};

/// What no request may hold, nor a line of a log.
const MARK: &str = "say-it-as-the-operator";
/// What no completion may hold: for agents an operator may have it in place of codex's own prompt.
const BASE: &str = "be-what-the-operator-says";

/// Agents for those who ask, in a home whose `config.toml` begins with these lines.
async fn stage(head: &str) -> Stage {
    Stage::with(|builder| {
        let path = builder.home().join("config.toml");
        let config = fs::read_to_string(&path).expect("a config.toml");
        fs::write(&path, format!("{head}\n{config}")).expect("a config.toml");
        builder
            .daemon("WORKER_PROFILES", "completion,agent")
            .front("PROXY_API_KEY_PROFILES", "completion,agent")
    })
    .await
}

#[tokio::test]
async fn instructions_of_the_configuration_reach_no_request() {
    let stage = stage(&format!("developer_instructions = \"{MARK}\"\ninstructions = \"{BASE}\"")).await;
    for model in [DIRECT, CODE] {
        let got = stage.send(&[], &asking(model, "hello", false)).await;
        assert_eq!(got.said(), "echo hello", "{got:?}");
        let sent = stage.upstream.requests().pop().expect("a request");
        assert_eq!(sent.input().len(), 1, "{}", sent.json());
        assert!(!sent.json().to_string().contains(BASE), "{}", sent.json());
        let got = stage.agent(model, "hello", false).await;
        assert_eq!(got.said(), "echo hello", "{got:?}");
    }
    let mut client = SocketClient::connect(&stage.pair.socket).await.expect("a connection");
    let started = client.call("thread/start", &json!({ "ephemeral": true })).await.expect("a thread");
    let input = json!([{ "type": "text", "text": "hello" }]);
    let turn = json!({ "threadId": started["thread"]["id"], "input": input });
    client.call("turn/start", &turn).await.expect("a turn");
    client.notified("turn/completed").await.expect("the end of a turn");
    let requests = stage.upstream.requests();
    assert_eq!(requests.len(), 5);
    for request in requests {
        assert!(!request.json().to_string().contains(MARK), "{}", request.json());
    }
}

/// codex reads the files anew for every thread, so one can come while everything runs.
#[tokio::test]
async fn while_the_home_holds_instructions_nothing_is_asked_of_the_model() {
    let stage = stage("").await;
    for name in ["AGENTS.md", "AGENTS.override.md"] {
        let file = stage.pair.home().join(name);
        fs::write(&file, MARK).expect("a file");
        let before = stage.upstream.totals().requests;
        for profile in ["completion", "agent"] {
            for stream in [false, true] {
                let headers = [("x-codex-profile", profile)];
                let got = stage.send(&headers, &asking(DIRECT, "hello", stream)).await;
                let (status, kind, code, _) = got.error();
                assert_eq!((status, &*kind, &*code), (503, "server_error", "instructions_added"), "{got:?}");
                assert_eq!(got.headers["x-should-retry"], "false", "{got:?}");
                assert!(!got.text.contains(MARK), "{got:?}");
            }
        }
        assert_eq!(stage.upstream.totals().requests, before, "a request went up");
        fs::remove_file(&file).expect("a file");
        let got = stage.send(&[], &asking(DIRECT, "hello", false)).await;
        assert_eq!(got.said(), "echo hello", "{got:?}");
    }
    let log = stage.pair.front.log();
    assert!(!log.join("\n").contains(MARK) && !stage.pair.daemon.log().join("\n").contains(MARK));
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told: Vec<Value> = lines.filter(|line| line["event"] == "instructions_added").collect();
    assert!(told.len() == 8 && told.iter().all(|line| line["level"] == "error"), "{told:?}");
}

/// Clients that are agents themselves send such texts in messages of their own.
#[tokio::test]
async fn what_a_client_sends_is_never_taken_for_the_homes() {
    let stage = stage("").await;
    let text = "# AGENTS.md instructions\n\n<INSTRUCTIONS>\nhello\n</INSTRUCTIONS>";
    for stream in [false, true] {
        for profile in ["completion", "agent"] {
            let got = stage.send(&[("x-codex-profile", profile)], &asking(DIRECT, text, stream)).await;
            assert_eq!(got.said(), format!("echo {text}"), "{got:?}");
        }
    }
}

/// A project's own instructions, which anybody can have left in the folder, are none for an agent.
#[tokio::test]
async fn instructions_in_the_folder_of_agents_are_left_out() {
    let stage = stage("").await;
    fs::write(stage.work.path().join("AGENTS.md"), MARK).expect("a file");
    fs::create_dir(stage.work.path().join(".codex")).expect("a folder");
    let config = format!("developer_instructions = \"{MARK}\"");
    fs::write(stage.work.path().join(".codex/config.toml"), config).expect("a file");
    for model in [DIRECT, CODE] {
        let got = stage.agent(model, "hello", false).await;
        assert_eq!(got.said(), "echo hello", "{got:?}");
        let sent = stage.upstream.requests().pop().expect("a request");
        assert!(!sent.json().to_string().contains(MARK), "{}", sent.json());
    }
}
