//! Calls as blocks. Pure.

use super::{ARGS, CLOSE, NAME, OPEN, entity::escape};
use crate::schema::members;
use serde_json::value::RawValue;

/// Calls as blocks, one after the other: of each the name of the function and its arguments.
pub fn blocks<'a>(calls: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let blocks: Vec<String> = calls.into_iter().map(|(name, arguments)| block(name, arguments)).collect();
    blocks.join("\n")
}

/// A call as a block. Its arguments, JSON as a rule, become one element each; what has no such form, because it is no
/// object or because a name in it can't be a tag, stands in one element as it is.
pub fn block(name: &str, arguments: &str) -> String {
    let mut out = String::new();
    line(&mut out, NAME, &escape(name));
    match serde_json::from_str::<&RawValue>(arguments).map(members) {
        Ok(Some(members)) if members.iter().all(|(key, _)| is_tag(key)) => {
            for (key, value) in members {
                member(&mut out, &key, value.get());
            }
        }
        Ok(_) => line(&mut out, ARGS, &without_tags(arguments)),
        Err(_) => line(&mut out, ARGS, &escape(arguments)),
    }
    format!("{OPEN}\n{out}{CLOSE}")
}

/// Whether a name can be a tag and is read as it was.
fn is_tag(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && !name.starts_with('/')
        && !name.contains(['<', '>'])
        && name != "use_tool"
}

fn member(out: &mut String, key: &str, value: &str) {
    match serde_json::from_str::<String>(value) {
        // On lines of its own, where the whitespace around it is a part of it.
        Ok(text) if text.trim() != text => line(out, key, &format!("\n{}\n", escape(&text))),
        Ok(text) => line(out, key, &escape(&text)),
        Err(_) => line(out, key, &without_tags(value)),
    }
}

fn line(out: &mut String, tag: &str, inner: &str) {
    out.push_str(&format!("<{tag}>{inner}</{tag}>\n"));
}

/// JSON that is the same and holds nothing like a tag: a `<` can only stand in a string there.
fn without_tags(json: &str) -> String {
    json.replace('<', "\\u003c")
}
