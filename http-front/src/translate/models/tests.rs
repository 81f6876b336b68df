//! Tests of names and cards.

use super::*;
use serde_json::{Value, json};

fn served() -> Served {
    let models = serde_json::from_value(json!([
        {"model": "m1", "isDefault": true, "supportedReasoningEfforts": [{"reasoningEffort": "low"}]},
        {"model": "m2", "hidden": true},
        {"model": "m-low", "supportedReasoningEfforts": [{"reasoningEffort": "low"}, {"reasoningEffort": "high"}]},
    ]));
    Served { models: models.unwrap(), default: Some("own".into()), ..Served::default() }
}

/// The same with what the catalog says.
fn informed() -> Served {
    let infos = serde_json::from_value(json!([
        {
            "model": "m1", "catalogued": true, "displayName": "M One", "description": "Good.", "contextWindow": 1000,
            "maxContextWindow": 3000, "inputModalities": ["text", "image"], "efforts": ["low", "high"],
            "supportsVerbosity": true, "serviceTiers": ["priority"],
        },
        {"model": "m2", "catalogued": true, "efforts": ["max"], "maxOutputTokens": 77},
        {"model": "own"},
    ]));
    let models = json!({"model": "own", "supportedReasoningEfforts": [{"reasoningEffort": "low"}]});
    let mut served = served();
    served.models.push(serde_json::from_value(models).unwrap());
    Served { infos: infos.unwrap(), ..served }
}

fn aliases(entries: &[&str]) -> Vec<Alias> {
    entries.iter().map(|entry| Alias::parse(entry).unwrap()).collect()
}

fn means(served: &Served, aliases: &[Alias], name: &str) -> Result<(String, Option<String>), u16> {
    served.resolve(name, aliases).map(|r| (r.model, r.effort)).map_err(|e| e.status().as_u16())
}

fn model(name: &str, effort: Option<&str>) -> Result<(String, Option<String>), u16> {
    Ok((name.into(), effort.map(str::to_owned)))
}

#[test]
fn aliases_defaults_and_the_unknown() {
    let (served, aliases) = (served(), aliases(&["codex-5=", "fast=m1:low", "hid=m2", "fast=m2"]));
    let means = |name| means(&served, &aliases, name);
    assert_eq!(means("codex-5"), model("own", None));
    assert_eq!(means("fast"), model("m1", Some("low")));
    assert_eq!(means("hid"), model("m2", None));
    assert_eq!(means("own"), model("own", None));
    assert_eq!(means("m2"), Err(404), "hidden models are served by alias alone");
    assert_eq!(means("nope"), Err(404));
    assert_eq!(served.names(&aliases), ["m1", "m-low", "own", "codex-5", "fast", "hid"]);
}

#[test]
fn a_name_may_end_with_an_effort_of_its_model() {
    let (served, aliases) = (informed(), aliases(&["codex-5=", "fast=m1:low", "hid=m2", "m1-high=m2"]));
    let means = |name: &str| means(&served, &aliases, name);
    assert_eq!(means("m1-low"), model("m1", Some("low")));
    assert_eq!(means("fast-high"), model("m1", Some("high")), "in place of the alias's own");
    assert_eq!(means("hid-max"), model("m2", Some("max")), "known of the catalog alone");
    assert_eq!(means("codex-5-low"), model("own", Some("low")));
    assert_eq!(means("m1-high"), model("m2", None), "an alias of that very name comes first");
    assert_eq!(means("m-low"), model("m-low", None), "so does a model");
    assert_eq!(means("m-low-high"), model("m-low", Some("high")));
    let long = format!("m1-{}", "x-".repeat(1 << 20));
    for name in ["m1-max", "m1-", "m1-low-low", "m1low", "-low", "low", "nope-low", "m2-max", "m1-LOW", &long]
    {
        assert_eq!(means(name), Err(404), "{}", &name[..name.len().min(20)]);
    }
}

#[test]
fn efforts_are_those_of_the_model() {
    let served = served();
    assert!(served.check_effort("m1", "low").is_ok());
    let error = served.check_effort("m1", "huge").unwrap_err();
    assert!(error.to_string().contains("low"), "{error}");
    assert!(served.check_effort("own", "anything").is_ok());
    let informed = informed();
    assert!(informed.check_effort("m1", "high").is_ok(), "the catalog knows more than the list");
    assert!(informed.check_effort("m2", "low").is_err(), "of hidden models, too");
    assert!(informed.check_effort("own", "anything").is_ok(), "the list has another model's efforts for it");
    assert_eq!((informed.supports_verbosity("m1"), informed.supports_verbosity("m2")), (Some(true), None));
    assert_eq!(informed.service_tiers("m1"), Some(&["priority".to_owned()][..]));
    assert_eq!((informed.service_tiers("m2"), informed.service_tiers("own")), (None, None));
}

fn told(served: &Served, entries: &[&str], name: &str, info: bool) -> Value {
    let settings = CardSettings { info, max_output: 8192 };
    serde_json::to_value(card(served, &aliases(entries), name, settings).unwrap()).unwrap()
}

/// The client never sent the effort, and can't mend it.
#[test]
fn an_alias_with_an_effort_that_its_model_has_not_is_told_as_such() {
    let served = informed();
    let entries =
        ["odd=m1:weird", "fine=m1:high", "hid=m2:low", "own=:anything", "m1=m-low:max", "odd=m1:low"];
    let aliases = aliases(&entries);
    let misfits: Vec<&str> = served.misfits(&aliases).map(|alias| alias.name.as_str()).collect();
    assert_eq!(misfits, ["odd", "hid", "m1", "odd"], "the first of a name is the one that is served");
    assert_eq!(served.names(&aliases), ["m-low", "own", "fine"]);
    let check = |name: &str| served.check_name(name, &served.resolve(name, &aliases).unwrap());
    let error = check("odd").unwrap_err();
    assert_eq!((error.param(), error.code()), (Some("model"), Some("unsupported_value")));
    let text = error.to_string();
    for word in ["`odd`", "`weird`", "`m1`", "low, high", "PROXY_MODEL_ALIASES"] {
        assert!(text.contains(word), "{text}");
    }
    for name in ["fine", "own", "odd-low", "fine-low"] {
        assert!(check(name).is_ok(), "{name}");
    }
    // Before anything is known of a model, nothing is wrong with its aliases.
    assert_eq!(Served::default().misfits(&aliases).count(), 0);
}

#[test]
fn a_card_tells_what_the_catalog_knows() {
    assert_eq!(
        told(&informed(), &[], "m1", true),
        json!({
            "id": "m1", "object": "model", "created": 1_735_689_600, "owned_by": "openai",
            "name": "M One", "description": "Good.",
            "context_window": 1000, "context_length": 1000, "max_model_len": 1000,
            "max_output_tokens": 1000, "max_completion_tokens": 1000,
            "top_provider": {"context_length": 1000, "max_completion_tokens": 1000},
            "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
            "supported_parameters": [
                "tools", "tool_choice", "parallel_tool_calls", "response_format", "structured_outputs", "stop", "max_tokens", "max_completion_tokens", "n",
                "reasoning_effort", "reasoning", "verbosity",
            ],
            "supported_reasoning_efforts": ["low", "high"],
            "codex": {
                "model": "m1", "max_context_window": 3000, "supports_verbosity": true, "service_tiers": ["priority"],
            },
        })
    );
}

#[test]
fn an_aliass_card_tells_its_model_and_what_that_can_do() {
    let card = told(&informed(), &["fast=m1:low"], "fast", true);
    assert_eq!((&card["id"], &card["owned_by"]), (&json!("fast"), &json!("codex-gateway")));
    assert_eq!(card["codex"]["model"], "m1");
    assert_eq!(card["codex"]["reasoning_effort"], "low");
    assert_eq!((&card["context_length"], &card["name"]), (&json!(1000), &json!("fast")));
    let card = told(&informed(), &[], "m1-high", true);
    assert_eq!(
        (&card["owned_by"], &card["codex"]["reasoning_effort"]),
        (&json!("codex-gateway"), &json!("high"))
    );
    // An operator may give a model's name to another one; the card doesn't hide it.
    let card = told(&informed(), &["m1=m2"], "m1", true);
    assert_eq!((&card["owned_by"], &card["codex"]["model"]), (&json!("codex-gateway"), &json!("m2")));
    assert_eq!(card["max_output_tokens"], 77, "the catalog's own comes first");
}

#[test]
fn what_is_not_known_is_left_out() {
    for (served, name) in [(informed(), "own"), (served(), "m1")] {
        let card = told(&served, &[], name, true);
        for member in ["description", "context_window", "context_length", "max_model_len"] {
            assert_eq!(card.get(member), None, "{card}");
        }
        assert_eq!(card["top_provider"], json!({"max_completion_tokens": 8192}));
        assert_eq!(card["architecture"], json!({"output_modalities": ["text"]}));
        assert_eq!(card["codex"], json!({"model": name}));
    }
    let bare = json!({"id": "m1", "object": "model", "created": 1_735_689_600, "owned_by": "openai"});
    assert_eq!(told(&informed(), &[], "m1", false), bare, "where the operator wants it so");
}

#[test]
fn a_key_is_held_to_its_models_by_any_of_their_names() {
    let (served, aliases) = (informed(), aliases(&["codex-5=", "m1-high=m2"]));
    let default = served.default_model().unwrap();
    let permits = |name: &str, allowed: &[&str]| {
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        served.permits(name, &aliases, &allowed)
    };
    let effort = served.efforts(&default)[0].to_owned();
    let with = |name: &str| format!("{name}-{effort}");
    // The model's own name opens it under every name that means it.
    for name in [&*default, &with(&default), "codex-5", &with("codex-5")] {
        assert!(permits(name, &[&default]), "{name}");
    }
    // An alias opens itself, with any effort, and not its model.
    assert!(permits("codex-5", &["codex-5"]) && permits(&with("codex-5"), &["codex-5"]));
    assert!(!permits(&default, &["codex-5"]) && !permits(&with(&default), &["codex-5"]));
    // A name with an effort opens that one alone.
    assert!(permits(&with(&default), &[&with(&default)]) && !permits(&default, &[&with(&default)]));
    assert!(!permits(&default, &["another"]) && !permits("codex-5", &["another"]));
    // An alias with the name of a model and an effort is neither.
    assert!(!permits("m1-high", &["m1"]) && permits("m1-high", &["m2"]) && permits("m1-low", &["m1"]));
    // What means nothing is 404, whatever the key.
    assert!(permits("no-such-model", &["another"]));
    assert!(served.permit(&default, &aliases, None).is_ok());
    let error = served.permit(&default, &aliases, Some(&["another".to_owned()])).unwrap_err();
    assert_eq!((error.code(), error.param()), (Some("model_not_allowed"), Some("model")));
    assert!(error.to_string().contains(&default));
}
