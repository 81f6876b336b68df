//! A file of keys, from text to entries. Pure.

use super::{
    Digest, Entry, Limits, MAX_BYTES, MAX_KEYS, MAX_MODEL, MAX_MODELS, Name, Problem,
    lines::Lines,
    members::{Members, shown},
    time,
};
use std::{collections::HashMap, time::SystemTime};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// What `created` must be.
const CREATED: &str = "must be a time in UTC such as 2026-01-31T12:00:00Z";
/// What `expires` must be.
const EXPIRES: &str = "must be a time with an offset such as 2026-12-31T23:59:59Z";
/// What `hash` must be.
const HASH: &str = "must be `sha256:` and the 64 hexadecimal digits of the key's SHA-256";

/// Reads the text of a file. An empty one has no keys.
///
/// # Errors
/// Everything that is wrong with it, by line; of bad TOML the first place alone.
pub fn parse(text: &str) -> Result<Vec<Entry>, Vec<Problem>> {
    if text.len() > MAX_BYTES {
        return Err(vec![Problem::of_file(format!("it has more than {MAX_BYTES} bytes"))]);
    }
    let mut lines = Lines::of(text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            // Not the error's own display: it quotes the line.
            let at = error.span().map_or(0, |span| span.start);
            lines.problem(at, format!("this is no TOML: {}", error.message().replace('\n', "; ")));
            return lines.finish(Vec::new());
        }
    };
    let document = document.get_ref();
    for name in document.keys().filter(|name| name.get_ref() != "keys") {
        let message = format!("there is no member {}; each key is a table `[[keys]]`", shown(name.get_ref()));
        lines.problem(name.span().start, message);
    }
    let entries = match document.get("keys") {
        None => Vec::new(),
        Some(keys) => match keys.get_ref().as_array() {
            Some(keys) if keys.len() > MAX_KEYS => {
                lines.note(Problem::of_file(format!("it has more than {MAX_KEYS} keys")));
                Vec::new()
            }
            Some(keys) => all(keys.iter(), &mut lines),
            None => {
                lines.problem(keys.span().start, "`keys` must be tables: begin each key with `[[keys]]`");
                Vec::new()
            }
        },
    };
    lines.finish(entries)
}

/// The entries of a file, each name and each hash once.
fn all<'t>(tables: impl Iterator<Item = &'t Spanned<DeValue<'t>>>, lines: &mut Lines) -> Vec<Entry> {
    let (mut names, mut hashes) = (HashMap::new(), HashMap::new());
    let mut entries = Vec::new();
    for (at, value) in tables.enumerate() {
        let begin = value.span().start;
        let Some(table) = value.get_ref().as_table() else {
            lines.problem(begin, format!("key {}: must be a table", at + 1));
            continue;
        };
        let Some(entry) = entry(table, begin, at + 1, lines) else { continue };
        let line = lines.line(begin);
        if let Some(first) = names.insert(entry.name.clone(), line) {
            lines.problem(begin, format!("key `{}`: the key in line {first} has the same name", entry.name));
        }
        if let Some(first) = hashes.insert(entry.hash, line) {
            lines.problem(begin, format!("key `{}`: the key in line {first} has the same hash", entry.name));
        }
        entries.push((begin, entry));
    }
    for (begin, entry) in &entries {
        // Names are told in logs, headers and lists; so this one isn't told here either.
        if hashes.contains_key(&entry.name_digest()) {
            lines.problem(
                *begin,
                "its `name` is a key; a name is told to others: give it another one".to_owned(),
            );
        }
    }
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// One entry, unless something is wrong with it.
fn entry<'t>(table: &'t DeTable<'t>, begin: usize, number: usize, lines: &mut Lines) -> Option<Entry> {
    let named = table.get("name").and_then(|name| name.get_ref().as_str());
    let whose = match named.map(Name::parse) {
        Some(Ok(name)) => format!("key `{name}`"),
        Some(Err(_)) | None => format!("key {number}"),
    };
    let mut members = Members::of(table, begin, whose, lines);
    let name = members.checked("name", |name| match name.as_str() {
        Some(name) => Name::parse(name).map_err(str::to_owned),
        None => Err("must be a text".to_owned()),
    });
    let hash = members.read("hash", HASH, |hash| hash.as_str().and_then(Digest::parse));
    let created = members.read("created", CREATED, |time| moment(time, time::utc));
    for (name, message) in [("hash", HASH), ("created", CREATED)] {
        if !table.contains_key(name) {
            members.missing(name, message);
        }
    }
    if !table.contains_key("name") {
        members.missing("name", "names the key in logs and headers");
    }
    let expires = members.read("expires", EXPIRES, |time| moment(time, time::moment));
    let models = members.checked("models", models);
    let agent = members
        .read("profiles", "must be [\"completion\"] or [\"completion\", \"agent\"]", profiles)
        .unwrap_or_default();
    let operator = members.read("operator", "must be true or false", DeValue::as_bool).unwrap_or_default();
    let limits = members.below("limits").map(limits).unwrap_or_default();
    members.finish();
    Some(Entry { name: name?, hash: hash?, created: created?, expires, models, agent, operator, limits })
}

fn limits(mut members: Members<'_, '_>) -> Limits {
    let window = members.checked("window", |window| match window.as_str() {
        Some(window) => time::window(window).map_err(str::to_owned),
        None => Err("must be a text with a number and its unit, such as \"60s\"".to_owned()),
    });
    let mut count = |name| members.read(name, "must be a whole number from 1 on", count);
    let limits =
        Limits { window, requests: count("requests"), tokens: count("tokens"), streams: count("streams") };
    members.finish();
    limits
}

/// A time as TOML has it, or as a text.
fn moment(value: &DeValue<'_>, read: fn(&str) -> Option<SystemTime>) -> Option<SystemTime> {
    match (value.as_str(), value.as_datetime()) {
        (Some(text), _) => read(text),
        (None, Some(time)) => read(&time.to_string()),
        (None, None) => None,
    }
}

fn count(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    // TOML's own range, so that every number here can be written again.
    let count = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
    u64::try_from(count).ok().filter(|count| *count > 0)
}

fn texts<'t>(value: &'t DeValue<'t>) -> Option<Vec<&'t str>> {
    value.as_array()?.iter().map(|text| text.get_ref().as_str()).collect()
}

fn models(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let names = texts(value).ok_or("must be a list of names such as [\"gpt-5.5\"]")?;
    if names.is_empty() {
        return Err("must name a model, or be left out for every one".to_owned());
    }
    if names.len() > MAX_MODELS {
        return Err(format!("must have at most {MAX_MODELS} names"));
    }
    let fits = |name: &&str| !name.is_empty() && name.len() <= MAX_MODEL && !name.contains(char::is_control);
    if !names.iter().all(fits) {
        return Err(format!("must be names of 1 to {MAX_MODEL} bytes, without control characters"));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Whether `agent` is among them. `completion` always is: every key may ask for it.
fn profiles(value: &DeValue<'_>) -> Option<bool> {
    match texts(value)?.as_slice() {
        ["completion"] => Some(false),
        ["completion", "agent"] | ["agent", "completion"] => Some(true),
        _ => None,
    }
}
