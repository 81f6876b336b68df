//! Every place in the sources that logs is held to the table: its event, level, fields and message.
//!
//! What stands in a `macro_rules!` with a `$` in it is held to it where the macro is used, by its event and level.

use crate::sources::{root, sources};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use shared::telemetry::events::{self, Component, Text};
use std::{collections::HashSet, fs};

/// The macros that log, of `tracing` and of ours.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// Macros of ours whose first two arguments are a level and the name of an event.
const OURS: [&str; 2] = ["request_line", "ended"];
/// Events whose lines are not written by a macro.
const WRITTEN_OTHERWISE: [(&str, &str); 3] =
    [("worker-daemon", "log_lines_dropped"), ("worker-daemon", "panic"), ("http-front", "panic")];

/// One place that logs.
#[derive(Debug, Default, PartialEq)]
struct Place {
    level: String,
    event: Option<String>,
    component: Option<String>,
    critical: bool,
    /// Names of fields; `None` in a macro of ours, which has more than what stands here.
    fields: Option<Vec<String>>,
    message: bool,
}

fn punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == wanted)
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(name)) => Some(name.to_string()),
        _ => None,
    }
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

fn literal(token: Option<&TokenTree>) -> Option<String> {
    let Some(TokenTree::Literal(literal)) = token else { return None };
    let text = literal.to_string();
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// Every place below these tokens that logs.
fn places(tokens: TokenStream, found: &mut Vec<Place>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            places(group.stream(), found);
        }
        let Some(name) = ident(Some(token)) else { continue };
        if !punct(tokens.get(at + 1), '!') {
            continue;
        }
        let Some(arguments) = group(tokens.get(at + 2), Delimiter::Parenthesis) else { continue };
        let arguments: Vec<Vec<TokenTree>> = split(arguments.stream());
        let is_tracing = at >= 3 && ident(tokens.get(at - 3)).as_deref() == Some("tracing");
        if OURS.contains(&name.as_str()) {
            let level = ident(arguments[0].first()).unwrap_or_default();
            let event = literal(arguments.get(1).and_then(|event| event.first()));
            if event.is_some() {
                found.push(Place { level, event, ..Place::default() });
            }
        } else if LEVELS.contains(&name.as_str()) {
            assert!(is_tracing, "`{name}!` is to be called `tracing::{name}!`, so that it is found");
            found.extend(place(&name, &arguments));
        }
    }
}

fn split(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut arguments = vec![Vec::new()];
    for token in tokens {
        if punct(Some(&token), ',') {
            arguments.push(Vec::new());
        } else if let Some(last) = arguments.last_mut() {
            last.push(token);
        }
    }
    arguments.retain(|argument| !argument.is_empty());
    arguments
}

/// What `tracing::LEVEL!(…)` tells; nothing in the body of a macro.
fn place(level: &str, arguments: &[Vec<TokenTree>]) -> Option<Place> {
    let mut place = Place { level: level.to_owned(), ..Place::default() };
    let mut fields = Vec::new();
    for argument in arguments {
        if argument.iter().any(|token| punct(Some(token), '$')) {
            return None;
        }
        if literal(argument.first()).is_some() {
            place.message = true;
            break;
        }
        let sign = usize::from(punct(argument.first(), '?') || punct(argument.first(), '%'));
        let name = ident(argument.get(sign)).expect("the name of a field");
        let value = argument.get(sign + 2);
        match name.as_str() {
            "event" => place.event = Some(literal(value).expect("an event is named in place")),
            "component" => place.component = literal(value),
            "critical" => place.critical = true,
            _ => fields.push(name),
        }
    }
    place.fields = Some(fields);
    Some(place)
}

fn read(source: &str) -> Vec<Place> {
    let mut found = Vec::new();
    places(source.parse().expect("Rust"), &mut found);
    found
}

/// What is wrong with a place.
fn wrong(of: Component, place: &Place) -> Vec<String> {
    let component = place.component.as_deref().unwrap_or(of.as_str());
    let name = place.event.as_deref().unwrap_or("log");
    let Some(event) = events::find(component, name) else {
        return vec![format!("{component} has no event {name}")];
    };
    let mut wrong = Vec::new();
    let level = if place.critical { "critical" } else { &place.level };
    if !event.levels.iter().any(|known| known.as_str() == level) {
        wrong.push(format!("{name} has no level {level}"));
    }
    let Some(fields) = &place.fields else { return wrong };
    for field in fields.iter().filter(|field| event.kind(field).is_none()) {
        wrong.push(format!("{name} has no field {field}"));
    }
    for needed in event.needs.iter().filter(|needed| !fields.iter().any(|field| field == **needed)) {
        wrong.push(format!("{name} needs {needed}"));
    }
    let message = match event.text {
        Text::Always => place.message,
        Text::Sometimes => true,
        Text::Never => !place.message,
    };
    if !message {
        wrong.push(format!("the message of {name}: {:?}", event.text));
    }
    wrong
}

#[test]
fn every_place_that_logs_is_in_the_table_and_every_event_is_logged() {
    let crates: [(&str, &[Component]); 4] = [
        ("worker-daemon/src", &[Component::Daemon]),
        ("http-front/src", &[Component::Front]),
        ("shared/src", &[Component::Daemon, Component::Front]),
        ("shared/otel/src", &[Component::Daemon, Component::Front]),
    ];
    let mut logged: HashSet<(String, String)> = HashSet::new();
    for (component, event) in WRITTEN_OTHERWISE {
        logged.insert((component.to_owned(), event.to_owned()));
    }
    let mut faults = Vec::new();
    for (folder, components) in crates {
        // Its tests log what a library might.
        let files = sources(&root().join(folder));
        for file in files.iter().filter(|file| !file.ends_with("telemetry/line.rs")) {
            for place in read(&fs::read_to_string(file).expect("a source")) {
                for of in components {
                    let component = place.component.as_deref().unwrap_or(of.as_str()).to_owned();
                    logged.insert((component, place.event.clone().unwrap_or_else(|| "log".to_owned())));
                    let wrong = wrong(*of, &place);
                    if !wrong.is_empty() {
                        faults.push(format!("{}: {}", file.display(), wrong.join("; ")));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let known = events::all()
        .flat_map(|event| event.of.iter().map(|of| (of.as_str().to_owned(), event.name.to_owned())));
    let library = |(component, event): &(String, String)| event == "log" && component != "codex";
    let never: Vec<_> = known.filter(|event| !library(event) && !logged.contains(event)).collect();
    assert!(never.is_empty(), "nothing logs {never:?}");
}

#[test]
fn a_bad_place_is_found() {
    let wrong = |source: &str| {
        let places = read(source);
        assert_eq!(places.len(), 1, "{source}");
        wrong(Component::Daemon, &places[0])
    };
    assert!(wrong(r#"tracing::info!(event = "hardened", "text {}", a(b, c));"#).is_empty());
    assert!(
        wrong(r#"fn f() { if a { tracing::warn!(event = "catalog_stale", %error, "text") } }"#).is_empty()
    );
    assert!(wrong(r#"tracing::error!(component = "codex", pid, source, "{text}")"#).is_empty());
    assert!(wrong(r#"ended!(warn, "no_such")"#)[0].contains("no_such"));
    for bad in [
        r#"tracing::info!(event = "no_such", "text");"#,
        r#"tracing::warn!(event = "hardened", "text");"#,
        r#"tracing::info!(event = "hardened");"#,
        r#"tracing::info!(event = "hardened", prompt, "text");"#,
        r#"tracing::info!(event = "hardened", ?prompt, "text");"#,
        r#"tracing::info!(event = "hardened", prompt = a(b, c), "text");"#,
        r#"tracing::warn!(event = "catalog_stale", "text")"#,
        r#"tracing::error!(event = "worker_degraded", restart_count, restart_streak, worker_state, "text")"#,
        r#"tracing::info!("text")"#,
        r#"tracing::info!(event = "front_drain", "of the other component")"#,
    ] {
        assert!(!wrong(bad).is_empty(), "{bad}");
    }
    assert!(
        read(r#"fn f() { print!("tracing::info!(event = 1)") } // tracing::info!(event = 2)"#).is_empty()
    );
}
