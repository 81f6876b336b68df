//! A body of any bytes is served as JSON that codex can read, or refused as one that the client can.

use http_front::{
    error::ApiError,
    translate::{
        items,
        mode::{OutputMode, Reasoning},
        models::Served,
        request::{self, Chat, Options, completions, responses},
    },
};
use serde_json::{Value, json, value::RawValue};
use std::collections::HashMap;

const OPTIONS: Options<'_> = Options {
    aliases: &[],
    max_schemas: 10_000,
    max_choices: 5,
    strict: false,
    reasoning: Reasoning::Auto,
    output: OutputMode::TextualTools,
    tool_buffer: 1024,
};

/// Panics where a body is neither served nor refused well.
pub fn check(data: &[u8]) {
    chat(data);
    match completions::read(data, false, 4096) {
        Ok(read) => {
            let mut bodies = 0;
            for body in read.bodies() {
                // What the client wrote goes on as it is, and is read with the body.
                let members: HashMap<String, &RawValue> =
                    serde_json::from_slice(&body).expect("a body is an object");
                let messages: Value = serde_json::from_str(members["messages"].get()).expect("JSON");
                let content = &messages[0]["content"];
                assert!(content.is_string() || content.is_array(), "{messages}");
                bodies += 1;
                if bodies < 3 {
                    chat(&body);
                }
            }
            assert_eq!((bodies, read.echoes().count()), (read.len(), read.len()));
        }
        Err(error) => refused(&completions::tell(error)),
    }
}

fn chat(body: &[u8]) {
    let error = match run(body) {
        Ok(chat) => return served(&chat),
        Err(error) => error,
    };
    refused(&error);
    if error.param() == Some("messages") {
        match responses::convert(body, error) {
            Ok(converted) => match run(&converted.body) {
                Ok(chat) => served(&chat),
                Err(error) => refused(&converted.paths.tell(error)),
            },
            Err(error) => refused(&error),
        }
    }
}

fn run(body: &[u8]) -> Result<Chat, ApiError> {
    let request = request::parse(body)?;
    let models =
        json!([{"model": "m", "isDefault": true, "supportedReasoningEfforts": [{"reasoningEffort": "low"}]}]);
    let models = serde_json::from_value(models).expect("models");
    let served = Served { models, ..Served::default() };
    let mut chat = request::plan(&request, &served, OPTIONS)?;
    let urls: Vec<String> = items::images(&request.messages).map(|image| image.url.to_owned()).collect();
    chat.fill(&request.messages, &urls)?;
    Ok(chat)
}

fn served(chat: &Chat) {
    for items in &chat.plan.items {
        let items: Vec<Value> = serde_json::from_slice(items).expect("items are JSON");
        assert!(items.iter().all(|item| item["type"].is_string()), "{items:?}");
    }
    let json = |raw: &RawValue| serde_json::from_str::<Value>(raw.get()).expect("JSON");
    if let Some(tools) = &chat.plan.tools {
        assert!(json(tools).is_array());
    }
    if let Some(schema) = &chat.plan.output_schema {
        assert!(json(schema).is_object());
    }
    assert!((1..=OPTIONS.max_choices).contains(&chat.choices));
}

fn refused(error: &ApiError) {
    assert!(error.status().is_client_error(), "{error}");
    let envelope: Value = serde_json::from_slice(&error.body()).expect("an envelope");
    assert!(envelope["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{envelope}");
    assert!(envelope["error"]["param"].as_str() != Some(""), "{envelope}");
}
