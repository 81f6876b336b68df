//! Every place in the sources that logs is held to the table: its event, level, fields and message. And the table is held
//! to the sources: each event, and each field that one may have, is written somewhere.
//!
//! What stands in a `macro_rules!` with a `$` in it is held to it where the macro is used.

use crate::sources::{root, sources};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use shared::telemetry::events::{self, Component, Event, Text};
use std::{
    collections::{HashMap, HashSet},
    fs,
};

/// The macros that log, of `tracing` and of ours.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// Macros of ours whose first two arguments are a level and the name of an event.
const OURS: [&str; 2] = ["request_line", "ended"];
/// What is behind so many arguments of theirs are fields.
const GIVEN: usize = 4;
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
    /// Names of fields; `None` of a macro of ours whose definition wasn't found.
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

/// The fields that each of our macros writes by itself.
#[derive(Debug, Default)]
struct Macros(HashMap<String, Vec<String>>);

impl Macros {
    /// Adds what is defined below these tokens. A macro that uses another one stands behind that.
    fn add(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(body) = token else { continue };
            let name = at.checked_sub(1).and_then(|at| ident(tokens.get(at)));
            let defined = at >= 3 && ident(tokens.get(at - 3)).as_deref() == Some("macro_rules");
            match name.filter(|name| defined && OURS.contains(&name.as_str())) {
                Some(name) => {
                    let mut fields = Vec::new();
                    self.written(body.stream(), &mut fields);
                    self.0.insert(name, fields);
                }
                None => self.add(body.stream()),
            }
        }
    }

    /// The fields that stand in `tracing::$level!(…)`, or in another one of these macros.
    fn written(&self, tokens: TokenStream, fields: &mut Vec<String>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else { continue };
            let called = at >= 2 && punct(tokens.get(at - 1), '!');
            let name = ident(called.then(|| &tokens[at - 2])).unwrap_or_default();
            let arguments = split(group.stream());
            if OURS.contains(&name.as_str()) {
                fields.extend(self.of(&name, &arguments).unwrap_or_default());
            } else if called && at >= 6 && ident(tokens.get(at - 6)).as_deref() == Some("tracing") {
                fields.extend(arguments.iter().filter_map(|argument| ident(argument.first())));
                fields.retain(|field| field != "event");
            } else {
                self.written(group.stream(), fields);
            }
        }
    }

    /// What this one writes where it is called so.
    fn of(&self, name: &str, arguments: &[Vec<TokenTree>]) -> Option<Vec<String>> {
        let given = arguments.iter().skip(GIVEN).filter_map(|argument| ident(argument.first()));
        Some(self.0.get(name)?.iter().cloned().chain(given).collect())
    }
}

/// Every place below these tokens that logs.
fn places(tokens: TokenStream, macros: &Macros, found: &mut Vec<Place>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            places(group.stream(), macros, found);
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
                let fields = macros.of(&name, &arguments);
                found.push(Place { level, event, fields, ..Place::default() });
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
    let tokens: TokenStream = source.parse().expect("Rust");
    let mut macros = Macros::default();
    macros.add(tokens.clone());
    let mut found = Vec::new();
    places(tokens, &macros, &mut found);
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

/// What places write of an event of a component.
type Written = HashMap<(String, String), HashSet<String>>;

/// The fields that an event of a component may have, and that no place writes.
fn unwritten(event: &Event, of: Component, written: &Written) -> Vec<String> {
    let key = (of.as_str().to_owned(), event.name.to_owned());
    let fields = written.get(&key);
    let may = event.may.iter().filter(|field| !fields.is_some_and(|fields| fields.contains(**field)));
    may.map(|field| format!("no place writes {field} of {} of {}", event.name, of.as_str())).collect()
}

#[test]
fn every_place_that_logs_is_in_the_table_and_everything_in_the_table_is_logged() {
    let crates: [(&str, &[Component]); 5] = [
        ("worker-daemon/src", &[Component::Daemon]),
        ("http-front/src", &[Component::Front]),
        ("shared/src", &[Component::Daemon, Component::Front]),
        ("shared/handover/src", &[Component::Daemon, Component::Front]),
        ("shared/otel/src", &[Component::Daemon, Component::Front]),
    ];
    let mut logged = Written::new();
    for (component, event) in WRITTEN_OTHERWISE {
        let all = events::find(component, event).expect("an event of the table").may;
        let all = all.iter().map(|field| (*field).to_owned()).collect();
        logged.insert((component.to_owned(), event.to_owned()), all);
    }
    let mut faults = Vec::new();
    for (folder, components) in crates {
        // Its tests log what a library might.
        let files = sources(&root().join(folder));
        for file in files.iter().filter(|file| !file.ends_with("telemetry/line.rs")) {
            for place in read(&fs::read_to_string(file).expect("a source")) {
                for of in components {
                    let component = place.component.as_deref().unwrap_or(of.as_str()).to_owned();
                    let event = place.event.clone().unwrap_or_else(|| "log".to_owned());
                    logged
                        .entry((component, event))
                        .or_default()
                        .extend(place.fields.clone().into_iter().flatten());
                    let wrong = wrong(*of, &place);
                    if !wrong.is_empty() {
                        faults.push(format!("{}: {}", file.display(), wrong.join("; ")));
                    }
                }
            }
        }
    }
    let known = events::all().flat_map(|event| event.of.iter().map(move |of| (*of, event)));
    // What a library says is no event of ours.
    for (of, event) in known.filter(|(of, event)| event.name != "log" || *of == Component::Codex) {
        if logged.contains_key(&(of.as_str().to_owned(), event.name.to_owned())) {
            faults.extend(unwritten(event, of, &logged));
        } else {
            faults.push(format!("nothing logs {} of {}", event.name, of.as_str()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_field_that_nothing_writes_is_found() {
    let event = events::find("worker-daemon", "turn_ended").expect("an event");
    let unwritten = |source: &str| {
        let mut written = Written::new();
        for place in read(source) {
            let fields = place.fields.expect("fields").into_iter().collect();
            written.insert(("worker-daemon".to_owned(), place.event.expect("an event")), fields);
        }
        unwritten(event, Component::Daemon, &written)
    };
    let whole =
        r#"tracing::warn!(event = "turn_ended", request_id = a(), trace_id = b.c(), reason, "text");"#;
    assert_eq!(unwritten(whole), [""; 0]);
    let found = unwritten(&whole.replace("trace_id", "pid"));
    assert_eq!(found, ["no place writes trace_id of turn_ended of worker-daemon"]);
    assert_eq!(unwritten("").len(), event.may.len());
}

#[test]
fn what_our_macros_write_is_known() {
    let defined = r#"
        macro_rules! request_line {
            ($level:ident, $event:literal, $a:expr, $b:expr $(, $more:ident $(= $value:expr)?)* $(,)?) => {
                tracing::$level!(event = $event, request_id = $a.id(), trace_id = $b, $($more $(= $value)?),*)
            };
        }
        fn f() {
            macro_rules! ended {
                ($level:ident, $event:literal) => { request_line!($level, $event, self, id, status, source,) };
            }
            ended!(info, "a");
            request_line!(warn, "b", self, self.id(), stream);
        }"#;
    let fields: Vec<_> = read(defined).into_iter().map(|place| place.fields.expect("fields")).collect();
    assert_eq!(fields[0], ["request_id", "trace_id", "status", "source"]);
    assert_eq!(fields[1], ["request_id", "trace_id", "stream"]);
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
