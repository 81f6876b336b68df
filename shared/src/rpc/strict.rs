//! Lines that the child must be able to read.
//!
//! serde's `IgnoredAny` skips a value without looking into it. What is forwarded unread must not be skipped so: a
//! line that the child's parser refuses gets no answer from it, and one that is no UTF-8 ends it. [`Skipped`] keeps
//! nothing either, but whatever passes it is read by `serde_json` into a `Value`: UTF-8, escapes, numbers in range,
//! at most [`MAX_DEPTH`] levels, and none of the member names with which `serde_json` talks to itself.
//!
//! Those names are more than a curiosity: an object that begins with `$serde_json::private::RawValue` is replaced by
//! the JSON inside its string. The child would see members that nobody here has looked at.

use super::{Malformed, Message, Wire, text::Text};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess},
};
use serde_json::value::RawValue;
use std::{fmt, marker::PhantomData, str};

/// The deepest nesting of arrays and objects that the child reads, the line's own object counted. (`serde_json`)
pub const MAX_DEPTH: usize = 127;

const PRIVATE: &str = "$serde_json::private::";
const PRIVATE_NAME: &str =
    "a member name begins with `$serde_json::private::`, which is no name for the child";
const BAD_TRACE: &str = "`trace` is no object of just `traceparent` and `tracestate`, both strings";
const BAD_ERROR: &str = "`error` is no object with a whole number as `code` and a string as `message`";

/// Parses a line that goes on to the child.
///
/// # Errors
/// [`Malformed`], when it is no message or the child could not read it.
pub fn parse<'a, P: Deserialize<'a>>(line: &'a [u8]) -> Result<Message<'a, P, Skipped>, Malformed> {
    // Once for all of it: then no string is looked at twice.
    let text = str::from_utf8(line).map_err(|e| Malformed::Encoding { column: e.valid_up_to() + 1 })?;
    let wire: Wire<'a, P, Skipped, Skipped> = serde_json::from_str(text).map_err(why)?;
    if let Some(trace) = wire.trace {
        object::<TraceShape<'_>>(trace).ok_or(Malformed::Shape(BAD_TRACE))?;
    }
    for ours in [wire.caller, wire.once, wire.request].into_iter().flatten() {
        read(ours, text)?;
    }
    let message = wire.classify()?;
    match &message {
        Message::Request { id, .. } | Message::Response { id, .. } => read(id, text)?,
        Message::Notification { .. } => {}
        // Rare and small: read once more, with its place in the line.
        Message::Error { error, .. } => {
            serde_json::from_str::<Skipped>(text).map_err(why)?;
            object::<ErrorShape<'_>>(error).ok_or(Malformed::Shape(BAD_ERROR))?;
        }
    }
    Ok(message)
}

/// Reads a member of this line. One with others in it is a level deeper there than by itself, so the whole line is read.
fn read(member: &RawValue, line: &str) -> Result<(), Malformed> {
    let is_nested = member.get().starts_with(['[', '{']);
    serde_json::from_str::<Skipped>(if is_nested { line } else { member.get() }).map_err(why)?;
    Ok(())
}

/// The id of a request that [`parse`] refused, where it can be told.
pub fn id(line: &[u8]) -> Option<&RawValue> {
    match Message::<IgnoredAny, IgnoredAny>::parse(line) {
        Ok(Message::Request { id, .. }) => Some(id),
        Ok(Message::Notification { .. } | Message::Response { .. } | Message::Error { .. }) | Err(_) => None,
    }
}

/// An object of this shape. An array is none, although serde would read it as the members in their order.
fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()).ok())?
}

fn why(error: serde_json::Error) -> Malformed {
    let text = error.to_string();
    if text.starts_with(PRIVATE_NAME) {
        return Malformed::Shape(PRIVATE_NAME);
    }
    if text.starts_with("recursion limit exceeded") {
        return Malformed::Depth { column: error.column() };
    }
    Malformed::from(error)
}

/// An error as the child reads it; it takes a line with another one for no answer.
#[derive(Deserialize)]
struct ErrorShape<'a> {
    #[serde(rename = "code")]
    _code: i64,
    #[serde(borrow, rename = "message")]
    _message: Text<'a>,
}

/// A trace context as the child reads it; it gives a request with another one no answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TraceShape<'a> {
    #[serde(borrow, default, rename = "traceparent")]
    _traceparent: Option<Text<'a>>,
    #[serde(borrow, default, rename = "tracestate")]
    _tracestate: Option<Text<'a>>,
}

/// How a value that nobody needs is left out.
pub trait Skip<'de>: Deserialize<'de> {
    /// Whether an object may have a member of this name.
    ///
    /// # Errors
    /// What is wrong with it.
    fn name<E: de::Error>(name: &str) -> Result<(), E>;
}

impl<'de> Skip<'de> for IgnoredAny {
    fn name<E: de::Error>(_: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A value that was read as strictly as the child reads it, and left out.
#[derive(Debug, Clone, Copy)]
pub struct Skipped;

impl<'de> Skip<'de> for Skipped {
    fn name<E: de::Error>(name: &str) -> Result<(), E> {
        if name.starts_with(PRIVATE) { Err(E::custom(PRIVATE_NAME)) } else { Ok(()) }
    }
}

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Visitor::<Self>(PhantomData))
    }
}

/// The name of a member, looked at and left out.
struct Name;

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Visitor::<Self>(PhantomData))
    }
}

struct Visitor<T>(PhantomData<T>);

impl<'de> de::Visitor<'de> for Visitor<Skipped> {
    type Value = Skipped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skipped, A::Error> {
        while map.next_entry::<Name, Skipped>()?.is_some() {}
        Ok(Skipped)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Skipped, A::Error> {
        while seq.next_element::<Skipped>()?.is_some() {}
        Ok(Skipped)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_str<E>(self, _: &str) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_unit<E>(self) -> Result<Skipped, E> {
        Ok(Skipped)
    }
}

impl<'de> de::Visitor<'de> for Visitor<Name> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }
    fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
        Skipped::name(name).map(|()| Name)
    }
}

#[cfg(test)]
mod tests;
