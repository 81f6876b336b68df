//! One line of the log.
//!
//! Owns the two looks of a line. A line is always one line: control characters, and others that a terminal obeys or takes
//! for the end of a line, become spaces, and a text is cut at [`MAX_TEXT`]. What a library says besides its message is in
//! `fields`, so that it never takes the name of a field of ours.

use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use std::fmt::{self, Write as _};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// The longest text of a field, in characters.
pub const MAX_TEXT: usize = 8_192;
/// The crates whose events are ours, as targets begin with them.
const OURS: [&str; 4] = ["shared", "worker_daemon", "http_front", "otel"];

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
    pub fields: Vec<(&'static str, Value)>,
}

impl<'a> Line<'a> {
    /// A line of now.
    pub fn now(
        level: &'a str,
        component: &'a str,
        event: &'a str,
        fields: Vec<(&'static str, Value)>,
    ) -> Self {
        let mut timestamp = String::new();
        // Writing into a text can't fail; a clock before 1970 would leave it empty.
        let _written = SystemTime.format_time(&mut Writer::new(&mut timestamp));
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
        let mut bytes = Vec::with_capacity(512);
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
                None => write!(line, " {name}={value}"),
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

#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(clean(&format!("{value:?}"))));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(clean(value)));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.push((field.name(), value));
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(n, _)| *n == name)?;
        Some(self.0.remove(at).1)
    }

    /// The name that stands in a field, taken out of it.
    fn name(&mut self, field: &str, default: &str) -> String {
        match self.take(field) {
            Some(Value::String(name)) => name,
            _ => default.to_owned(),
        }
    }
}

/// One line's worth of text: bounded, and nothing in it that a terminal obeys.
fn clean(text: &str) -> String {
    let breaks = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    // Nearly every text is a name of ours.
    if text.len() <= MAX_TEXT && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    text.chars().take(MAX_TEXT).map(|c| if breaks(c) { ' ' } else { c }).collect()
}

fn is_ours(target: &str) -> bool {
    OURS.contains(&target.split("::").next().unwrap_or_default())
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut level = metadata.level().as_str().to_ascii_lowercase();
        if !is_ours(metadata.target()) {
            let mut own = vec![("target", Value::from(clean(metadata.target())))];
            own.extend(fields.take("message").map(|text| ("message", text)));
            if !fields.0.is_empty() {
                let rest = fields.0.into_iter().map(|(name, value)| (name.to_owned(), value));
                own.push(("fields", Value::Object(rest.collect())));
            }
            return out.write_str(&Line::now(&level, self.component, "log", own).written(self.look));
        }
        // `critical` is no level of tracing: it is an error that pages somebody.
        if fields.take("critical") == Some(Value::Bool(true)) {
            "critical".clone_into(&mut level);
        }
        let component = fields.name("component", self.component);
        let name = fields.name("event", "log");
        out.write_str(&Line::now(&level, &component, &name, fields.0).written(self.look))
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
