//! The entries of a conversation as raw Responses items. Pure.

use super::{
    history::{Entry, Said},
    names::Names,
};
use crate::{
    error::{ApiError, Kind},
    openai::message::{Message, Part, Role, numbered},
};
use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeSeq};
use std::cell::RefCell;

/// Items are injected in lines of about this size, so that one long history doesn't hold up everybody's lines.
pub(super) const INJECT_BYTES: usize = 1024 * 1024;

/// How closely an image may be asked to be looked at.
const DETAILS: &[&str] = &["", "auto", "low", "high", "original"];

/// An image of a request: where it stands, and what it is.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// The message, as the client counts them.
    pub message: usize,
    /// The part of its content.
    pub part: usize,
    /// As the client sent it.
    pub url: &'a str,
}

/// The images of a conversation, in the order in which [`lines`] takes them.
pub fn images<'a>(messages: &'a [Message<'a>]) -> impl Iterator<Item = Image<'a>> {
    numbered(messages).flat_map(|(message, sent)| {
        let parts = sent.content.as_ref().map_or(&[][..], |content| match Said::from(content) {
            Said::Text(_) => &[],
            Said::Parts(parts) => parts,
        });
        parts.iter().enumerate().filter_map(move |(part, sent)| {
            let url = sent.image_url.as_ref().filter(|_| sent.r#type == "image_url")?;
            Some(Image { message, part, url: &url.url })
        })
    })
}

/// The first image that says how closely it is to be looked at, by its message and part: codex always sends the
/// original.
pub fn detail(messages: &[Message<'_>]) -> Option<(usize, usize)> {
    numbered(messages).find_map(|(at, message)| {
        let parts = match Said::from(message.content.as_ref()?) {
            Said::Text(_) => return None,
            Said::Parts(parts) => parts,
        };
        let says = |part: &Part<'_>| {
            let detail = part.image_url.as_ref().and_then(|image| image.detail.as_deref());
            detail.is_some_and(|detail| !matches!(detail, "" | "auto" | "original"))
        };
        Some((at, parts.iter().position(says)?))
    })
}

/// Checks that every part of every message is one that can be carried where it stands.
///
/// # Errors
/// 400 with the path of the part.
pub fn check(messages: &[Message<'_>]) -> Result<(), ApiError> {
    numbered(messages).try_for_each(|(at, message)| check_message(at, message))
}

/// The same for one message, by the number that it has in the client's request.
///
/// # Errors
/// As [`check`].
pub(super) fn check_message(at: usize, message: &Message<'_>) -> Result<(), ApiError> {
    let Some(Said::Parts(parts)) = message.content.as_ref().map(Said::from) else { return Ok(()) };
    for (n, part) in parts.iter().enumerate() {
        let path = || format!("messages[{at}].content[{n}]");
        check_part(message.role, part).map_err(|refused| match refused {
            Refused::Type(text) => {
                ApiError::new(Kind::UnsupportedValue, text).with_param(format!("{}.type", path()))
            }
            Refused::Detail => ApiError::invalid(
                format!("{}.image_url.detail", path()),
                "`detail` is `auto`, `low`, `high` or `original`.",
            ),
            Refused::Missing(name) => {
                let text = format!("A part of type `{}` needs `{name}`.", part.r#type);
                ApiError::invalid(format!("{}.{name}", path()), text)
            }
        })?;
    }
    Ok(())
}

enum Refused {
    Detail,
    Type(&'static str),
    Missing(&'static str),
}

fn check_part(role: Role, part: &Part<'_>) -> Result<(), Refused> {
    let there = |yes: bool, name| if yes { Ok(()) } else { Err(Refused::Missing(name)) };
    match (part.r#type.as_str(), role) {
        ("text", _) => there(part.text.is_some(), "text"),
        ("refusal", Role::Assistant) => there(part.refusal.is_some(), "refusal"),
        ("image_url", Role::User | Role::Tool | Role::Function) => match &part.image_url {
            Some(image) if image.detail.as_deref().is_none_or(|detail| DETAILS.contains(&detail)) => Ok(()),
            Some(_) => Err(Refused::Detail),
            None => Err(Refused::Missing("image_url")),
        },
        ("image_url", Role::System | Role::Developer | Role::Assistant) => {
            Err(Refused::Type("Images are carried in messages of the roles user and tool alone."))
        }
        ("input_audio", _) => Err(Refused::Type("Audio is not carried here; send a transcript as text.")),
        ("file", _) => {
            Err(Refused::Type("Files are not carried here; send their content as text, or images."))
        }
        (_, Role::User | Role::Tool | Role::Function) => {
            Err(Refused::Type("Only parts of the types `text` and `image_url` are supported here."))
        }
        (_, Role::System | Role::Developer) => {
            Err(Refused::Type("Only parts of the type `text` are supported here."))
        }
        (_, Role::Assistant) => {
            Err(Refused::Type("Only parts of the types `text` and `refusal` are supported here."))
        }
    }
}

/// The entries as JSON arrays of raw items, in order, each of about 1 MiB. `urls` are the images as codex
/// takes them, one for each that [`images`] gives.
pub fn lines(entries: &[Entry<'_>], names: &Names, urls: &[String]) -> Vec<Bytes> {
    let urls = RefCell::new(urls.iter());
    let mut lines = Vec::new();
    let mut line = vec![b'['];
    for entry in entries {
        if line.len() > 1 {
            line.push(b',');
        }
        let item = item(entry, names, &urls);
        serde_json::to_writer(&mut line, &item).expect("own types serialize into memory");
        if line.len() >= INJECT_BYTES {
            line.push(b']');
            lines.push(Bytes::from(std::mem::replace(&mut line, vec![b'['])));
        }
    }
    if line.len() > 1 {
        line.push(b']');
        lines.push(line.into());
    }
    lines
}

type Urls<'a> = RefCell<std::slice::Iter<'a, String>>;

/// An item of the Responses API.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message { role: &'static str, content: Parts<'a> },
    FunctionCall { call_id: &'a str, name: &'a str, arguments: &'a str },
    FunctionCallOutput { call_id: &'a str, output: Output<'a> },
}

/// What a call gave: a text stays a text.
#[derive(Serialize)]
#[serde(untagged)]
enum Output<'a> {
    Text(&'a str),
    Parts(Parts<'a>),
}

/// What was said, each text as a part of the type that its role has.
struct Parts<'a> {
    text: &'static str,
    said: Said<'a>,
    urls: &'a Urls<'a>,
}

#[derive(Serialize)]
struct TextPart<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct ImagePart<'a> {
    r#type: &'static str,
    image_url: &'a str,
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(None)?;
        match self.said {
            Said::Text(text) => seq.serialize_element(&TextPart { r#type: self.text, text })?,
            Said::Parts(parts) => {
                for part in parts {
                    match part.r#type.as_str() {
                        "image_url" => {
                            let image_url = self.urls.borrow_mut().next().map_or("", String::as_str);
                            seq.serialize_element(&ImagePart { r#type: "input_image", image_url })?;
                        }
                        kind => {
                            let text = if kind == "refusal" { &part.refusal } else { &part.text };
                            let text = text.as_ref().map_or("", |text| text);
                            seq.serialize_element(&TextPart { r#type: self.text, text })?;
                        }
                    }
                }
            }
        }
        seq.end()
    }
}

/// `system` goes as `developer`, in its place: codex drops `system` without a word.
fn item<'a>(entry: &'a Entry<'a>, names: &'a Names, urls: &'a Urls<'a>) -> Item<'a> {
    match entry {
        Entry::Message { role, said } => {
            let (role, text) = match role {
                Role::System | Role::Developer => ("developer", "input_text"),
                Role::User | Role::Tool | Role::Function => ("user", "input_text"),
                Role::Assistant => ("assistant", "output_text"),
            };
            Item::Message { role, content: Parts { text, said: *said, urls } }
        }
        Entry::Call { id, name, arguments } => {
            Item::FunctionCall { call_id: id, name: names.sent(name), arguments }
        }
        Entry::Output { id, said } => {
            let output = match said {
                Said::Text(text) => Output::Text(text),
                Said::Parts(_) => Output::Parts(Parts { text: "input_text", said: *said, urls }),
            };
            Item::FunctionCallOutput { call_id: id, output }
        }
    }
}
