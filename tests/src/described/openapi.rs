//! Our own OpenAPI document: the routes that we serve, with OpenAI's schemas as far as we serve them, and our errors.
//!
//! It is made from OpenAI's description each time, so that it can't differ from it in silence. Answers are closed: a
//! member that the description doesn't name is a fault. Requests ([`super::asked`]) are those that should succeed.

use serde_json::{Map, Value, json};

use super::{asked, schemas};
use crate::schema;

/// The statuses of failures, and what each is for.
const FAILURES: &[(&str, &str)] = &[
    ("400", "The request can't be served as it is."),
    ("401", "No key, or a wrong one."),
    ("403", "The upstream refuses it."),
    ("404", "No such route, or no such model."),
    ("405", "The route has other methods."),
    ("408", "The body came too slowly."),
    ("413", "The body is too large."),
    ("429", "Too many requests, or the quota is used up."),
    ("500", "A fault of ours."),
    ("502", "The upstream failed."),
    ("503", "Not now."),
    ("504", "A deadline passed."),
];

/// The document for a service that has these models, as the cards of `/v1/models` tell them.
///
/// `x-efforts` says which reasoning efforts each model takes, since a schema can't: it is an object of arrays by name.
#[must_use]
pub fn openapi(cards: &[Value]) -> Value {
    let models: Vec<&Value> = cards.iter().map(|card| &card["id"]).collect();
    let efforts = cards.iter().filter_map(|card| {
        let efforts = card.get("supported_reasoning_efforts")?;
        Some((card["id"].as_str()?.to_owned(), efforts.clone()))
    });
    let mut components = Map::new();
    for name in [
        "CreateChatCompletionResponse",
        "CreateChatCompletionStreamResponse",
        "CreateCompletionResponse",
        "ListModelsResponse",
        "Model",
    ] {
        let found = schema::closed(schemas::component(name));
        components.extend(found["components"]["schemas"].as_object().cloned().unwrap_or_default());
    }
    for component in components.values_mut() {
        without_discriminators(component);
    }
    components.insert("Failure".to_owned(), schemas::envelope());
    components.insert("Health".to_owned(), health());

    let name = json!({ "name": "model", "in": "path", "required": true, "schema": { "type": "string", "enum": models } });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "codex gateway", "version": "1" },
        "security": [{ "key": [] }],
        "x-efforts": efforts.collect::<Map<_, _>>(),
        "paths": {
            "/v1/chat/completions": {
                "post": asking("chat", asked::chat(cards), "CreateChatCompletionResponse"),
            },
            "/v1/completions": {
                "post": asking("completions", asked::completions(cards), "CreateCompletionResponse"),
            },
            "/v1/models": { "get": telling("models", "ListModelsResponse"), "head": head("modelsHead") },
            "/v1/models/{model}": {
                "parameters": [name],
                "get": telling("model", "Model"),
                "head": head("modelHead"),
            },
            "/healthz": { "get": healthy("healthz"), "head": open_to_all(head("healthzHead")) },
            "/readyz": { "get": healthy("readyz"), "head": open_to_all(head("readyzHead")) },
            "/livez": { "get": alive("livez"), "head": open_to_all(head("livezHead")) },
            "/health": { "get": alive("health"), "head": open_to_all(head("healthHead")) },
        },
        "components": {
            "schemas": components,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
        },
    })
}

/// They name a member whose values are those of the schemas' constants. OpenAPI would have them be the schemas' names.
fn without_discriminators(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.remove("discriminator");
            members.values_mut().for_each(without_discriminators);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_discriminators),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An operation with a body, whose answer is an object or a stream.
fn asking(id: &str, body: Value, answer: &str) -> Value {
    let content = json!({
        "application/json": { "schema": reference(answer) },
        // What a frame's data are is more than a schema can say; `described::stream_faults` looks at that.
        "text/event-stream": {
            "schema": { "type": "object", "required": ["data"], "properties": { "data": { "type": "string" } } },
        },
    });
    let header = |name: &str, words: &[&str]| json!({ "name": name, "in": "header", "required": false, "schema": { "type": "string", "enum": words } });
    json!({
        "operationId": id,
        "parameters": [
            header("x-codex-metadata", &["true", "false"]),
            header("x-proxy-output-mode", &["openai-json", "obsidian-xml", "textual-tools"]),
        ],
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": responses(&content),
    })
}

fn telling(id: &str, answer: &str) -> Value {
    let content = json!({ "application/json": { "schema": reference(answer) } });
    json!({ "operationId": id, "responses": responses(&content) })
}

fn head(id: &str) -> Value {
    let mut responses = responses(&Value::Null);
    // Without a body.
    for (_, response) in responses.as_object_mut().into_iter().flatten() {
        response.as_object_mut().map(|response| response.remove("content"));
    }
    json!({ "operationId": id, "responses": responses })
}

/// Health, which needs no key and says at 503 what it says at 200.
fn healthy(id: &str) -> Value {
    let mut operation = open_to_all(telling(id, "Health"));
    operation["responses"]["503"]["content"]["application/json"]["schema"] = reference("Health");
    operation
}

fn alive(id: &str) -> Value {
    let content = json!({ "application/json": { "schema": alive_schema() } });
    open_to_all(json!({ "operationId": id, "responses": responses(&content) }))
}

fn open_to_all(mut operation: Value) -> Value {
    operation["security"] = json!([]);
    operation
}

fn alive_schema() -> Value {
    json!({
        "type": "object",
        "required": ["status"],
        "additionalProperties": false,
        "properties": { "status": { "const": "ok" } },
    })
}

fn health() -> Value {
    json!({
        "type": "object",
        "required": ["status", "worker_state", "maintenance_mode"],
        "additionalProperties": false,
        "properties": {
            "status": { "enum": ["ok", "degraded", "starting", "draining", "down"] },
            "worker_state": { "type": "string" },
            "last_exit_code": { "type": "integer" },
            "restart_streak": { "type": "integer" },
            "backoff_ms": { "type": "integer" },
            "maintenance_mode": { "type": "boolean" },
        },
    })
}

fn responses(content: &Value) -> Value {
    let header = |schema: Value| json!({ "required": true, "schema": schema });
    let headers = json!({
        "x-request-id": header(json!({ "type": "string", "pattern": "^req_[0-9a-f]{32}$" })),
        "openai-version": header(json!({ "const": "2020-10-01" })),
        "openai-processing-ms": header(json!({ "type": "string", "pattern": "^[0-9]+$" })),
    });
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({ "description": "The answer.", "headers": headers, "content": content }),
    );
    for (status, what) in FAILURES {
        let content = json!({ "application/json": { "schema": reference("Failure") } });
        let failure = json!({ "description": what, "headers": headers, "content": content });
        responses.insert((*status).to_owned(), failure);
    }
    responses.into()
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
