//! Keys that are held to some models, and what a key may ask for.

use gateway_tests::pair::{KEY, Pair};
use serde_json::{Value, json};

use crate::codexctl::Keys;
use crate::door::{asking, builder, failure, once, said, start, stranger};
use crate::raw::Answer;

async fn ask(pair: &Pair, key: &str, path: &str, model: Option<&str>) -> Answer {
    let mut body = match path {
        "/v1/completions" => json!({ "prompt": "hi" }),
        _ => asking("hi"),
    };
    body["model"] = model.map_or(Value::Null, Value::from);
    let bearer = format!("Authorization: Bearer {key}");
    once(pair, &stranger("POST", path, &[&bearer], body.to_string().as_bytes())).await
}

async fn get(pair: &Pair, key: &str, path: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {key}");
    once(pair, &stranger("GET", path, &[&bearer], b"")).await
}

async fn listed(pair: &Pair, key: &str) -> Vec<String> {
    let list = get(pair, key, "/v1/models").await.json();
    let cards = list["data"].as_array().expect("cards").iter();
    cards.map(|card| card["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_key_is_held_to_its_models() {
    let keys = Keys::new();
    let model = keys.add(&["model", "--model", "gpt-fake-0"]).await;
    let alias = keys.add(&["alias", "--model", "fast", "--model", "gone"]).await;
    let aliases = "codex-5=,fast=gpt-fake-0:low,slow=gpt-fake-0";
    for protected in ["false", "true"] {
        let settings =
            builder().both("PROXY_MODEL_ALIASES", aliases).front("PROXY_PROTECT_MODELS", protected);
        let pair = start(settings.front("PROXY_API_KEYS_FILE", keys.setting())).await;
        let all = ["gpt-fake-1", "gpt-fake-0", "codex-5", "fast", "slow"];
        assert_eq!(listed(&pair, KEY).await, all);
        assert_eq!(listed(&pair, &model).await, ["gpt-fake-0", "fast", "slow"]);
        assert_eq!(listed(&pair, &alias).await, ["fast"]);
        for (key, open, closed) in [
            (
                &model,
                &["gpt-fake-0", "gpt-fake-0-low", "fast", "fast-minimal", "slow"][..],
                &["gpt-fake-1", "codex-5", "gpt-fake-1-low"][..],
            ),
            (
                &alias,
                &["fast", "fast-minimal"],
                &["gpt-fake-0", "gpt-fake-0-low", "slow", "gpt-fake-1", "codex-5"],
            ),
        ] {
            for name in open {
                assert_eq!(get(&pair, key, &format!("/v1/models/{name}")).await.status, 200, "{name}");
                assert_eq!(said(&ask(&pair, key, "/v1/chat/completions", Some(name)).await), "hi");
                assert_eq!(ask(&pair, key, "/v1/completions", Some(name)).await.status, 200);
            }
            for name in closed {
                let card = get(&pair, key, &format!("/v1/models/{name}")).await;
                failure(&card, 404, Some("model_not_found"));
                for path in ["/v1/chat/completions", "/v1/completions"] {
                    let error =
                        failure(&ask(&pair, key, path, Some(name)).await, 403, Some("model_not_allowed"));
                    assert_eq!(
                        (&error["param"], &error["type"]),
                        (&json!("model"), &json!("permission_error"))
                    );
                    assert!(error["message"].as_str().is_some_and(|text| text.contains(name)), "{error}");
                }
                assert_eq!(get(&pair, KEY, &format!("/v1/models/{name}")).await.status, 200);
            }
            let unknown = ask(&pair, key, "/v1/chat/completions", Some("no-such-model")).await;
            failure(&unknown, 404, Some("model_not_found"));
        }
        // The right comes before what else is wrong with a request.
        let bearer = format!("Authorization: Bearer {model}");
        let body = json!({ "model": "gpt-fake-1", "messages": [] }).to_string();
        let answer =
            once(&pair, &stranger("POST", "/v1/chat/completions", &[&bearer], body.as_bytes())).await;
        failure(&answer, 403, Some("model_not_allowed"));
    }
}

#[tokio::test]
async fn the_right_to_agents_is_the_keys() {
    let keys = Keys::new();
    let (plain, agent) = (keys.add(&["plain"]).await, keys.add(&["agent", "--profile", "agent"]).await);
    let pair = start(builder().front("PROXY_API_KEYS_FILE", keys.setting())).await;
    for (key, status, code) in [
        (&*plain, 403, "profile_not_allowed"),
        (KEY, 403, "profile_not_allowed"),
        (&agent, 503, "agent_unavailable"),
    ] {
        let bearer = format!("Authorization: Bearer {key}");
        let headers = [&*bearer, "x-codex-profile: agent"];
        let body = asking("hi").to_string();
        let answer = once(&pair, &stranger("POST", "/v1/chat/completions", &headers, body.as_bytes())).await;
        failure(&answer, status, Some(code));
    }
}
