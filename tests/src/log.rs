//! Whether a line of the log is as `shared::telemetry::events` has it.
//!
//! Every process that a test starts has each of its lines held to this. `docs/operations/log.schema.json` says the same,
//! for other programs; the suite `contract` compares the two.

pub mod schema;

use serde::{
    Deserialize,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use shared::telemetry::{
    events::{self, Component, Event, Kind, Level, Text},
    line::MAX_TEXT,
};
use std::fmt;

/// What each line begins with.
pub const FIRST: [&str; 4] = ["timestamp", "level", "component", "event"];

/// The members of an object, in order, with those that come twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// What is wrong with a line; empty when nothing is.
#[must_use]
pub fn faults(line: &str) -> Vec<String> {
    if line.contains(char::is_control) {
        return vec!["there is a control character in it".to_owned()];
    }
    let members = match serde_json::from_str::<Members>(line) {
        Ok(Members(members)) => members,
        Err(error) => return vec![format!("it is no JSON object: {error}")],
    };
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    if !names.starts_with(&FIRST) {
        return vec![format!("it begins with {:?}", &names[..names.len().min(4)])];
    }
    let mut faults: Vec<String> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            faults.push(format!("`{name}` comes twice"));
        }
    }
    let text = |at: usize| members[at].1.as_str().unwrap_or_default();
    if !is_time(text(0)) {
        faults.push(format!("`timestamp` is {}", members[0].1));
    }
    let (level, component, name) = (text(1), text(2), text(3));
    let Some(event) = events::find(component, name) else {
        faults.push(format!("`{component}` has no event `{name}`"));
        return faults;
    };
    if !event.levels.iter().any(|known| known.as_str() == level) {
        faults.push(format!("`{name}` has no level `{level}`"));
    }
    let rest = &members[4..];
    for needed in event.needs.iter().filter(|needed| !names.contains(needed)) {
        faults.push(format!("`{needed}` is missing"));
    }
    for (field, value) in rest {
        faults.extend(of_field(event, field, value));
    }
    if event.text == Text::Always && !names.contains(&"message") {
        faults.push("`message` is missing".to_owned());
    }
    faults
}

fn of_field(event: &Event, field: &str, value: &Value) -> Option<String> {
    let kind = match (field, event.text) {
        ("message", Text::Always | Text::Sometimes) => Some(Kind::Text),
        (field, _) => event.kind(field),
    };
    match kind {
        None => Some(format!("`{}` has no field `{field}`", event.name)),
        Some(kind) if !fits(kind, value) => Some(format!("`{field}` is {value}, which is no {kind:?}")),
        Some(_) => None,
    }
}

fn fits(kind: Kind, value: &Value) -> bool {
    let text = |fits: &dyn Fn(&str) -> bool| value.as_str().is_some_and(fits);
    match kind {
        Kind::Text => text(&is_text),
        Kind::Count => value.is_u64(),
        Kind::Number => value.is_i64() || value.is_u64(),
        Kind::Flag => value.is_boolean(),
        Kind::Time => text(&is_time),
        Kind::Word(words) => text(&|word| words.contains(&word)),
        Kind::Request => text(&|name| name.strip_prefix("req_").is_some_and(is_hex)),
        Kind::ClientRequest => {
            text(&|name| (1..=512).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()))
        }
        Kind::Trace => text(&is_hex),
        Kind::Code => text(&|code| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            (1..=64).contains(&code.len()) && code.bytes().all(fits)
        }),
        Kind::Object => value.as_object().is_some_and(|object| {
            !object.is_empty()
                && object.values().all(|value| match value {
                    Value::String(text) => is_text(text),
                    Value::Bool(_) | Value::Number(_) => true,
                    Value::Null | Value::Array(_) | Value::Object(_) => false,
                })
        }),
    }
}

fn is_text(text: &str) -> bool {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    !text.contains(breaks) && text.chars().count() <= MAX_TEXT
}

/// 32 small hexadecimal digits.
fn is_hex(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `2026-11-21T19:30:01Z`, with up to nine digits behind the second.
fn is_time(text: &str) -> bool {
    let Some((second, rest)) = text.split_at_checked(19) else { return false };
    let form = second.bytes().zip("0000-00-00T00:00:00".bytes());
    let fraction = match rest.strip_suffix('Z') {
        Some("") => true,
        Some(rest) => rest.strip_prefix('.').is_some_and(|digits| {
            (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        }),
        None => false,
    };
    fraction
        && form
            .into_iter()
            .all(|(byte, form)| if form == b'0' { byte.is_ascii_digit() } else { byte == form })
}

/// A value of a kind, as an example.
#[must_use]
pub fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Text => "a text".into(),
        Kind::Count => 3.into(),
        Kind::Number => (-1).into(),
        Kind::Flag => true.into(),
        Kind::Time => "2026-11-21T19:30:01.123456Z".into(),
        Kind::Word(words) => words.first().copied().into(),
        Kind::Request => "req_0192f0c1a2b37c4d8e5f60718293a4b5".into(),
        Kind::ClientRequest => "my-request".into(),
        Kind::Trace => "0af7651916cd43dd8448eb211c80319c".into(),
        Kind::Code => "worker_unavailable".into(),
        Kind::Object => serde_json::json!({ "a": 1, "b": "c", "d.e": false }),
    }
}

/// A line of each event, for each of its components and levels, with all of its fields.
pub fn samples() -> impl Iterator<Item = (Component, Level, &'static Event, Value)> {
    events::all().flat_map(|event| {
        let each = event.of.iter().flat_map(|of| event.levels.iter().map(|level| (*of, *level)));
        each.map(move |(of, level)| {
            let mut line = serde_json::Map::new();
            line.insert("timestamp".to_owned(), sample(Kind::Time));
            line.insert("level".to_owned(), level.as_str().into());
            line.insert("component".to_owned(), of.as_str().into());
            line.insert("event".to_owned(), event.name.into());
            for field in event.needs.iter().chain(event.may) {
                line.extend(event.kind(field).map(|kind| ((*field).to_owned(), sample(kind))));
            }
            if event.text != Text::Never {
                line.insert("message".to_owned(), "a text".into());
            }
            (of, level, event, Value::Object(line))
        })
    })
}
