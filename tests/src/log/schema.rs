//! The same as a JSON Schema: `docs/operations/log.schema.json`.

use serde_json::{Map, Value, json};
use shared::telemetry::{
    events::{self, Event, FIELDS, Kind, Level, Text},
    line::MAX_TEXT,
};

/// A text without characters that a terminal obeys or takes for the end of a line.
const TEXT: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$";
const TIME: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z$";

/// The whole schema.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut any = Vec::new();
    for event in events::all() {
        let of: Vec<&str> = event.of.iter().map(|of| of.as_str()).collect();
        let name = format!("{} of {}", event.name, of.join(", "));
        any.push(json!({ "$ref": format!("#/$defs/{}", name.replace(' ', "%20")) }));
        definitions.insert(name, definition(event, &of));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the log of worker-daemon and http-front",
        "description": "Written from the table in shared/src/telemetry/events.",
        "oneOf": any,
        "$defs": definitions,
    })
}

fn definition(event: &Event, of: &[&str]) -> Value {
    let levels: Vec<&str> = event.levels.iter().copied().map(Level::as_str).collect();
    let mut properties = Map::new();
    properties.insert("timestamp".to_owned(), of_kind(Kind::Time));
    properties.insert("level".to_owned(), json!({ "enum": levels }));
    properties.insert("component".to_owned(), json!({ "enum": of }));
    properties.insert("event".to_owned(), json!({ "const": event.name }));
    let mut required = vec!["timestamp", "level", "component", "event"];
    required.extend(event.needs);
    for field in event.needs.iter().chain(event.may) {
        let Some(kind) = event.kind(field) else { continue };
        let mut schema = of_kind(kind);
        if let Some(known) = FIELDS.iter().find(|known| known.name == *field) {
            schema["description"] = known.about.into();
        }
        properties.insert((*field).to_owned(), schema);
    }
    if event.text != Text::Never {
        properties.insert("message".to_owned(), of_kind(Kind::Text));
    }
    if event.text == Text::Always {
        required.push("message");
    }
    json!({
        "description": event.about,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_kind(kind: Kind) -> Value {
    let matching = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match kind {
        Kind::Text => json!({ "type": "string", "pattern": TEXT, "maxLength": MAX_TEXT }),
        Kind::Count => json!({ "type": "integer", "minimum": 0 }),
        Kind::Number => json!({ "type": "integer" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Time => matching(TIME),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Request => matching("^req_[0-9a-f]{32}$"),
        Kind::ClientRequest => matching("^[!-~]{1,512}$"),
        Kind::Trace => matching("^[0-9a-f]{32}$"),
        Kind::Code => matching("^[A-Za-z0-9_.-]{1,64}$"),
        Kind::Object => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": ["string", "number", "boolean"],
                "pattern": TEXT,
                "maxLength": MAX_TEXT,
            },
        }),
    }
}
