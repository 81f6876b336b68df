//! A request's line without what is replaced in it: its id, and its trace where that goes on to codex as ours.

use bytes::Bytes;
use serde_json::value::RawValue;
use shared::{
    line::Line,
    rpc::{self, Trace},
};

/// The line of a request around its id. Holds slices of it: what it says is never copied.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// What stands before the id.
    head: Bytes,
    /// What stands behind it.
    tail: Bytes,
    trace: Option<Replaced>,
}

/// Another value of the member `trace`.
#[derive(Debug, Clone)]
struct Replaced {
    value: Bytes,
    /// What stands between it and the id.
    between: Bytes,
    /// Whether it stands before the id.
    first: bool,
}

impl Around {
    /// The line around `id`, with the value of its member `trace` replaced by another; both were borrowed from it.
    pub fn of(line: &Bytes, id: &RawValue, trace: Option<(&RawValue, &Trace)>) -> Self {
        let at = |value: &RawValue| {
            rpc::span(line, value.get().as_bytes()).expect("the value was borrowed from this line")
        };
        let id = at(id);
        let Some((old, new)) = trace else {
            return Self { head: line.slice(..id.start), tail: line.slice(id.end..), trace: None };
        };
        let old = at(old);
        let value = serde_json::to_vec(new).expect("own types serialize").into();
        let first = old.start < id.start;
        let (before, behind) = if first { (&old, &id) } else { (&id, &old) };
        let between = line.slice(before.end..behind.start);
        let trace = Some(Replaced { value, between, first });
        Self { head: line.slice(..before.start), tail: line.slice(behind.end..), trace }
    }

    /// The line with this id.
    pub fn line(&self, id: u64) -> Line {
        let id: Bytes = id.to_string().into();
        let (head, tail) = (self.head.clone(), self.tail.clone());
        match self.trace.clone() {
            None => Line::spliced(head, id, tail),
            Some(Replaced { value, between, first: true }) => Line::pieces([head, value, between, id, tail]),
            Some(Replaced { value, between, first: false }) => Line::pieces([head, id, between, value, tail]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[derive(serde::Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
        #[serde(borrow)]
        trace: &'a RawValue,
    }

    #[test]
    fn the_id_and_the_trace_are_replaced_wherever_they_stand() {
        let trace = Trace { traceparent: "00-b".to_owned(), tracestate: Some("v=\"1\"".to_owned()) };
        for (line, replaced) in [
            (
                r#"{"id":"a","method":"m","params":{"trace":{},"id":1}, "trace" : {"traceparent":"00-a"} }"#,
                r#"{"id":7,"method":"m","params":{"trace":{},"id":1}, "trace" : {"traceparent":"00-b","tracestate":"v=\"1\""} }"#,
            ),
            (
                r#"{"trace":{"traceparent":"00-a","tracestate":"x"},"method":"m","id":3}"#,
                r#"{"trace":{"traceparent":"00-b","tracestate":"v=\"1\""},"method":"m","id":7}"#,
            ),
        ] {
            let line = Bytes::from_static(line.as_bytes());
            let Members { id, trace: old } = serde_json::from_slice(&line).unwrap();
            let around = Around::of(&line, id, Some((old, &trace)));
            assert_eq!(around.line(7).to_bytes(), replaced);
            let plain = Around::of(&line, id, None).line(7).to_bytes();
            assert_eq!(plain, str::from_utf8(&line).unwrap().replace(id.get(), "7").as_bytes().to_vec());
        }
    }
}
