//! One line of the log.
//!
//! Owns the two looks of a line. A line is always one line: control characters, and others that a terminal obeys or takes
//! for the end of a line, become spaces, and a text is cut at [`MAX_TEXT`]. What a library says besides its message is in
//! `fields`, so that it never takes the name of a field of ours.

mod fields;

use fields::{Fields, Kept};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use std::{
    fmt::{self, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// The longest text of a field, in characters.
pub const MAX_TEXT: usize = 8_192;
/// The crates whose events are ours, as targets begin with them.
const OURS: [&str; 5] = ["shared", "worker_daemon", "http_front", "otel", "handover"];

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// JSON.
    Json,
    /// Text for people.
    Text,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    /// When, ISO 8601, UTC.
    pub timestamp: String,
    /// The level's name.
    pub level: &'a str,
    /// Who says it.
    pub component: &'a str,
    /// The event's name.
    pub event: &'a str,
    /// The rest, in order; `message` is the text.
    pub fields: Vec<(&'static str, Told<'a>)>,
}

/// What a field tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told<'a> {
    /// A text.
    Text(&'a str),
    /// Anything else.
    Value(Value),
}

impl Told<'_> {
    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Value(value) => value.as_str(),
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Text(text) => Value::from(text),
            Self::Value(value) => value,
        }
    }
}

impl From<Value> for Told<'_> {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'a> Line<'a> {
    /// A line of now.
    pub fn now(
        level: &'a str,
        component: &'a str,
        event: &'a str,
        fields: Vec<(&'static str, Told<'a>)>,
    ) -> Self {
        // Whatever the clock says, a line must not panic: humantime does before 1970, and fails behind the year 9999.
        let now = SystemTime::now().max(UNIX_EPOCH);
        let mut timestamp = String::with_capacity(32);
        let _written = write!(timestamp, "{}", humantime::format_rfc3339_micros(now));
        Self { timestamp, level, component, event, fields }
    }

    /// The line with its end.
    pub fn written(&self, look: Look) -> String {
        let mut line = match look {
            Look::Json => self.json().unwrap_or_default(),
            Look::Text => self.text(),
        };
        line.push('\n');
        line
    }

    fn json(&self) -> serde_json::Result<String> {
        let mut bytes = Vec::with_capacity(1024);
        let mut serializer = serde_json::Serializer::new(&mut bytes);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("level", self.level)?;
        map.serialize_entry("component", self.component)?;
        map.serialize_entry("event", self.event)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()?;
        // serde_json writes UTF-8.
        Ok(String::from_utf8(bytes).unwrap_or_default())
    }

    /// `TIMESTAMP LEVEL component event name=value - message`.
    fn text(&self) -> String {
        let level = self.level.to_ascii_uppercase();
        let mut line = format!("{} {level:>8} {} {}", self.timestamp, self.component, self.event);
        let (texts, others): (Vec<_>, Vec<_>) = self.fields.iter().partition(|(name, _)| *name == "message");
        for (name, value) in others {
            let plain = |text: &&str| !text.is_empty() && !text.contains([' ', '"', '=']);
            // Writing into a text can't fail.
            let _written = match value.as_str().filter(plain) {
                Some(text) => write!(line, " {name}={text}"),
                // As JSON has it, which can't fail here.
                None => write!(line, " {name}={}", serde_json::to_string(value).unwrap_or_default()),
            };
        }
        for text in texts.iter().filter_map(|(_, value)| value.as_str()) {
            line.push_str(" - ");
            line.push_str(text);
        }
        line
    }
}

/// Writes the events of `tracing` as lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) component: &'static str,
    pub(super) look: Look,
}

fn is_ours(target: &str) -> bool {
    let within = |rest: &str| rest.is_empty() || rest.starts_with("::");
    OURS.iter().any(|ours| target.strip_prefix(ours).is_some_and(within))
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::new();
        event.record(&mut fields);
        let metadata = event.metadata();
        let level = name(*metadata.level());
        if !is_ours(metadata.target()) {
            let target = fields::cleaned(metadata.target());
            let message = fields.take("message");
            let mut own = vec![("target", Told::Text(&target))];
            own.extend(message.as_ref().map(|text| ("message", fields.told(text))));
            let rest: Map<_, _> =
                fields.rest().map(|(name, told)| (name.to_owned(), told.into_value())).collect();
            if !rest.is_empty() {
                own.push(("fields", Told::Value(rest.into())));
            }
            return out.write_str(&Line::now(level, self.component, "log", own).written(self.look));
        }
        // `critical` is no level of tracing: it is an error that pages somebody.
        let is_critical = matches!(fields.take("critical"), Some(Kept::Other(Value::Bool(true))));
        let (component, event) = (fields.take("component"), fields.take("event"));
        let component = fields.text(component.as_ref()).unwrap_or(self.component);
        let event = fields.text(event.as_ref()).unwrap_or("log");
        let level = if is_critical { "critical" } else { level };
        out.write_str(&Line::now(level, component, event, fields.rest().collect()).written(self.look))
    }
}

/// A level's name.
fn name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    /// What is written of the events of `act`.
    fn written(look: Look, act: impl FnOnce()) -> Vec<String> {
        #[derive(Clone, Default)]
        struct Out(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Out {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let out = Out::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer({
                let out = out.clone();
                move || out.clone()
            })
            .event_format(Format { component: "http-front", look });
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn behind_the_time(line: &str) -> &str {
        assert!(line.starts_with(r#"{"timestamp":"2"#), "{line}");
        line.split_once("\",").unwrap().1
    }

    #[test]
    fn an_event_of_ours_is_flat_and_one_line() {
        let lines = written(Look::Json, || {
            tracing::error!(
                event = "worker_degraded",
                critical = true,
                restart_count = 5_u64,
                "five\nin a\u{1b}[31mrow\u{2028}"
            );
            tracing::warn!(component = "codex", pid = 7, none = Option::<u64>::None, "a line of codex's");
        });
        assert_eq!(
            behind_the_time(&lines[0]),
            r#""level":"critical","component":"http-front","event":"worker_degraded","message":"five in a [31mrow ","restart_count":5}"#
        );
        assert_eq!(
            behind_the_time(&lines[1]),
            r#""level":"warn","component":"codex","event":"log","message":"a line of codex's","pid":7}"#
        );
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn a_library_names_no_event_and_no_field_of_ours() {
        let lines = written(Look::Json, || {
            tracing::info!(target: "some_library::deep", event = "panic", component = "codex", timestamp = "never", critical = true, "hello");
            tracing::info!(target: "http_frontier", { log.target = "other" }, "hi");
        });
        assert_eq!(
            behind_the_time(&lines[0]),
            r#""level":"info","component":"http-front","event":"log","target":"some_library::deep","message":"hello","fields":{"event":"panic","component":"codex","timestamp":"never","critical":true}}"#
        );
        assert_eq!(
            behind_the_time(&lines[1]),
            r#""level":"info","component":"http-front","event":"log","target":"http_frontier","message":"hi","fields":{"log.target":"other"}}"#
        );
    }

    #[test]
    fn text_begins_with_the_same_four() {
        let lines = written(Look::Text, || {
            tracing::error!(
                event = "worker_lost",
                critical = true,
                error = "no such\nfile",
                n = 1,
                path = "/a=b",
                "it is gone"
            );
            tracing::debug!(target: "hyper::proto", bytes = 12, "flushed");
        });
        let (time, rest) = lines[0].split_once(' ').unwrap();
        assert!(time.starts_with('2') && time.ends_with('Z'), "{time}");
        assert_eq!(
            rest,
            r#"CRITICAL http-front worker_lost error="no such file" n=1 path="/a=b" - it is gone"#
        );
        let (_, rest) = lines[1].split_once(' ').unwrap();
        assert_eq!(rest, r#"   DEBUG http-front log target=hyper::proto fields={"bytes":12} - flushed"#);
    }

    #[test]
    fn texts_are_bounded() {
        let lines = written(Look::Json, || tracing::info!(event = "x", "{}", "\u{e9}".repeat(MAX_TEXT + 10)));
        assert_eq!(lines[0].chars().filter(|c| *c == '\u{e9}').count(), MAX_TEXT);
    }
}
