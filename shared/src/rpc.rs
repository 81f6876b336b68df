//! The JSON-RPC lines of the app-server protocol: newline-delimited, without a `jsonrpc` member.
//!
//! A line is parsed exactly once, and what passes can be read by codex to its last byte ([`Message::parse`]). What is parsed of `params` and `result` is the caller's choice: the daemon
//! reads only whose they are ([`scope::Scope`]) and forwards the bytes, the front reads what it translates.

pub mod code;
pub mod scope;
mod strict;
pub mod text;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use text::Text;

/// A line as it came, before it is known what it is.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "P: Deserialize<'de>, R: Deserialize<'de>"))]
struct Wire<'a, P, R> {
    // `null` is a value here: a request with the id `null` is refused, not taken for a notification.
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Text<'a>>,
    #[serde(default)]
    params: Option<P>,
    #[serde(default, deserialize_with = "present")]
    result: Option<R>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    trace: Option<&'a RawValue>,
}

/// The trace that a request belongs to, as codex wants it: it takes a request with another one for a notification,
/// and answers nothing. The names are in the type alone.
#[derive(Debug, Deserialize)]
struct Trace<'a> {
    #[serde(borrow, default, rename = "traceparent")]
    _traceparent: Option<Text<'a>>,
    #[serde(borrow, default, rename = "tracestate")]
    _tracestate: Option<Text<'a>>,
}

impl Trace<'_> {
    fn reads(raw: &RawValue) -> bool {
        raw.get().starts_with('{') && serde_json::from_str::<Trace<'_>>(raw.get()).is_ok()
    }
}

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
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
    /// JSON, but no request, notification, response or error.
    #[error("{0}")]
    Shape(&'static str),
}

impl<'a, P: Deserialize<'a>, R: Deserialize<'a>> Message<'a, P, R> {
    /// Parses one line. What passes is a message for codex too: all of it is UTF-8, also what `P` and `R` skip, and
    /// no member is nested or escaped in a way that a reader of the whole line refuses.
    ///
    /// # Errors
    /// [`Malformed`], when it is no JSON object or none of the four kinds of message.
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        let line =
            std::str::from_utf8(line).map_err(|e| Malformed::Syntax { column: e.valid_up_to() + 1 })?;
        let wire: Wire<'a, P, R> = serde_json::from_str(line).map_err(|e| match e.classify() {
            serde_json::error::Category::Data => Malformed::Shape(
                "not a JSON-RPC message: an object with id and method, method, or id and result",
            ),
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => Malformed::Syntax { column: e.column() },
        })?;
        // serde reads a struct from an array too, its members in their order.
        if !line.trim_ascii_start().starts_with('{') {
            return Err(Malformed::Shape("not a JSON object"));
        }
        if wire.trace.is_some_and(|trace| !Trace::reads(trace)) {
            return Err(Malformed::Shape("trace: not an object with traceparent and tracestate"));
        }
        strict::check(line).map_err(|fault| match fault {
            strict::Fault::Surrogate { column } => Malformed::Syntax { column },
            strict::Fault::Depth => Malformed::Shape("objects and arrays are nested too deeply"),
        })?;
        match wire {
            Wire { id: Some(id), method: Some(method), params, result: None, error: None, .. } => {
                Ok(Self::Request { id, method, params })
            }
            Wire { id: None, method: Some(method), params, result: None, error: None, .. } => {
                Ok(Self::Notification { method, params })
            }
            Wire { id: Some(id), method: None, result: Some(result), error: None, .. } => {
                Ok(Self::Response { id, result })
            }
            Wire { id: Some(id), method: None, result: None, error: Some(error), .. } => {
                Ok(Self::Error { id, error })
            }
            Wire { .. } => {
                Err(Malformed::Shape("neither a request, a notification, a response nor an error"))
            }
        }
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

/// A request of our own.
#[derive(Debug, Serialize)]
pub struct Request<'a, P> {
    /// Our id.
    pub id: u64,
    /// The method's name.
    pub method: &'a str,
    /// The parameters.
    pub params: P,
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
    use serde::de;

    type Raw<'a> = Message<'a, &'a RawValue, &'a RawValue>;

    fn kind(line: &str) -> &'static str {
        match Raw::parse(line.as_bytes()) {
            Ok(Message::Request { .. }) => "request",
            Ok(Message::Notification { .. }) => "notification",
            Ok(Message::Response { .. }) => "response",
            Ok(Message::Error { .. }) => "error",
            Err(Malformed::Syntax { .. }) => "syntax",
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
            (r#"[1,"a",{}]"#, "shape"),
            ("{}", "shape"),
            ("1", "shape"),
            ("{", "syntax"),
            ("nonsense", "syntax"),
            ("{\"method\":\"\u{0}\"}", "syntax"),
        ] {
            assert_eq!(kind(line), expected, "{line}");
        }
    }

    /// Codex answers none of these, and ends at the first.
    #[test]
    fn what_codex_cannot_read_is_no_message_even_where_nobody_looks() {
        type Skipped<'a> = Message<'a, de::IgnoredAny, de::IgnoredAny>;
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        let with = |value: &[u8]| {
            [br#"{"id":1,"method":"a","params":{"x":"#, value, br#"},"y":"#, value, b"}"].concat()
        };
        assert!(Skipped::parse(&with(b"null")).is_ok());
        assert!(Skipped::parse(&with(&nested(125))).is_ok());
        assert!(matches!(Skipped::parse(&with(b"\"\xff\"")), Err(Malformed::Syntax { column: 37 })));
        assert!(matches!(Skipped::parse(&with(br#""\ud800""#)), Err(Malformed::Syntax { .. })));
        assert!(matches!(Skipped::parse(&with(&nested(126))), Err(Malformed::Shape(_))));
        for trace in ["7", "[]", r#"{"traceparent":7}"#, r#"{"tracestate":{}}"#, "null,\"trace\":null"] {
            let line = format!(r#"{{"id":1,"method":"a","trace":{trace}}}"#);
            assert_eq!(kind(&line), "shape", "{line}");
        }
        for trace in ["null", "{}", r#"{"traceparent":"00-1","tracestate":null,"z":1}"#] {
            let line = format!(r#"{{"id":1,"method":"a","trace":{trace}}}"#);
            assert_eq!(kind(&line), "request", "{line}");
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
