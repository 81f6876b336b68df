//! What requests of our OpenAPI document may be: those of OpenAI's description that we serve, of bounded size.
//!
//! Every member of OpenAI's requests stands in one of the tables below, so that a new one is noticed. References are
//! resolved: what bounds requests must not bound answers. A member that needn't be there may be `null`.

mod parts;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::schemas::DESCRIPTION;
use parts::{one_of, several, text};

/// Characters of a text, elements of an array, members of a map: requests come by the thousand.
const CHARACTERS: u64 = 40;
const ELEMENTS: u64 = 3;
/// The most answers to one prompt.
const CHOICES: u64 = 3;
/// The most tokens that a request may ask for.
const TOKENS: u64 = 100_000;

/// Members that are as OpenAI describes them, but for their size.
const AS_DESCRIBED: &[&str] = &[
    "metadata",
    "temperature",
    "top_p",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "service_tier",
    "verbosity",
    "frequency_penalty",
    "presence_penalty",
    "store",
    "stream",
    "stream_options",
    "parallel_tool_calls",
    "prediction",
    "echo",
    "suffix",
];
/// Members of which we serve less than OpenAI describes, or whose bounds it says in words alone.
const NARROWED: &[&str] = &[
    "model",
    "messages",
    "prompt",
    "n",
    "best_of",
    "stop",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "modalities",
    "reasoning_effort",
    "response_format",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "max_tokens",
    "max_completion_tokens",
];
/// Members that are refused unless they are `null`.
const NOT_SERVED: &[&str] = &["web_search_options", "audio", "moderation"];
/// Members of chat completions that completions take, too, though OpenAI's don't have them.
const OF_BOTH: &[&str] = &[
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
    "verbosity",
    "store",
];

/// A chat completion, by the cards of the models.
pub(super) fn chat(cards: &[Value]) -> Value {
    let mut all = described("CreateChatCompletionRequest");
    all.extend(of_every_request(cards));
    let mut add = |name: &str, schema: Value| all.insert(name.to_owned(), schema);
    add("messages", json!({ "type": "array", "minItems": 1, "maxItems": 4, "items": parts::message() }));
    add("max_completion_tokens", tokens());
    add("logprobs", json!({ "const": false }));
    add("top_logprobs", json!({ "const": 0 }));
    add("modalities", json!({ "const": ["text"] }));
    add("response_format", parts::format());
    add("tools", several(&parts::tool()));
    add("tool_choice", parts::tool_choice());
    add("functions", several(&parts::function(false)));
    add("function_call", parts::function_call());
    // The Responses API's name for the effort, and how much is told of the reasoning.
    let told = json!({ "enum": ["auto", "concise", "detailed", "none"] });
    add("reasoning_summary", told.clone());
    add("reasoning", object_of(&[("effort", or_null(efforts(cards))), ("summary", or_null(told))], &[]));
    for name in NOT_SERVED {
        add(name, json!({ "type": "null" }));
    }
    request(all, &["model", "messages"])
}

/// A completion, by the cards of the models.
pub(super) fn completions(cards: &[Value]) -> Value {
    let mut all = described("CreateCompletionRequest");
    let chat = described("CreateChatCompletionRequest");
    all.extend(chat.into_iter().filter(|(name, _)| OF_BOTH.contains(&name.as_str())));
    all.extend(of_every_request(cards));
    let mut add = |name: &str, schema: Value| all.insert(name.to_owned(), schema);
    let texts = json!({ "type": "array", "items": text(), "minItems": 1, "maxItems": 2 });
    add("prompt", one_of(&[text(), texts]));
    add("best_of", json!({ "type": "integer", "minimum": CHOICES, "maximum": 20 }));
    add("logprobs", json!({ "type": "null" }));
    request(all, &["model", "prompt"])
}

/// The efforts that any of the models has: which of them a request may name depends on its model.
fn efforts(cards: &[Value]) -> Value {
    let all = cards.iter().filter_map(|card| card["supported_reasoning_efforts"].as_array()).flatten();
    let words: BTreeSet<&str> = all.filter_map(Value::as_str).collect();
    json!({ "enum": words })
}

/// What both have, narrowed.
fn of_every_request(cards: &[Value]) -> Map<String, Value> {
    let models: Vec<&Value> = cards.iter().map(|card| &card["id"]).collect();
    // By chance alone a text hardly ever ends.
    let stop = one_of(&[
        json!({ "type": "string", "minLength": 1, "maxLength": 8 }),
        json!({ "enum": ["seq", "\"", "e", "}"] }),
    ]);
    let stops = json!({ "type": "array", "items": stop, "minItems": 1, "maxItems": 4 });
    let bias = json!({ "type": "number", "minimum": -100, "maximum": 100 });
    let all = [
        ("model", json!({ "enum": models })),
        ("n", json!({ "type": "integer", "minimum": 1, "maximum": CHOICES })),
        ("stop", one_of(&[stop, stops])),
        ("seed", json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX })),
        (
            "logit_bias",
            json!({
                "type": "object",
                "propertyNames": { "enum": ["1", "50256"] },
                "additionalProperties": bias,
                "maxProperties": 2,
            }),
        ),
        ("max_tokens", tokens()),
        ("reasoning_effort", efforts(cards)),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn tokens() -> Value {
    // Few bound the answers of the suite's model, many do not.
    one_of(&[
        json!({ "type": "integer", "minimum": 1, "maximum": 12 }),
        json!({ "type": "integer", "minimum": 1, "maximum": TOKENS }),
    ])
}

/// The members of OpenAI's request that are kept as they are.
fn described(component: &str) -> Map<String, Value> {
    let mut all = Map::new();
    gather(&resolved(&json!({ "$ref": format!("#/components/schemas/{component}") })), &mut all);
    for name in all.keys() {
        let tables = [AS_DESCRIBED, NARROWED, NOT_SERVED];
        assert!(tables.iter().any(|table| table.contains(&name.as_str())), "{name} is in no table");
    }
    all.retain(|name, _| AS_DESCRIBED.contains(&name.as_str()));
    all.values_mut().for_each(bound);
    all
}

/// The members of all the parts that a request consists of.
fn gather(schema: &Value, found: &mut Map<String, Value>) {
    found.extend(schema["properties"].as_object().cloned().unwrap_or_default());
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(part, found);
    }
}

/// The schema with what it refers to in its place, and without words for readers. No request refers to itself.
fn resolved(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let target = DESCRIPTION.pointer(reference.trim_start_matches('#'));
                resolved(target.expect("a component of the description"))
            }
            None => members
                .iter()
                .filter(|(name, value)| match name.as_str() {
                    // Examples would be sent as they are, with nothing else in the request.
                    "example" | "default" | "title" | "deprecated" => false,
                    "description" => !value.is_string(),
                    _ => true,
                })
                .map(|(name, value)| (name.clone(), resolved(value)))
                .collect(),
        },
        Value::Array(items) => items.iter().map(resolved).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

/// Puts bounds where there are none.
fn bound(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(bound);
            let at_most = |members: &mut Map<String, Value>, name: &str, most: u64| {
                members.entry(name).or_insert_with(|| most.into());
            };
            match members.get("type").and_then(Value::as_str) {
                Some("string") if !members.contains_key("enum") => {
                    at_most(members, "maxLength", CHARACTERS);
                }
                Some("array") => at_most(members, "maxItems", ELEMENTS),
                Some("object") if members.contains_key("additionalProperties") => {
                    at_most(members, "maxProperties", ELEMENTS);
                }
                Some("object") => {
                    members.insert("additionalProperties".to_owned(), Value::Bool(false));
                }
                Some(_) | None => {}
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(bound),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn or_null(schema: Value) -> Value {
    one_of(&[schema, json!({ "type": "null" })])
}

/// A request: what isn't required may be `null`.
fn request(members: Map<String, Value>, required: &[&str]) -> Value {
    let nullable = |(name, schema): (String, Value)| {
        let schema = if required.contains(&name.as_str()) { schema } else { or_null(schema) };
        (name, schema)
    };
    object(members.into_iter().map(nullable).collect(), required)
}

fn object_of(members: &[(&str, Value)], required: &[&str]) -> Value {
    let members = members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    object(members.collect(), required)
}

fn object(properties: Map<String, Value>, required: &[&str]) -> Value {
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}
