//! The models: their cards, the names that are served, and what holds while the child is down.

use gateway_tests::{
    described,
    fake_child::{Entry, Home, Script, Start},
    pair::{Builder, KEY, Pair, SocketClient},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::door::{asking, builder, chat, failure, named, once, request, said, start, stranger};
use crate::raw::{Answer, Raw};

async fn get(pair: &Pair, path: &str) -> Answer {
    let answer = once(pair, &request("GET", path, &[], b"")).await;
    described::check(answer.status, answer.header("content-type"), answer.text());
    answer
}

async fn card(pair: &Pair, id: &str) -> Value {
    let answer = get(pair, &format!("/v1/models/{id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The listed names.
async fn listed(pair: &Pair) -> Vec<String> {
    let list = get(pair, "/v1/models").await.json();
    let ids = list["data"].as_array().expect("cards").iter().filter_map(|card| card["id"].as_str());
    ids.map(str::to_owned).collect()
}

/// The headers without those that differ from answer to answer.
fn headers(answer: &Answer) -> Vec<&str> {
    let changing =
        |line: &&str| ["x-request-id", "openai-processing-ms", "date"].iter().any(|h| line.starts_with(h));
    let mut lines: Vec<&str> = answer.head.lines().filter(|line| !changing(line)).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_card_tells_what_the_model_can_do() {
    let pair = start(builder().front("CODEX__MAX_OUTPUT_TOKENS_FALLBACK", "5000")).await;
    let one = card(&pair, "gpt-fake-1").await;
    assert_eq!(
        one,
        json!({
            "id": "gpt-fake-1", "object": "model", "created": one["created"], "owned_by": "openai",
            "name": "Fake One", "description": "A model that only echoes.",
            "context_window": 272_000, "context_length": 272_000, "max_model_len": 272_000,
            "max_output_tokens": 5000, "max_completion_tokens": 5000,
            "top_provider": { "context_length": 272_000, "max_completion_tokens": 5000 },
            "architecture": { "input_modalities": ["text", "image"], "output_modalities": ["text"] },
            "supported_parameters": one["supported_parameters"],
            "supported_reasoning_efforts": ["low", "medium", "high", "xhigh"],
            "codex": {
                "model": "gpt-fake-1", "max_context_window": 872_000, "supports_verbosity": true,
                "service_tiers": ["priority"],
            },
        }),
        "the windows are the raw catalog's, not those that the child has"
    );
    let zero = card(&pair, "gpt-fake-0").await;
    assert_eq!(
        (&zero["context_length"], &zero["architecture"]["input_modalities"]),
        (&json!(128_000), &json!(["text"]))
    );
    let alias = card(&pair, "codex-5").await;
    assert_eq!(
        (&alias["owned_by"], &alias["codex"]["model"]),
        (&json!("codex-gateway"), &json!("gpt-fake-1"))
    );
    assert_eq!(alias["context_length"], 272_000);
    let list = get(&pair, "/v1/models").await.json();
    assert!(list["data"].as_array().expect("cards").contains(&one), "{list}");
}

#[tokio::test]
async fn a_card_has_openais_members_alone_where_the_operator_wants_it_so() {
    let pair = start(builder().front("CODEX__ENABLE_DYNAMIC_MODEL_INFO", "false")).await;
    for card in get(&pair, "/v1/models").await.json()["data"].as_array().expect("cards") {
        let members: Vec<&String> = card.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["id", "object", "created", "owned_by"]);
    }
}

#[tokio::test]
async fn an_effort_may_stand_behind_a_name() {
    let aliases = "codex-5=,fast=gpt-fake-0:low,review=fake-auto-review,own=no-such-model";
    let pair = start(builder().both("PROXY_MODEL_ALIASES", aliases)).await;
    for (name, model, effort) in [
        ("gpt-fake-1-xhigh", "gpt-fake-1", json!("xhigh")),
        ("codex-5-high", "gpt-fake-1", json!("high")),
        ("fast", "gpt-fake-0", json!("low")),
        ("fast-minimal", "gpt-fake-0", json!("minimal")),
        ("review-medium", "fake-auto-review", json!("medium")),
        ("own", "no-such-model", Value::Null),
    ] {
        let card = card(&pair, name).await;
        assert_eq!((&card["id"], &card["codex"]["model"]), (&json!(name), &json!(model)));
        assert_eq!(card["codex"]["reasoning_effort"], effort, "{name}");
        let mut body = asking("hi");
        body["model"] = json!(name);
        let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
        assert_eq!(said(&answer), "hi");
        assert_eq!(answer.json()["model"], name, "the answer names what was asked for");
    }
    assert_eq!(card(&pair, "own").await.get("context_length"), None, "nobody knows its window");
    for name in
        ["gpt-fake-0-xhigh", "gpt-fake-1-", "gpt-fake-1-none", "fake-auto-review-low", "gpt-fake-1-low-low"]
    {
        let mut body = asking("hi");
        body["model"] = json!(name);
        for bytes in
            [chat(body.to_string().as_bytes()), request("GET", &format!("/v1/models/{name}"), &[], b"")]
        {
            failure(&once(&pair, &bytes).await, 404, Some("model_not_found"));
        }
    }
    assert_eq!(
        listed(&pair).await,
        ["gpt-fake-1", "gpt-fake-0", "no-such-model", "codex-5", "fast", "review", "own"]
    );
}

#[tokio::test]
async fn an_alias_with_a_bad_effort_is_the_operators_to_mend() {
    let aliases = "codex-5=,odd=gpt-fake-0:weird,fast=gpt-fake-0:low";
    let pair = start(builder().both("PROXY_MODEL_ALIASES", aliases)).await;
    assert_eq!(listed(&pair).await, ["gpt-fake-1", "gpt-fake-0", "codex-5", "fast"]);
    let mut body = asking("hi");
    body["model"] = json!("odd");
    let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
    let error = failure(&answer, 400, Some("unsupported_value"));
    assert_eq!(error["param"], "model", "{error}");
    let text = error["message"].as_str().expect("a text");
    for word in ["`odd`", "`weird`", "`gpt-fake-0`", "PROXY_MODEL_ALIASES"] {
        assert!(text.contains(word), "{text}");
    }
    // The client's own effort is not the alias's.
    body["reasoning_effort"] = json!("low");
    assert_eq!(said(&once(&pair, &chat(body.to_string().as_bytes())).await), "hi");
    body["reasoning_effort"] = json!("weird");
    let answer = once(&pair, &chat(body.to_string().as_bytes())).await;
    assert_eq!(failure(&answer, 400, Some("unsupported_value"))["param"], "reasoning_effort");
    let event = |line: &Value| line["event"] == "alias_effort_unknown";
    let warned = pair.front.logged("the alias", event).await.expect("a warning");
    assert_eq!((&warned["alias"], &warned["effort"]), (&json!("odd"), &json!("weird")));
    // It is told once, whatever else is heard of the models.
    let mut socket = SocketClient::connect(&pair.socket).await.expect("a connection");
    socket.call("daemon/restart", &json!({})).await.expect("a fresh child");
    assert_eq!(said(&once(&pair, &chat(asking("hi").to_string().as_bytes())).await), "hi");
    let lines = pair.front.log();
    assert_eq!(lines.iter().filter(|line| line.contains("alias_effort_unknown")).count(), 1);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let open = start(builder()).await;
    let closed = start(builder().front("PROXY_PROTECT_MODELS", "on")).await;
    let off = builder().front("PROXY_MAINTENANCE_MODE", "on").start().await.expect("a ready pair");
    let bearer = format!("Authorization: Bearer {KEY}");
    for (pair, headers_sent, found, unknown) in [
        (&open, &[][..], 200, 404),
        (&closed, &[&*bearer], 200, 404),
        (&closed, &[], 401, 401),
        (&off, &[], 503, 503),
    ] {
        for (path, status) in [
            ("/v1/models", found),
            ("/v1/models/", found),
            ("/v1/models/gpt-fake-1", found),
            ("/v1/models/gpt-fake-1-low/", found),
            ("/v1/models/gpt-none", unknown),
        ] {
            let got = once(pair, &stranger("GET", path, headers_sent, b"")).await;
            let mut raw = Raw::connect(pair.addr).await;
            raw.send(stranger("HEAD", path, headers_sent, b"")).await;
            let head = raw.answer_to_head().await;
            named(&head);
            assert_eq!((head.status, got.status), (status, status), "{path}");
            assert_eq!(headers(&head), headers(&got), "{path}");
            let length = head.header("content-length").and_then(|length| length.parse().ok());
            assert_eq!(length, Some(got.body.len()), "{path}");
            // A body would stand before the next answer.
            raw.send(request("GET", "/livez", &[], b"")).await;
            assert_eq!(raw.answer().await.json()["status"], "ok", "{path}");
        }
    }
}

#[tokio::test]
async fn cards_are_kept_while_the_child_is_down_and_while_the_daemon_is() {
    let slow =
        builder().daemon("WORKER_BACKOFF_INITIAL_MS", "60000").daemon("WORKER_BACKOFF_MAX_MS", "60000");
    let mut pair = start(slow).await;
    let known = get(&pair, "/v1/models").await.json();
    let child = pair.child_pid().and_then(|pid| i32::try_from(pid).ok()).expect("a child");
    kill(Pid::from_raw(child), Signal::SIGKILL).expect("the child runs");
    down(&pair, "backoff").await;
    assert_eq!(get(&pair, "/v1/models").await.json(), known);
    assert_eq!(card(&pair, "gpt-fake-1-low").await["context_length"], 272_000);
    let answer = once(&pair, &chat(asking("hi").to_string().as_bytes())).await;
    failure(&answer, 503, Some("worker_unavailable"));
    pair.daemon.signal(Signal::SIGKILL).expect("the daemon runs");
    pair.daemon.wait().await.expect("the daemon ends");
    down(&pair, "unreachable").await;
    assert_eq!(get(&pair, "/v1/models").await.json(), known);
}

async fn down(pair: &Pair, state: &str) {
    let told = pair.eventually("the state to be told", || async {
        let health = once(pair, &stranger("GET", "/readyz", &[], b"")).await.json();
        (health["worker_state"] == state).then_some(())
    });
    told.await.expect(state);
}

#[tokio::test]
async fn the_list_of_a_child_is_asked_for_once() {
    // The front is there before the child is, and hears of it twice: by its greeting and by the daemon's status.
    let late = Start { delay_handshake_ms: 700, ..Start::default() };
    let script = Script { start: late, record: true, ..Script::default() };
    let pair = start(Builder::fake(&script).expect("a home")).await;
    // Whatever was asked for besides has come by then.
    assert_eq!(said(&once(&pair, &chat(asking("hi").to_string().as_bytes())).await), "hi");
    let log = Home::at(pair.home()).log().expect("a readable log");
    let asked = |entry: &&Entry| matches!(entry, Entry::Line { line, .. } if line.contains("\"model/list\""));
    assert_eq!(log.iter().filter(asked).count(), 1);
}

#[tokio::test]
async fn a_fresh_child_brings_its_catalog() {
    let pair = start(builder()).await;
    assert_eq!(card(&pair, "codex-5").await["context_length"], 272_000);
    // What a refresh behind an earlier start leaves.
    let kept = pair.home().join("model-catalog/raw-0.169.0.json");
    let text = std::fs::read_to_string(&kept).expect("the catalog that the daemon keeps");
    std::fs::write(&kept, text.replace("272000", "345000")).expect("another one");
    let mut socket = SocketClient::connect(&pair.socket).await.expect("a connection");
    socket.call("daemon/restart", &json!({})).await.expect("a fresh child");
    let told = socket.call("daemon/models", &json!({})).await.expect("the models");
    assert_eq!(told["models"][0]["contextWindow"], 345_000);
    let heard = pair.eventually("the front to hear of it", || async {
        (card(&pair, "codex-5").await["context_length"] == 345_000).then_some(())
    });
    heard.await.expect("a card with the window of the fresh catalog");
}
