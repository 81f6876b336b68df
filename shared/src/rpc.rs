//! The JSON-RPC lines of the app-server protocol: newline-delimited, without a `jsonrpc` member.
//!
//! A line is parsed exactly once. What is parsed of `params` and `result` is the caller's choice: the daemon
//! reads only whose they are ([`scope::Scope`]) and forwards the bytes, the front reads what it translates.

pub mod code;
pub mod scope;
pub mod strict;
pub mod text;

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IgnoredAny, MapAccess},
};
use serde_json::{error::Category, value::RawValue};
use std::{fmt, marker::PhantomData};
use strict::Skip;
use text::Text;

/// A line as it came, before it is known what it is; of what it is not asked for it keeps nothing.
#[derive(Debug)]
struct Wire<'a, P, R, S> {
    id: Option<&'a RawValue>,
    method: Option<Text<'a>>,
    params: Option<P>,
    result: Option<R>,
    error: Option<&'a RawValue>,
    trace: Option<&'a RawValue>,
    /// A member of ours, beside the protocol's.
    caller: Option<&'a RawValue>,
    /// Another one.
    once: Option<&'a RawValue>,
    /// And another one.
    request: Option<&'a RawValue>,
    rest: PhantomData<S>,
}

impl<'de: 'a, 'a, P, R, S> Deserialize<'de> for Wire<'a, P, R, S>
where
    P: Deserialize<'de>,
    R: Deserialize<'de>,
    S: Skip<'de>,
{
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(WireVisitor(PhantomData))
    }
}

struct WireVisitor<W>(PhantomData<W>);

impl<'de: 'a, 'a, P, R, S> de::Visitor<'de> for WireVisitor<Wire<'a, P, R, S>>
where
    P: Deserialize<'de>,
    R: Deserialize<'de>,
    S: Skip<'de>,
{
    type Value = Wire<'a, P, R, S>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        /// A member that comes twice is refused: the child leaves such a line unanswered.
        fn once<E: de::Error, T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), E> {
            if slot.replace(value).is_some() { Err(E::duplicate_field(name)) } else { Ok(()) }
        }
        let (mut id, mut method, mut params) = (None, None, None);
        let (mut result, mut error, mut trace) = (None, None, None);
        let (mut caller, mut single, mut request) = (None, None, None);
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                // `null` is a value here: a request with the id `null` is refused, not taken for a notification.
                "id" => once(&mut id, map.next_value()?, "id")?,
                "method" => once(&mut method, map.next_value()?, "method")?,
                "params" => once(&mut params, map.next_value()?, "params")?,
                "result" => once(&mut result, map.next_value()?, "result")?,
                "error" => once(&mut error, map.next_value()?, "error")?,
                "trace" => once(&mut trace, map.next_value()?, "trace")?,
                "caller" => once(&mut caller, map.next_value()?, "caller")?,
                "once" => once(&mut single, map.next_value()?, "once")?,
                "request" => once(&mut request, map.next_value()?, "request")?,
                other => {
                    S::name(other)?;
                    map.next_value::<S>()?;
                }
            }
        }
        let (method, params, error) = (method.flatten(), params.flatten(), error.flatten());
        let (trace, caller, once) = (trace.flatten(), caller.flatten(), single.flatten());
        let request = request.flatten();
        Ok(Wire { id, method, params, result, error, trace, caller, once, request, rest: PhantomData })
    }
}

impl<'a, P, R, S> Wire<'a, P, R, S> {
    /// Which kind of message it is, by the members that exist.
    fn classify(self) -> Result<Message<'a, P, R>, Malformed> {
        match self {
            Wire {
                id: Some(id),
                method: Some(method),
                params,
                result: None,
                error: None,
                trace,
                caller,
                once,
                request,
                rest: _,
            } => {
                let once = once.is_some_and(|once| once.get() == "true");
                Ok(Message::Request { id, method, params, trace, caller, once, request })
            }
            Wire { id: None, method: Some(method), params, result: None, error: None, .. } => {
                Ok(Message::Notification { method, params })
            }
            Wire { id: Some(id), method: None, result: Some(result), error: None, .. } => {
                Ok(Message::Response { id, result })
            }
            Wire { id: Some(id), method: None, result: None, error: Some(error), .. } => {
                Ok(Message::Error { id, error })
            }
            Wire { .. } => {
                Err(Malformed::Shape("neither a request, a notification, a response nor an error"))
            }
        }
    }
}

/// One message, with params of type `P` and results of type `R`.
#[derive(Debug)]
pub enum Message<'a, P, R> {
    /// `id` and `method`: somebody waits for an answer.
    Request {
        /// The id, as it was written.
        id: &'a RawValue,
        /// The method's name.
        method: Text<'a>,
        /// The parameters, when there are any.
        params: Option<P>,
        /// The trace that the request belongs to, an object of [`Trace`]'s form where the line was read strictly.
        trace: Option<&'a RawValue>,
        /// For whom a client asks, of the many behind its connection; a member of ours.
        caller: Option<&'a RawValue>,
        /// Whether a turn is to end when the model calls functions; a member of ours.
        once: bool,
        /// The HTTP request that a client asks for; a member of ours.
        request: Option<&'a RawValue>,
    },
    /// `method` without `id`.
    Notification {
        /// The method's name.
        method: Text<'a>,
        /// The parameters, when there are any.
        params: Option<P>,
    },
    /// `id` and `result`.
    Response {
        /// The id of the request that this answers.
        id: &'a RawValue,
        /// The result.
        result: R,
    },
    /// `id` and `error`.
    Error {
        /// The id of the request that this answers.
        id: &'a RawValue,
        /// The error object as it was written.
        error: &'a RawValue,
    },
}

/// Why a line is no message.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or not the JSON that was expected. Display tells the place, never the content.
    #[error("not valid JSON at column {column}")]
    Syntax {
        /// Byte column of the error.
        column: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at column {column}")]
    Encoding {
        /// Byte column of the error.
        column: usize,
    },
    /// JSON that is nested too deep for the child.
    #[error("nested deeper than {} levels at column {column}", strict::MAX_DEPTH)]
    Depth {
        /// Byte column where it got too deep.
        column: usize,
    },
    /// JSON, but no request, notification, response or error.
    #[error("{0}")]
    Shape(&'static str),
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => {
                Self::Shape("not a JSON-RPC message: an object with id and method, method, or id and result")
            }
            Category::Syntax | Category::Eof | Category::Io => Self::Syntax { column: error.column() },
        }
    }
}

impl<'a, P: Deserialize<'a>, R: Deserialize<'a>> Message<'a, P, R> {
    /// Parses one line of the child, or one that goes no further; lines that go on to it are [`strict::parse`]d.
    ///
    /// # Errors
    /// [`Malformed`], when it is no JSON object or none of the four kinds of message.
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        serde_json::from_slice::<Wire<'a, P, R, IgnoredAny>>(line)?.classify()
    }
}

/// The span of `part` inside `whole`, when `part` was borrowed from it.
pub fn span(whole: &[u8], part: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (start + part.len() <= whole.len()).then(|| start..start + part.len())
}

/// `line` with the JSON value `part`, which was borrowed from it, replaced by `with`.
pub fn splice(line: &Bytes, part: &RawValue, with: impl Into<Bytes>) -> crate::line::Line {
    let at = span(line, part.get().as_bytes()).expect("the value was borrowed from this line");
    crate::line::Line::spliced(line.slice(..at.start), with.into(), line.slice(at.end..))
}

/// The object of an error answer.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct ErrorObject {
    /// One of [`code`].
    pub code: i64,
    /// What happened, in words.
    pub message: String,
    /// Members for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// The W3C trace context of a request, as the child reads it: the member `trace`, beside `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The header `traceparent`.
    pub traceparent: String,
    /// The header `tracestate`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
}

/// A request of our own.
#[derive(Debug, Serialize)]
pub struct Request<'a, P> {
    /// Our id.
    pub id: u64,
    /// The method's name.
    pub method: &'a str,
    /// The parameters.
    pub params: P,
    /// For whom we ask, for the daemon's fairness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<&'a str>,
    /// Whether the turn that this starts is to end when the model calls functions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// The HTTP request that we ask for, for the daemon's log and spans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<&'a str>,
    /// The trace that this belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<&'a Trace>,
}

/// A notification of our own.
#[derive(Debug, Serialize)]
pub struct Notification<'a, P> {
    /// The method's name.
    pub method: &'a str,
    /// The parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<P>,
}

/// An answer of our own, with the id as the other side wrote it.
#[derive(Debug, Serialize)]
pub struct Answer<'a, R> {
    /// The id of the request.
    pub id: &'a RawValue,
    /// The result.
    pub result: R,
}

/// An error answer of our own, with the id as the other side wrote it.
#[derive(Debug, Serialize)]
pub struct ErrorAnswer<'a> {
    /// The id of the request; JSON `null` where it could not be read.
    pub id: &'a RawValue,
    /// What went wrong.
    pub error: &'a ErrorObject,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Raw<'a> = Message<'a, &'a RawValue, &'a RawValue>;

    fn kind(line: &str) -> &'static str {
        match Raw::parse(line.as_bytes()) {
            Ok(Message::Request { .. }) => "request",
            Ok(Message::Notification { .. }) => "notification",
            Ok(Message::Response { .. }) => "response",
            Ok(Message::Error { .. }) => "error",
            Err(Malformed::Syntax { .. } | Malformed::Encoding { .. } | Malformed::Depth { .. }) => "syntax",
            Err(Malformed::Shape(_)) => "shape",
        }
    }

    #[test]
    fn classifies_by_the_members_that_exist() {
        for (line, expected) in [
            (r#"{"id":1,"method":"a","params":{}}"#, "request"),
            (r#"{"method":"a","id":"x","trace":{},"jsonrpc":"2.0"}"#, "request"),
            (r#"{"id":null,"method":"a"}"#, "request"),
            (r#"{"method":"a"}"#, "notification"),
            (r#"{"id":1,"result":null}"#, "response"),
            (r#"{"id":1,"error":{"code":1,"message":""}}"#, "error"),
            (r#"{"id":1,"result":1,"error":{}}"#, "shape"),
            (r#"{"id":1,"method":"a","result":1}"#, "shape"),
            (r#"{"id":1,"id":2,"method":"a"}"#, "shape"),
            (r#"{"method":3}"#, "shape"),
            (r#"[{"method":"a"}]"#, "shape"),
            ("{}", "shape"),
            ("1", "shape"),
            ("{", "syntax"),
            ("nonsense", "syntax"),
            ("{\"method\":\"\u{0}\"}", "syntax"),
        ] {
            assert_eq!(kind(line), expected, "{line}");
        }
    }

    #[test]
    fn replaces_the_id_and_nothing_else() {
        let line = Bytes::from_static(br#"{"params":{"id":7},"id": 7 ,"method":"a"}"#);
        let Ok(Raw::Request { id, .. }) = Raw::parse(&line) else { panic!("a request") };
        let spliced = splice(&line, id, "\"q\"");
        assert_eq!(spliced.to_bytes(), &br#"{"params":{"id":7},"id": "q" ,"method":"a"}"#[..]);
    }

    proptest! {
        #[test]
        fn never_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any = Raw::parse(&line);
        }
    }
}
