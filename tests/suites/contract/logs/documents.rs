//! `docs/operations/logs.md` and `docs/operations/log.schema.json` are written from the table. `UPDATE_DOCS=1` rewrites them.

use gateway_tests::log::schema::schema;
use shared::telemetry::events::{self, Component, Event, FIELDS, Kind, Level};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations").join(file)
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
fn update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1")
}

fn compare(file: &str, is: &str, wanted: &str) {
    if is == wanted {
        return;
    }
    assert!(update(), "{file} is not what the table says: run this test with UPDATE_DOCS=1");
    fs::write(path(file), wanted).expect("the document can be written");
}

#[test]
fn the_schema_is_the_tables() {
    let file = "log.schema.json";
    let wanted = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    compare(file, &fs::read_to_string(path(file)).unwrap_or_default(), &wanted);
}

#[test]
fn the_events_and_fields_are_documented() {
    let file = "logs.md";
    let is = fs::read_to_string(path(file)).expect("the document");
    let mut wanted = is.clone();
    let parts: [(&str, &[Component]); 4] = [
        ("both", &[Component::Daemon, Component::Front]),
        ("worker-daemon", &[Component::Daemon]),
        ("http-front", &[Component::Front]),
        ("codex", &[Component::Codex]),
    ];
    for (name, of) in parts {
        let mut table = String::from("| event | level | fields | when |\n|---|---|---|---|\n");
        for event in events::all().filter(|event| event.of == of) {
            row(&mut table, event);
        }
        wanted = between(&wanted, name, &table);
    }
    let mut table = String::from("| field | holds | meaning |\n|---|---|---|\n");
    for field in FIELDS {
        writeln!(table, "| `{}` | {} | {} |", field.name, holds(field.kind), field.about).expect("a text");
    }
    wanted = between(&wanted, "fields", &table);
    compare(file, &is, &wanted);
}

fn row(table: &mut String, event: &Event) {
    let levels: Vec<&str> = event.levels.iter().copied().map(Level::as_str).collect();
    let shown = |field: &&str, may: &str| {
        let words = event.words.iter().find(|(name, _)| name == field);
        let words = words.map_or_else(String::new, |(_, words)| format!(" ({})", joined(words)));
        format!("`{field}`{may}{words}")
    };
    let fields: Vec<String> = (event.needs.iter().map(|field| shown(field, "")))
        .chain(event.may.iter().map(|field| shown(field, "?")))
        .collect();
    writeln!(table, "| `{}` | {} | {} | {} |", event.name, levels.join(", "), fields.join(", "), event.about)
        .expect("a text");
}

fn joined(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn holds(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Count => "number from 0".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Flag => "true, false".to_owned(),
        Kind::Time => "time".to_owned(),
        Kind::Word(words) => joined(words),
        Kind::Request => "`req_` and 32 hexadecimal digits".to_owned(),
        Kind::ClientRequest => "up to 512 visible ASCII characters".to_owned(),
        Kind::Trace => "32 hexadecimal digits".to_owned(),
        Kind::Code => "up to 64 letters, digits, `_`, `-` and `.`".to_owned(),
        Kind::Object => "object of texts, numbers and flags".to_owned(),
    }
}

/// The document with this between its markers.
fn between(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let start = text.find(&begin).expect("it has the marker of the beginning") + begin.len();
    let stop = start + text[start..].find(&end).expect("it has the marker of the end");
    format!("{}{table}{}", &text[..start], &text[stop..])
}
