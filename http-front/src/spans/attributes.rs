//! The names of attributes, by OpenTelemetry's conventions: of HTTP, and of GenAI with the names of before. Pure.

use crate::{openai::usage::Tokens, records::usage::Asked};
use http::Method;
use opentelemetry::{KeyValue, StringValue};
use std::{net::SocketAddr, sync::Arc};

/// The status of the answer.
pub(super) const STATUS: &str = "http.response.status_code";
/// Why something failed, of a closed list.
pub(super) const ERROR: &str = "error.type";
/// Whose model it is.
pub(super) const PROVIDER: &str = "openai";

/// A method that is not of the list. Its own name is the client's text, and is told nowhere.
const OTHER: &str = "_OTHER";

/// A method's name, of a closed list.
pub(super) fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}

/// The method in the name of a span.
pub(super) fn in_name(method: &'static str) -> &'static str {
    if method == OTHER { "HTTP" } else { method }
}

/// What is done with the model.
pub(super) fn operation(chat: bool) -> &'static str {
    if chat { "chat" } else { "text_completion" }
}

/// Where a listener is, as attributes have it.
#[derive(Debug, Clone)]
pub(super) struct Addr {
    ip: StringValue,
    port: i64,
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Self {
        Self { ip: Arc::<str>::from(addr.ip().to_string()).into(), port: addr.port().into() }
    }
}

/// What is known of a request when it begins. The path is its route's pattern: what a client asks for may be anything.
pub(super) fn request(method: &'static str, route: &'static str, addr: &Addr) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(16);
    attributes.extend([
        KeyValue::new("http.request.method", method),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("server.address", addr.ip.clone()),
        KeyValue::new("server.port", addr.port),
    ]);
    if route != "none" {
        attributes.extend([KeyValue::new("http.route", route), KeyValue::new("url.path", route)]);
    }
    attributes
}

/// What the model is asked for.
pub(super) fn model(asked: &Asked, chat: bool) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(32);
    attributes.extend([
        KeyValue::new("gen_ai.operation.name", operation(chat)),
        KeyValue::new("gen_ai.provider.name", PROVIDER),
        KeyValue::new("gen_ai.system", PROVIDER),
    ]);
    if asked.stream {
        attributes.push(KeyValue::new("gen_ai.request.stream", true));
    }
    if asked.choices != 1 {
        let choices = i64::try_from(asked.choices).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new("gen_ai.request.choice.count", choices));
    }
    if let Some(model) = &asked.model {
        let model = StringValue::from(Arc::<str>::from(model.as_str()));
        attributes.extend([
            KeyValue::new("gen_ai.request.model", model.clone()),
            KeyValue::new("gen_ai.response.model", model),
        ]);
    }
    attributes
}

/// What the model used.
pub(super) fn usage(tokens: &Tokens) -> [KeyValue; 6] {
    let count = |name, tokens: u64| KeyValue::new(name, i64::try_from(tokens).unwrap_or(i64::MAX));
    [
        count("gen_ai.usage.input_tokens", tokens.input),
        count("gen_ai.usage.output_tokens", tokens.output),
        count("gen_ai.usage.prompt_tokens", tokens.input),
        count("gen_ai.usage.completion_tokens", tokens.output),
        count("gen_ai.usage.cache_read.input_tokens", tokens.cached),
        count("gen_ai.usage.reasoning.output_tokens", tokens.reasoning),
    ]
}
