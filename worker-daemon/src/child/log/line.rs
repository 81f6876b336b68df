//! What is told of one line of the child. Pure.

use serde::Deserialize;

/// What of a line is told, in characters.
const MAX_SHOWN: usize = 2_000;
/// What the places begin with that export its spans.
const EXPORTER: &str = "opentelemetry";
/// The longest name of a place in codex.
const MAX_SOURCE: usize = 128;

/// The place of a panic that doesn't tell it in a way that we know.
const UNKNOWN: &str = "unknown";

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
        // Below a warning it tells what it does, and how that went well.
        if target.starts_with(EXPORTER) && level != Level::Less {
            return Told::Unexported;
        }
        // Told by a hook of codex's; its message, which may hold anything, follows in the same text.
        if let Some(behind) = fields.message.strip_prefix("panicked at ") {
            let place = behind.split_whitespace().next().unwrap_or_default();
            return Told::Panic { place: known(place.strip_suffix(':').unwrap_or(place)) };
        }
        if let Some(place) = panicked(fields.message.lines().next().unwrap_or_default()) {
            return Told::Panic { place };
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
        Some(place) => Told::Panic { place },
        None if greeted => Told::Withheld { source: None, bytes: line.len() },
        None => Told::Text { level: Level::Warn, source: None, text: shown(&text) },
    }
}

/// The place of a panic, where a line tells of one: `thread 'NAME' (ID) panicked at FILE:LINE:COLUMN:`, with the message,
/// which may hold anything, in the next line; as programs of before 2023 have it, `thread 'NAME' panicked at 'MESSAGE',
/// FILE:LINE:COLUMN`; or `The application panicked (crashed).` of a reporter, which tells the place in a later line. What
/// follows a panic, such as its backtrace, is told as any other line, and the abort that a second panic leads to isn't
/// one more.
fn panicked(text: &str) -> Option<String> {
    if text == "The application panicked (crashed)." {
        return Some(known(""));
    }
    let (thread, behind) = text.strip_prefix("thread ")?.split_once(" panicked at ")?;
    if !thread.starts_with(['\'', '<']) {
        return None;
    }
    let last = behind.rsplit_once("', ").map(|(_, place)| place);
    Some(known(last.or_else(|| behind.strip_suffix(':')).unwrap_or_default()))
}

/// The place, where this is one: `FILE:LINE:COLUMN`, and nothing that a message could be.
fn known(place: &str) -> String {
    let number = |part: Option<&str>| part.is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let mut parts = place.rsplitn(3, ':');
    let numbers = number(parts.next()) && number(parts.next());
    let file = parts.next().is_some_and(|file| file.ends_with(".rs"));
    let text = if numbers && file && is_place(place) { place } else { UNKNOWN };
    text.to_owned()
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
            for level in ["ERROR", "WARN"] {
                assert_eq!(told(&entry(level, target, "http://10.0.0.1 said no"), true), Told::Unexported);
            }
            for level in ["INFO", "DEBUG", "TRACE"] {
                let line = entry(level, target, "name: TracerProvider.Export.Finished");
                let source = Some(target.to_owned());
                assert_eq!(told(&line, true), Told::Withheld { source, bytes: line.len() }, "{level}");
            }
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
        let unknown = Some("unknown".to_owned());
        for line in [
            "thread 'main' panicked at core/src/session/turn.rs:12:34:",
            "thread 'tokio-rt-worker' (77) panicked at core/src/session/turn.rs:12:34:",
            "thread '<unnamed>' panicked at core/src/session/turn.rs:12:34:",
            "thread <unnamed> panicked at core/src/session/turn.rs:12:34:",
            "thread 'main' panicked at 'said by a client', core/src/session/turn.rs:12:34",
            "thread 'main' panicked at 'it's ', a.rs:1:2', core/src/session/turn.rs:12:34",
        ] {
            assert_eq!(place(line), at, "{line}");
        }
        // That it panicked is known; what stands where its place should be isn't told.
        for line in [
            "thread 'main' panicked at said by a client:",
            "thread 'main' panicked at said-by-a-client:1:2:",
            "thread 'main' panicked at 'the first line of what a client said",
            "thread 'main' panicked at ",
            "The application panicked (crashed).",
        ] {
            assert_eq!(place(line), unknown, "{line}");
        }
        for other in [
            "said by a client panicked at a.rs:1:2:",
            "thread of a client panicked at a.rs:1:2:",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            "   0: rust_begin_unwind",
            "             at /rustc/f8297e351a40/library/std/src/panicking.rs:695:5",
            "thread caused non-unwinding panic. aborting.",
            "thread 'main' has overflowed its stack",
        ] {
            assert_eq!(place(other), None, "{other}");
        }
    }

    #[test]
    fn a_panic_in_its_own_log_is_told_by_its_place_alone() {
        for message in [
            "panicked at core/src/a.rs:1:2: said by a client",
            "panicked at core/src/a.rs:1:2:\nsaid by a client",
            "thread 'main' panicked at core/src/a.rs:1:2:\nsaid by a client",
        ] {
            let told = told(&entry("ERROR", "codex_core", message), true);
            assert_eq!(told, Told::Panic { place: "core/src/a.rs:1:2".to_owned() }, "{message}");
        }
        let told = told(&entry("ERROR", "codex_core", "panicked at said by a client"), true);
        assert_eq!(told, Told::Panic { place: "unknown".to_owned() });
    }
}
