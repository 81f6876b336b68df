//! What becomes of each parameter.

use super::*;
use crate::translate::limit::Limits;
use std::collections::BTreeSet;

/// A request with these members.
fn asking(members: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let own = members.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(own);
    body
}

fn asked(members: &Value, options: Options<'_>) -> Result<Chat, ApiError> {
    read_with(asking(members).to_string().as_bytes(), options)
}

fn taken(members: &Value) -> Chat {
    asked(members, OPTIONS).unwrap_or_else(|error| panic!("{members}: {error}"))
}

#[test]
fn wrong_types_and_values_are_refused_by_name() {
    for (members, param) in [
        (json!({"n": 0}), "n"),
        (json!({"n": 6}), "n"),
        (json!({"n": -1}), "n"),
        (json!({"n": 1.5}), "n"),
        (json!({"n": 1e300}), "n"),
        (json!({"seed": 9_223_372_036_854_775_808_u64}), "seed"),
        (json!({"n": "2"}), "n"),
        (json!({"n": u64::MAX}), "n"),
        (json!({"stop": ""}), "stop"),
        (json!({"stop": 7}), "stop"),
        (json!({"stop": {"a": 1}}), "stop"),
        (json!({"stop": ["a", ""]}), "stop[1]"),
        (json!({"stop": ["a", "b", null]}), "stop[2]"),
        (json!({"stop": [["a"]]}), "stop[0]"),
        (json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (json!({"stop": "x".repeat(4097)}), "stop"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": -5}), "max_tokens"),
        (json!({"max_tokens": 0.0}), "max_tokens"),
        (json!({"max_tokens": 1.5}), "max_tokens"),
        (json!({"max_tokens": "5"}), "max_tokens"),
        (json!({"max_completion_tokens": 0}), "max_completion_tokens"),
        (json!({"max_completion_tokens": [1]}), "max_completion_tokens"),
        (json!({"max_completion_tokens": 5, "max_tokens": 6}), "max_tokens"),
        (json!({"verbosity": "loud"}), "verbosity"),
        (json!({"verbosity": 1}), "verbosity"),
        (json!({"service_tier": "slow"}), "service_tier"),
        (json!({"service_tier": true}), "service_tier"),
        (json!({"reasoning_effort": "huge"}), "reasoning_effort"),
        (json!({"reasoning": {"effort": "huge"}}), "reasoning.effort"),
        (json!({"reasoning": {"effort": 1}}), "reasoning.effort"),
        (json!({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}), "reasoning.effort"),
        (json!({"reasoning": "low"}), "reasoning"),
        (json!({"reasoning": {"summary": "long"}}), "reasoning.summary"),
        (json!({"reasoning": {"summary": "auto"}, "reasoning_summary": "none"}), "reasoning.summary"),
        (json!({"reasoning_summary": "all"}), "reasoning_summary"),
        (json!({"reasoning_summary": false}), "reasoning_summary"),
        (json!({"temperature": 2.1}), "temperature"),
        (json!({"temperature": -0.1}), "temperature"),
        (json!({"temperature": "1"}), "temperature"),
        (json!({"top_p": 1.01}), "top_p"),
        (json!({"top_p": -1}), "top_p"),
        (json!({"presence_penalty": 3}), "presence_penalty"),
        (json!({"frequency_penalty": -2.5}), "frequency_penalty"),
        (json!({"frequency_penalty": []}), "frequency_penalty"),
        (json!({"seed": 1.5}), "seed"),
        (json!({"seed": u64::MAX}), "seed"),
        (json!({"logit_bias": []}), "logit_bias"),
        (json!({"logit_bias": {"50256": 101}}), "logit_bias"),
        (json!({"logit_bias": {"50256": "1"}}), "logit_bias"),
        (json!({"logit_bias": {"word": 1}}), "logit_bias"),
        (json!({"logprobs": 1}), "logprobs"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"top_logprobs": 21}), "top_logprobs"),
        (json!({"top_logprobs": 1}), "top_logprobs"),
        (json!({"modalities": "audio"}), "modalities"),
        (json!({"modalities": ["text", "smell"]}), "modalities[1]"),
        (json!({"modalities": ["text", "audio"]}), "modalities"),
        (json!({"audio": {"voice": "ash", "format": "wav"}}), "audio"),
        (json!({"web_search_options": {}}), "web_search_options"),
        (json!({"moderation": {"model": "m"}}), "moderation"),
        (json!({"prediction": "x"}), "prediction"),
        (json!({"prediction": {"content": "x"}}), "prediction.type"),
        (json!({"prediction": {"type": "content"}}), "prediction.content"),
        (json!({"prediction": {"type": "content", "content": []}}), "prediction.content"),
        (
            json!({"prediction": {"type": "content", "content": [{"type": "text", "text": "x"}, {"type": "text"}]}}),
            "prediction.content[1]",
        ),
        (json!({"store": "yes"}), "store"),
        (json!({"prompt_cache_key": 1}), "prompt_cache_key"),
        (json!({"prompt_cache_retention": {}}), "prompt_cache_retention"),
        (json!({"prompt_cache_options": "24h"}), "prompt_cache_options"),
        (json!({"safety_identifier": "x".repeat(65)}), "safety_identifier"),
        (json!({"truncation": "never"}), "truncation"),
        (json!({"max_tool_calls": 0}), "max_tool_calls"),
        (json!({"user": "x".repeat(513)}), "user"),
    ] {
        let error = asked(&members, OPTIONS).map(|_| ()).expect_err(&members.to_string());
        let envelope: Value = serde_json::from_slice(&error.body()).unwrap();
        assert_eq!((error.status().as_u16(), &envelope["error"]["param"]), (400, &json!(param)), "{members}");
        let message = error.to_string();
        assert!(message.len() < 300, "{message}");
    }
}

#[test]
fn what_would_be_another_answer_is_refused_as_such() {
    for members in [
        json!({"logprobs": true}),
        json!({"top_logprobs": 3}),
        json!({"modalities": ["audio"]}),
        json!({"audio": {}}),
        json!({"web_search_options": {}}),
        json!({"moderation": {}}),
    ] {
        assert_eq!(asked(&members, OPTIONS).unwrap_err().code(), Some("unsupported_parameter"), "{members}");
    }
}

#[test]
fn what_is_done_anyway_is_not_named() {
    let mut all = json!({});
    for members in [
        json!({"temperature": 1}),
        json!({"temperature": 1.0, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0.0}),
        json!({"truncation": "disabled", "max_tool_calls": null}),
        json!({"presence_penalty": -0.0, "logit_bias": {}, "store": false}),
        json!({"logprobs": false, "top_logprobs": 0, "modalities": ["text"]}),
        json!({"modalities": []}),
        json!({"n": 1, "stop": [], "service_tier": "auto", "reasoning": {}}),
        json!({"service_tier": "default", "reasoning_summary": "none"}),
        json!({"user": "u", "metadata": {"a": "b"}}),
    ] {
        let chat = taken(&members);
        assert_eq!(chat.ignored, [""; 0], "{members}");
        assert_eq!(
            (chat.choices, chat.expect.limits.any(), chat.expect.reasoning),
            (1, false, false),
            "{members}"
        );
        assert_eq!((chat.plan.service_tier, chat.plan.verbosity, chat.plan.summary), (None, None, None));
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    }
    let strict = Options { strict: true, ..OPTIONS };
    assert!(asked(&all, strict).is_ok(), "strict refuses what has no effect alone");
    let nulls: serde_json::Map<String, Value> = all
        .as_object()
        .unwrap()
        .keys()
        .chain([&"seed".to_owned()])
        .map(|name| (name.clone(), Value::Null))
        .collect();
    assert!(asked(&Value::Object(nulls), strict).is_ok());
}

/// A request for each name that can be ignored.
fn ignorable() -> Vec<(&'static str, &'static str, Value)> {
    let image = json!({"type": "image_url", "image_url": {"url": "data:", "detail": "low"}});
    let said = json!({"role": "user", "content": "x"});
    vec![
        ("temperature", "temperature", json!({"temperature": 0})),
        ("top_p", "top_p", json!({"top_p": 0.9})),
        ("presence_penalty", "presence_penalty", json!({"presence_penalty": 0.1})),
        ("frequency_penalty", "frequency_penalty", json!({"frequency_penalty": -2})),
        ("seed", "seed", json!({"seed": -7})),
        ("logit_bias", "logit_bias", json!({"logit_bias": {"50256": -100, "1": 0.5}})),
        (
            "prediction",
            "prediction",
            json!({"prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]}}),
        ),
        ("store", "store", json!({"store": true})),
        ("prompt_cache_key", "prompt_cache_key", json!({"prompt_cache_key": "k"})),
        ("prompt_cache_retention", "prompt_cache_retention", json!({"prompt_cache_retention": "24h"})),
        ("prompt_cache_options", "prompt_cache_options", json!({"prompt_cache_options": {"ttl": "30m"}})),
        ("safety_identifier", "safety_identifier", json!({"safety_identifier": "x".repeat(64)})),
        ("truncation", "truncation", json!({"truncation": "auto"})),
        ("max_tool_calls", "max_tool_calls", json!({"max_tool_calls": 3})),
        ("service_tier", "service_tier", json!({"service_tier": "scale"})),
        ("service_tier", "service_tier", json!({"service_tier": "fast", "model": "plain"})),
        ("verbosity", "verbosity", json!({"verbosity": "low", "model": "plain"})),
        (
            "detail",
            "messages[1].content[0].image_url.detail",
            json!({"messages": [said, {"role": "user", "content": [image]}]}),
        ),
        (
            "name",
            "messages[1].name",
            json!({"messages": [said, {"role": "user", "content": "x", "name": "n"}]}),
        ),
    ]
}

#[test]
fn what_has_no_effect_is_named_or_with_strict_refused() {
    for (name, path, members) in ignorable() {
        assert_eq!(taken(&members).ignored, [name], "{members}");
        let error = asked(&members, Options { strict: true, ..OPTIONS }).unwrap_err();
        let envelope: Value = serde_json::from_slice(&error.body()).unwrap();
        assert_eq!(
            (error.code(), &envelope["error"]["param"]),
            (Some("unsupported_parameter"), &json!(path))
        );
        let message = error.to_string();
        assert!(message.contains(path) && message.contains("PROXY_STRICT_PARAMS"), "{message}");
    }
    let both = json!({"seed": 1, "temperature": 0, "messages": [
        {"role": "user", "content": "x", "name": "a"}, {"role": "user", "content": "x", "name": "b"}]});
    assert_eq!(taken(&both).ignored, ["temperature", "seed", "name"]);
}

/// Metrics have a series for each: no other name may ever come, and none may be there in vain.
#[test]
fn the_names_are_a_closed_set() {
    let never = Options { reasoning: Reasoning::Never, ..OPTIONS };
    let mut named: BTreeSet<&str> =
        ignorable().into_iter().flat_map(|(_, _, members)| taken(&members).ignored).collect();
    named.extend(asked(&json!({"reasoning": {"summary": "auto"}}), never).unwrap().ignored);
    named.extend(completions::read(br#"{"prompt":"p","best_of":2}"#, false, 0).unwrap().ignored);
    assert_eq!(named, IGNORED.iter().copied().collect());
    assert_eq!(named.len(), IGNORED.len(), "each once");
}

#[test]
fn bounds_are_read() {
    let chat = taken(&json!({"n": 5, "stop": "END", "max_tokens": 7, "max_completion_tokens": 7}));
    assert_eq!(chat.choices, 5);
    assert_eq!(chat.expect.limits, Limits { stop: vec!["END".into()], max_tokens: Some(7) });
    let chat = taken(&json!({"stop": ["a", "b", " ", "\n"], "max_completion_tokens": u64::MAX}));
    assert_eq!(chat.expect.limits.stop, ["a", "b", " ", "\n"]);
    assert_eq!(chat.expect.limits.max_tokens, Some(u64::MAX));
    assert_eq!(taken(&json!({"max_tokens": 3})).expect.limits.max_tokens, Some(3));
    // JSON Schema's integers, with a point and zeros too.
    let chat = taken(
        &json!({"n": 2.0, "max_tokens": 3e2, "max_completion_tokens": 300, "seed": -4.0, "top_logprobs": 0.0}),
    );
    assert_eq!((chat.choices, chat.expect.limits.max_tokens), (2, Some(300)));
    let one = Options { max_choices: 1, ..OPTIONS };
    assert!(asked(&json!({"n": 2}), one).unwrap_err().to_string().contains("PROXY_MAX_CHAT_CHOICES"));
}

#[test]
fn verbosity_and_tier_are_carried() {
    for word in ["low", "medium", "high"] {
        assert_eq!(taken(&json!({"verbosity": word})).plan.verbosity, Some(word));
    }
    for (word, tier) in [("priority", "priority"), ("fast", "priority"), ("flex", "flex")] {
        let chat = taken(&json!({"service_tier": word}));
        assert_eq!((chat.plan.service_tier, chat.ignored), (Some(tier), Vec::new()));
    }
    // Codex hands this one on whatever the model offers.
    assert_eq!(taken(&json!({"service_tier": "flex", "model": "plain"})).plan.service_tier, Some("flex"));
    let plain = taken(&json!({"service_tier": "priority", "verbosity": "low", "model": "plain"}));
    assert_eq!((plain.plan.service_tier, plain.plan.verbosity), (None, None));
}

#[test]
fn efforts_and_summaries_are_read_wherever_they_stand() {
    for members in [
        json!({"reasoning_effort": "low"}),
        json!({"reasoning": {"effort": "low"}}),
        json!({"reasoning": {"effort": "low", "exclude": true}, "reasoning_effort": "low"}),
    ] {
        let chat = taken(&members);
        assert_eq!((chat.plan.effort.as_deref(), chat.expect.reasoning), (Some("low"), true), "{members}");
    }
    // What each mode makes of it.
    let (auto, concise) = (Some("auto"), Some("concise"));
    for (members, by_auto, by_always) in [
        (json!({}), None, auto),
        (json!({"reasoning_effort": "low"}), auto, auto),
        (json!({"reasoning_effort": "low", "reasoning_summary": "none"}), None, auto),
        (json!({"reasoning_effort": "low", "reasoning_summary": "concise"}), concise, concise),
        (json!({"reasoning": {"summary": "concise"}}), concise, concise),
        (json!({"reasoning": {"summary": "concise"}, "reasoning_summary": "concise"}), concise, concise),
        (json!({"reasoning_summary": "none"}), None, auto),
    ] {
        for (reasoning, summary) in
            [(Reasoning::Auto, by_auto), (Reasoning::Always, by_always), (Reasoning::Never, None)]
        {
            let chat = asked(&members, Options { reasoning, ..OPTIONS }).unwrap();
            assert_eq!(chat.plan.summary, summary, "{members} {reasoning:?}");
            assert_eq!(chat.expect.reasoning, summary.is_some());
            let lost = reasoning == Reasoning::Never && by_always == concise;
            assert_eq!(!chat.ignored.is_empty(), lost, "{members} {reasoning:?}: {:?}", chat.ignored);
        }
    }
}

/// An effort of `none` asks for no reasoning, and that an alias has one is not the request's word.
#[test]
fn no_effort_has_no_reasoning() {
    let models = serde_json::from_value(json!([{"model": "m", "isDefault": true}])).unwrap();
    let served = Served { models, ..Served::default() };
    let aliases = [Alias::parse("quick=m:high").unwrap()];
    for members in [json!({"reasoning_effort": "none"}), json!({"model": "quick"})] {
        let body = asking(&members).to_string();
        let chat = plan(&parse(body.as_bytes()).unwrap(), &served, Options { aliases: &aliases, ..OPTIONS })
            .unwrap();
        assert_eq!((chat.plan.summary, chat.expect.reasoning), (None, false), "{members}");
    }
}
