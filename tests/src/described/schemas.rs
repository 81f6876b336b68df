//! The two documents as validators, each compiled once in a process.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::schema;

/// What an answer without a failure is: a member that the description does not name is a fault, for a misspelt one
/// would pass otherwise.
pub(super) static COMPLETION: LazyLock<Validator> = LazyLock::new(|| closed("CreateChatCompletionResponse"));
/// A frame of a stream.
pub(super) static CHUNK: LazyLock<Validator> = LazyLock::new(|| closed("CreateChatCompletionStreamResponse"));
/// A completion.
pub(super) static TEXTS: LazyLock<Validator> = LazyLock::new(|| closed("CreateCompletionResponse"));
/// A frame of a stream of one. OpenAI describes it as a whole one, but a reason and the usage come at the end alone.
pub(super) static TEXTS_CHUNK: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema = component("CreateCompletionResponse");
    let members = &mut schema["components"]["schemas"]["CreateCompletionResponse"]["properties"];
    for place in ["/choices/items/properties/finish_reason", "/usage"] {
        let member = members.pointer_mut(place).expect("a member of completions");
        *member = json!({ "anyOf": [member.take(), { "type": "null" }] });
    }
    validator(&schema::closed(schema))
});
/// `/v1/models`.
pub(super) static MODELS: LazyLock<Validator> = LazyLock::new(|| closed("ListModelsResponse"));
/// `/v1/models/{id}`.
pub(super) static MODEL: LazyLock<Validator> = LazyLock::new(|| closed("Model"));
/// A failure as OpenAI has it. It stays open: `retryable` is ours.
pub(super) static FAILURE: LazyLock<Validator> = LazyLock::new(|| validator(&component("ErrorResponse")));
/// A failure as we have it.
pub(super) static ENVELOPE: LazyLock<Validator> = LazyLock::new(|| validator(&envelope()));

/// OpenAI's description with our members.
pub(super) static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let mut description = parsed(include_str!("../../data/openapi-subset.json"));
    nullable(&mut description);
    let ours = parsed(include_str!("../../data/model-info.schema.json"));
    more(&mut description["components"]["schemas"]["Model"]["properties"], &ours["properties"]);
    let ours = parsed(include_str!("../../data/answer-members.schema.json"));
    for (name, schema) in ours.as_object().into_iter().flatten().filter(|(_, schema)| schema.is_object()) {
        let component = &mut description["components"]["schemas"][name];
        if component.is_null() {
            *component = schema.clone();
        } else {
            more(&mut component["properties"], &schema["properties"]);
        }
    }
    // OpenAI describes the calls in chunks as those of functions alone; its answers and SDKs have custom tools', too.
    let call = &mut description["components"]["schemas"]["ChatCompletionMessageToolCallChunk"];
    let custom = json!({ "$ref": "#/components/schemas/ChatCompletionMessageCustomToolCallChunk" });
    *call = json!({ "anyOf": [call.take(), custom] });
    description
});

/// Every failure of ours.
pub(super) fn envelope() -> Value {
    parsed(include_str!("../../data/error-envelope.schema.json"))
}

/// Members of ours beside those of OpenAI, which stay what they are.
fn more(members: &mut Value, ours: &Value) {
    let (Some(members), Some(ours)) = (members.as_object_mut(), ours.as_object()) else { unreachable!() };
    for (name, member) in ours {
        let before = members.insert(name.clone(), member.clone());
        assert_eq!(before, None, "{name} is OpenAI's");
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("a file of ours is JSON")
}

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).expect("a schema of ours is a schema")
}

fn closed(name: &str) -> Validator {
    validator(&schema::closed(component(name)))
}

/// The description calls itself OpenAPI 3.1, whose schemas are JSON Schema, but says `nullable: true` in places, as
/// 3.0 did. JSON Schema ignores that word, so a `finish_reason: null` or a `usage: null` would be refused. Here such a
/// schema allows what it says or `null`.
fn nullable(schema: &mut Value) {
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        let mut inner = schema.take();
        inner["nullable"] = Value::Bool(false);
        *schema = json!({ "anyOf": [inner, { "type": "null" }] });
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(nullable),
        Value::Array(elements) => elements.iter_mut().for_each(nullable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One component, with those that it refers to.
pub(super) fn component(name: &str) -> Value {
    let schemas = &DESCRIPTION["components"]["schemas"];
    let mut wanted = serde_json::Map::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if wanted.contains_key(&name) {
            continue;
        }
        let schema = &schemas[&name];
        assert!(schema.is_object(), "no component {name}");
        references(schema, &mut open);
        wanted.insert(name, schema.clone());
    }
    json!({ "$ref": format!("#/components/schemas/{name}"), "components": { "schemas": wanted } })
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            found.extend(name.and_then(|r| r.strip_prefix("#/components/schemas/")).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
