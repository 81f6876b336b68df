//! XML's five entities. Pure.
//!
//! As few as possible are written: Obsidian Copilot takes texts as they stand and would show every one of them.

use std::borrow::Cow;

/// What stands for which character.
const ENTITIES: [(&str, char); 5] =
    [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"'), ("&apos;", '\'')];

/// The entity with which a text begins.
fn first(text: &str) -> Option<(&'static str, char)> {
    ENTITIES.into_iter().find(|(entity, _)| text.starts_with(entity))
}

/// A text that reads as the same one, and ends no element: only with `</` in it is any `<` written otherwise, and a `&`
/// only where it would begin an entity.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let closes = text.contains("</");
    let mut out = String::new();
    let mut done = 0;
    for (at, c) in text.char_indices() {
        let entity = match c {
            '<' if closes => "&lt;",
            '&' if first(&text[at..]).is_some() => "&amp;",
            _ => continue,
        };
        out.push_str(&text[done..at]);
        out.push_str(entity);
        done = at + c.len_utf8();
    }
    if done == 0 {
        return text.into();
    }
    out.push_str(&text[done..]);
    out.into()
}

/// The text that is meant.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (entity, c) = first(rest).unwrap_or(("&", '&'));
        out.push(c);
        rest = &rest[entity.len()..];
    }
    if out.is_empty() {
        return rest.into();
    }
    out.push_str(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_little_as_possible_is_written_otherwise() {
        for same in ["", "a < b && c > d", "AT&T", "Vec<String>", "&copy; &#60;", "<b>"] {
            assert_eq!(escape(same), same);
            assert_eq!(unescape(same), same);
        }
        assert_eq!(escape("<b>x</b> & y"), "&lt;b>x&lt;/b> & y");
        assert_eq!(escape("&lt;&amp;"), "&amp;lt;&amp;amp;");
        assert_eq!(unescape("&lt;b&gt; &quot;x&apos; &amp;lt;"), "<b> \"x' &lt;");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            parts in prop::collection::vec(
                prop::sample::select(vec!["<", "/", ">", "&", "lt;", "amp;", "gt;", "é", " "]), 0..12,
            ),
        ) {
            let text = parts.concat();
            let written = escape(&text);
            prop_assert!(!written.contains("</"));
            prop_assert_eq!(unescape(&written), text.as_str());
        }
    }
}
