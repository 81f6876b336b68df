//! The text of a file of keys with one more, or one less. Pure. What is not changed stays as it was written, comments
//! too.

use shared::keys::{Entry, time};
use toml_edit::{Array, ArrayOfTables, Datetime, DocumentMut, InlineTable, Item, RawString, Table, Value};

/// What a fresh file begins with.
const HEAD: &str =
    "# The keys of http-front, made by `codexctl key`. A hash is no key, and can't be made into one.\n";

/// The text with one more key at its end.
///
/// # Errors
/// What can't be written, in words.
pub fn added(text: &str, entry: &Entry) -> Result<String, String> {
    let fresh = text.trim().is_empty();
    let mut document = parse(if fresh { HEAD } else { text })?;
    let mut table = table(entry)?;
    let keys = document.entry("keys").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    match keys {
        Item::Value(Value::Array(array)) if array.is_empty() => {
            *keys = Item::ArrayOfTables(ArrayOfTables::new())
        }
        Item::None | Item::Value(_) | Item::Table(_) | Item::ArrayOfTables(_) => {}
    }
    match keys {
        Item::ArrayOfTables(tables) => {
            // Of a file that has comments alone they stand at the end, which is behind the key; they belong before it.
            let lead = if tables.is_empty() { document_comments(text, fresh) } else { String::new() };
            let gap = if lead.is_empty() && tables.is_empty() { "" } else { "\n" };
            table.decor_mut().set_prefix(format!("{lead}{gap}"));
            tables.push(table);
            let first = tables.len() == 1;
            if first {
                document.set_trailing("");
            }
        }
        Item::Value(Value::Array(array)) => array.push(table.into_inline_table()),
        Item::None | Item::Value(_) | Item::Table(_) => return Err("`keys` is no list of tables".to_owned()),
    }
    Ok(document.to_string())
}

/// The text without the key of this name, and without the comments right above it; `None` where there is none.
///
/// # Errors
/// As [`added`].
pub fn revoked(text: &str, name: &str) -> Result<Option<String>, String> {
    let mut document = parse(text)?;
    let mut kept = String::new();
    match document.get_mut("keys") {
        Some(Item::ArrayOfTables(tables)) => {
            let named = |table: &Table| table.get("name").and_then(Item::as_str) == Some(name);
            let Some(at) = tables.iter().position(named) else { return Ok(None) };
            kept.push_str(apart(tables.get(at).map(before).unwrap_or_default()));
            tables.remove(at);
            if let Some(next) = tables.get_mut(at) {
                let prefix = format!("{kept}{}", before(next));
                next.decor_mut().set_prefix(prefix.strip_prefix('\n').filter(|_| at == 0).unwrap_or(&prefix));
                kept.clear();
            }
        }
        Some(Item::Value(Value::Array(array))) => {
            let named = |value: &Value| {
                let name_of = |table: &InlineTable| table.get("name").and_then(Value::as_str) == Some(name);
                value.as_inline_table().is_some_and(name_of)
            };
            let Some(at) = array.iter().position(named) else { return Ok(None) };
            array.remove(at);
        }
        Some(Item::None | Item::Value(_) | Item::Table(_)) | None => return Ok(None),
    }
    let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
    document.set_trailing(format!("{kept}{trailing}"));
    Ok(Some(document.to_string()))
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    // Not the error's own display: it quotes the line.
    text.parse().map_err(|error: toml_edit::TomlError| format!("this is no TOML: {}", error.message()))
}

/// The comments of a text without keys.
fn document_comments(text: &str, fresh: bool) -> String {
    let comments = if fresh { HEAD } else { text };
    let lines = comments.lines().filter(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let lines: Vec<&str> = lines.collect();
    let comments = lines.join("\n");
    if comments.trim().is_empty() { String::new() } else { format!("{}\n", comments.trim_end()) }
}

/// What stands before a table.
fn before(table: &Table) -> &str {
    table.decor().prefix().and_then(RawString::as_str).unwrap_or_default()
}

/// Of the comments before a table, those that a blank line parts from it.
fn apart(comments: &str) -> &str {
    comments.rfind("\n\n").filter(|at| !comments[..*at].trim().is_empty()).map_or("", |at| &comments[..=at])
}

fn table(entry: &Entry) -> Result<Table, String> {
    let moment = |at| -> Result<Value, String> {
        let text = time::rfc3339(at).ok_or("a time is outside of the years 0 to 9999")?;
        Ok(text.parse::<Datetime>().map_err(|error| error.to_string())?.into())
    };
    let number = |count: u64| i64::try_from(count).map_err(|_| "a number is too large".to_owned());
    let mut table = Table::new();
    let mut put = |name: &str, value: Value| table.insert(name, Item::Value(value));
    put("name", entry.name.as_str().into());
    put("hash", entry.hash.to_text().into());
    put("created", moment(entry.created)?);
    if let Some(expires) = entry.expires {
        put("expires", moment(expires)?);
    }
    if let Some(models) = &entry.models {
        put("models", Array::from_iter(models.iter().map(String::as_str)).into());
    }
    if entry.agent {
        put("profiles", Array::from_iter(["completion", "agent"]).into());
    }
    if entry.operator {
        put("operator", true.into());
    }
    let mut limits = InlineTable::new();
    if let Some(window) = entry.limits.window {
        limits.insert("window", time::shown(window).into());
    }
    let counts = [
        ("requests", entry.limits.requests),
        ("tokens", entry.limits.tokens),
        ("streams", entry.limits.streams),
    ];
    for (name, count) in counts {
        if let Some(count) = count {
            limits.insert(name, number(count)?.into());
        }
    }
    if !limits.is_empty() {
        put("limits", limits.into());
    }
    Ok(table)
}

#[cfg(test)]
mod tests;
