//! The cards against codex's own catalog, and what a name becomes upstream.

use super::support::{Stage, message, request};
use gateway_tests::{
    described,
    pair::{Builder, SocketClient, real_codex},
    upstream::Reply,
};
use serde_json::{Value, json};
use std::path::Path;

/// The catalog as codex prints it.
fn catalog(home: &Path) -> Vec<Value> {
    let mut codex = std::process::Command::new(real_codex());
    let output = codex.args(["debug", "models"]).env("CODEX_HOME", home).output().expect("codex runs");
    let catalog: Value = serde_json::from_slice(&output.stdout).expect("a catalog");
    catalog["models"].as_array().expect("models").clone()
}

async fn get(stage: &Stage, path: &str) -> (u16, Value) {
    let answer = stage.pair.client().get(stage.pair.url(path)).send().await.expect("an answer");
    let (status, text) = (answer.status().as_u16(), answer.text().await.expect("a text"));
    described::check(status, Some("application/json"), &text);
    (status, serde_json::from_str(&text).expect("JSON"))
}

/// The values of one member of objects.
fn each(list: &Value, member: &str) -> Value {
    list.as_array().expect("a list").iter().map(|entry| entry[member].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cards_tell_what_codexs_own_catalog_says() {
    let stage = Stage::new().await;
    let catalog = catalog(stage.pair.home());
    let (_, list) = get(&stage, "/v1/models").await;
    let cards = list["data"].as_array().expect("cards");
    let visible: Vec<&Value> = catalog.iter().filter(|model| model["visibility"] == "list").collect();
    assert!(visible.len() > 5, "{} models", visible.len());
    for model in visible {
        let card = cards.iter().find(|card| card["id"] == model["slug"]).expect("a card for it");
        let window = &model["context_window"];
        assert!(window.as_u64().is_some_and(|window| (100_000..2_000_000).contains(&window)), "{window}");
        for member in ["context_window", "context_length", "max_model_len"] {
            assert_eq!(&card[member], window, "{member} of {}", model["slug"]);
        }
        assert_eq!(card["name"], model["display_name"]);
        assert_eq!(card["description"], model["description"]);
        assert_eq!(card["max_output_tokens"], 8192);
        assert_eq!(card["architecture"]["input_modalities"], model["input_modalities"]);
        assert_eq!(card["supported_reasoning_efforts"], each(&model["supported_reasoning_levels"], "effort"));
        assert_eq!(
            card["codex"],
            json!({
                "model": model["slug"], "max_context_window": model["max_context_window"],
                "supports_verbosity": model["support_verbosity"], "service_tiers": each(&model["service_tiers"], "id"),
            })
        );
    }
}

/// The daemon tells all of the catalog, hidden models too, and what only the operator names.
#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_tells_the_whole_catalog() {
    let aliases = "own=own-model-1";
    let stage =
        Stage::with(|url| Builder::real(url).expect("a home").both("PROXY_MODEL_ALIASES", aliases)).await;
    let mut socket = SocketClient::connect(&stage.pair.socket).await.expect("a connection");
    let told = socket.call("daemon/models", &json!({})).await.expect("an answer");
    let told = told["models"].as_array().expect("models");
    let catalog = catalog(stage.pair.home());
    let mut names: Vec<&Value> = catalog.iter().map(|model| &model["slug"]).collect();
    let own = json!("own-model-1");
    names.push(&own);
    assert_eq!(told.iter().map(|model| &model["model"]).collect::<Vec<_>>(), names);
    for (model, told) in catalog.iter().zip(told) {
        assert_eq!(told["hidden"], model["visibility"] != "list");
        assert_eq!(told["effectiveContextWindowPercent"], model["effective_context_window_percent"]);
        assert_eq!(told["defaultEffort"], model["default_reasoning_level"]);
        assert_eq!(told["contextWindow"], model["context_window"]);
    }
    let last = told.last().expect("models");
    assert_eq!((&last["catalogued"], &last["contextWindow"]), (&json!(false), &Value::Null));
    // Its card has no window, and nobody's efforts.
    let (status, card) = get(&stage, "/v1/models/own").await;
    assert_eq!((status, &card["codex"]["model"], card.get("context_window")), (200, &own, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_an_effort_reaches_the_model_as_one() {
    let aliases = "codex-5=,quick=gpt-6.1-sol:low";
    let stage =
        Stage::with(|url| Builder::real(url).expect("a home").both("PROXY_MODEL_ALIASES", aliases)).await;
    for (name, asked, model, effort) in [
        ("gpt-5.5", None, "gpt-5.5", Value::Null),
        ("gpt-5.5-low", None, "gpt-5.5", json!("low")),
        ("gpt-6.1-sol-max", None, "gpt-6.1-sol", json!("max")),
        ("codex-5-high", None, "gpt-5.5", json!("high")),
        ("quick", None, "gpt-6.1-sol", json!("low")),
        ("quick-medium", None, "gpt-6.1-sol", json!("medium")),
        ("quick", Some("high"), "gpt-6.1-sol", json!("high")),
        ("gpt-5.5-low", Some("xhigh"), "gpt-5.5", json!("xhigh")),
    ] {
        for stream in [false, true] {
            let before = stage.upstream.requests().len();
            let mut body = request(name, &[message("user", "Go.")], stream);
            if let Some(effort) = asked {
                body["reasoning_effort"] = json!(effort);
            }
            let got = stage.ask([Reply::new().text("Gone.")], &body).await;
            let requests = stage.upstream.requests();
            let sent = requests.get(before).expect("a request").json();
            assert_eq!((&sent["model"], &sent["reasoning"]["effort"]), (&json!(model), &effort), "{name}");
            // The answer names what was asked for, not what that means.
            if stream {
                let stream = got.stream();
                assert_eq!(stream.complete("stop"), "Gone.");
                assert!(stream.chunks().iter().all(|chunk| chunk["model"] == name), "{name}");
            } else {
                assert_eq!((got.content(), &got.json()["model"]), ("Gone.".to_owned(), &json!(name)));
            }
        }
    }
    stage.check_upstream();
    for name in ["gpt-5.5-max", "gpt-5.5-", "quick-none", "gpt-nobody-low"] {
        let got = stage.ask([], &request(name, &[message("user", "Go.")], false)).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (404, &json!("model_not_found")), "{name}");
    }
}
