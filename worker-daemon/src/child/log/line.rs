//! What is told of one line of the child. Pure.

use serde::Deserialize;

/// What of a line is told, in characters.
const MAX_SHOWN: usize = 2_000;
/// What the places begin with that export its spans.
const EXPORTER: &str = "opentelemetry";
/// The longest name of a place in codex.
const MAX_SOURCE: usize = 128;

/// A line of the child's own log (`LOG_FORMAT=json`).
#[derive(Deserialize)]
struct Entry {
    level: String,
    #[serde(default)]
    target: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    message: String,
}

/// How bad a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warn,
    /// `info` and below.
    Less,
}

/// What is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The line's own words, and where in codex they come from.
    Text { level: Level, source: Option<String>, text: String },
    /// That there was one.
    Withheld { source: Option<String>, bytes: usize },
    /// That its spans don't get to the collector. It tells that of every export.
    Unexported,
    /// A panic, by the place in codex's source.
    Panic { place: String },
}

/// What is told of a line; `greeted`: clients may have said something to the child before it.
pub(super) fn told(line: &[u8], greeted: bool) -> Told {
    if let Ok(Entry { level, target, fields }) = serde_json::from_slice::<Entry>(line) {
        let level = match level.as_str() {
            "ERROR" => Level::Error,
            "WARN" => Level::Warn,
            _ => Level::Less,
        };
        if target.starts_with(EXPORTER) {
            return Told::Unexported;
        }
        let source = Some(target).filter(|target| is_place(target));
        return if greeted && level == Level::Less {
            Told::Withheld { source, bytes: line.len() }
        } else {
            Told::Text { level, source, text: shown(&fields.message) }
        };
    }
    let text = String::from_utf8_lossy(line);
    match panicked(&text) {
        Some(place) => Told::Panic { place: place.to_owned() },
        None if greeted => Told::Withheld { source: None, bytes: line.len() },
        None => Told::Text { level: Level::Warn, source: None, text: shown(&text) },
    }
}

/// The place of a panic: `thread 'NAME' (ID) panicked at FILE:LINE:COLUMN:`. Its message, which may hold anything, is in
/// the next line.
fn panicked(text: &str) -> Option<&str> {
    let place = text.strip_prefix("thread '")?.split_once(" panicked at ")?.1.strip_suffix(':')?;
    is_place(place).then_some(place)
}

/// Whether it is nothing but the name of a place in a program.
fn is_place(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'/' | b'.' | b'-');
    !text.is_empty() && text.len() <= MAX_SOURCE && text.bytes().all(fits)
}

/// Cut to a bound, and without control characters: a terminal that shows the log must not be steered by it.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(level: &str, target: &str, message: &str) -> Vec<u8> {
        let fields = serde_json::json!({ "message": message, "input": "said by a client" });
        serde_json::json!({ "level": level, "target": target, "fields": fields }).to_string().into_bytes()
    }

    fn text(level: Level, source: Option<&str>, text: &str) -> Told {
        Told::Text { level, source: source.map(str::to_owned), text: text.to_owned() }
    }

    #[test]
    fn what_the_exporter_says_is_one_thing() {
        for target in ["opentelemetry_sdk", "opentelemetry-otlp"] {
            assert_eq!(told(&entry("ERROR", target, "http://10.0.0.1 said no"), true), Told::Unexported);
        }
    }

    #[test]
    fn what_codex_warns_of_is_told_and_what_else_it_notes_is_not() {
        let source = Some("codex_core::session");
        for greeted in [false, true] {
            let told = |level| told(&entry(level, "codex_core::session", "it broke\u{1b}[2J"), greeted);
            assert_eq!(told("ERROR"), text(Level::Error, source, "it broke [2J"));
            assert_eq!(told("WARN"), text(Level::Warn, source, "it broke [2J"));
        }
        for level in ["INFO", "DEBUG", "TRACE", "something new"] {
            let line = entry(level, "codex_core::session", "ToolCall: {secret}");
            assert_eq!(told(&line, false), text(Level::Less, source, "ToolCall: {secret}"));
            let withheld = Told::Withheld { source: source.map(str::to_owned), bytes: line.len() };
            assert_eq!(told(&line, true), withheld, "{level}");
        }
        let odd = entry("DEBUG", "said by a client", "");
        assert_eq!(told(&odd, true), Told::Withheld { source: None, bytes: odd.len() });
    }

    #[test]
    fn what_is_no_line_of_its_log_is_told_until_clients_speak() {
        let line = b"Error: error loading config.toml: bad";
        assert_eq!(told(line, false), text(Level::Warn, None, "Error: error loading config.toml: bad"));
        assert_eq!(told(line, true), Told::Withheld { source: None, bytes: line.len() });
        let long = "\u{e9}".repeat(5_000);
        assert_eq!(told(long.as_bytes(), false), text(Level::Warn, None, &"\u{e9}".repeat(2_000)));
    }

    #[test]
    fn a_panic_is_told_by_its_place() {
        let place = |line: &str| match told(line.as_bytes(), true) {
            Told::Panic { place } => Some(place),
            Told::Text { .. } | Told::Withheld { .. } | Told::Unexported => None,
        };
        let at = Some("core/src/session/turn.rs:12:34".to_owned());
        assert_eq!(place("thread 'main' panicked at core/src/session/turn.rs:12:34:"), at);
        assert_eq!(place("thread 'tokio-rt-worker' (77) panicked at core/src/session/turn.rs:12:34:"), at);
        for other in [
            "thread 'main' panicked at 'said by a client', core/src/a.rs:1:2",
            "thread 'main' panicked at said by a client:",
            "said by a client panicked at a.rs:1:2:",
        ] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
