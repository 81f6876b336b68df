//! One whole block. Pure.

use super::{
    ARGS, NAME, OPEN, Tools,
    entity::unescape,
    value::{self, Member},
};
use crate::schema::kinds::Kinds;
use serde_json::Value;

/// What begins the function's name.
const FIRST: &str = "<name>";
/// What ends it.
const LAST: &str = "</name>";

/// How a block goes on behind its opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// It names a function.
    Block,
    /// It may still do so.
    Open,
    /// It is no block: the opening is only spoken of.
    None,
}

/// Looks at what follows an opening.
pub(super) fn head(text: &str) -> Head {
    let text = text.trim_start();
    if text.starts_with(FIRST) {
        Head::Block
    } else if FIRST.starts_with(text) {
        Head::Open
    } else {
        Head::None
    }
}

/// The call of a block, from between its tags: the name of one of `tools`, and the arguments as a JSON object. `None`
/// where it is none.
pub(super) fn call(content: &str, tools: &Tools) -> Option<(String, String)> {
    let mut members = elements(content)?.into_iter();
    let (_, name) = members.next().filter(|(first, _)| *first == NAME)?;
    let name = unescape(name.trim()).into_owned();
    let function = tools.get(&name)?;
    let members: Vec<(&str, &str)> = members.collect();
    // The oldest form; but a function may have a parameter of this name.
    if let [(ARGS, text)] = members.as_slice()
        && function.parameter(ARGS).is_none()
    {
        let text = text.trim();
        let object = matches!(serde_json::from_str(text), Ok(Value::Object(_))) && function.takes(text);
        return object.then(|| (name, text.to_owned()));
    }
    let typed = members.into_iter().map(|(key, text)| -> Member {
        let kinds = function.parameter(key).unwrap_or(Kinds::ANY);
        (key.to_owned(), value::json(text, kinds))
    });
    let arguments = value::object(typed.collect());
    function.takes(&arguments).then_some((name, arguments))
}

/// A text that is elements with nothing but whitespace between them; each as its name and what stands between its tags.
pub(super) fn elements(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (tag, behind) = rest.strip_prefix('<')?.split_once('>')?;
        let name = tag.trim();
        if name.is_empty() || name.starts_with('/') || tag.contains('<') {
            return None;
        }
        let (inner, behind) = behind.split_once(&format!("</{tag}>"))?;
        all.push((name, inner));
        rest = behind.trim_start();
    }
    Some(all)
}

/// Whether what follows `head`, the beginning of what stands between the tags of a block, stands in one of its
/// arguments: it names one of `tools`, and an element is open. What else is broken about it doesn't matter.
///
/// It takes a time that grows with `head` alone.
pub(super) fn quotes(head: &str, tools: &Tools) -> bool {
    let named = head.trim_start().strip_prefix(FIRST).and_then(|rest| rest.split_once(LAST));
    let calls = |(name, _): &(&str, &str)| tools.get(&unescape(name.trim())).is_some();
    let Some((_, mut rest)) = named.filter(calls) else { return false };
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        // An opening that is only spoken of is no element.
        if let Some(behind) = rest.strip_prefix(OPEN) {
            rest = behind;
            continue;
        }
        let Some(end) = rest[1..].find(['<', '>']).map(|end| end + 1) else { return false };
        let (tag, behind) = (&rest[1..end], &rest[end..]);
        rest = behind;
        let name = tag.trim();
        if behind.starts_with('>') && !name.is_empty() && !name.starts_with('/') {
            let Some((_, behind)) = behind.split_once(&format!("</{tag}>")) else { return true };
            rest = behind;
        }
    }
    false
}
