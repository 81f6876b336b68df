//! For which HTTP request of the front's a client asks, and in which trace: what the daemon's log says of both. Pure.
//!
//! Neither is a word of the client's own: a name that isn't as the front gives them, and what is no trace context, isn't
//! kept.

use opentelemetry::trace::{SpanContext, TraceId};
use serde_json::value::RawValue;
use shared::trace::RequestName;

/// For whom a request on the socket is, as far as its client has told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whose {
    /// The HTTP request.
    pub request: Option<RequestName>,
    /// The trace that it belongs to, where that is kept: the name of another one would lead nowhere.
    pub trace: Option<TraceId>,
}

impl Whose {
    /// What the members `request` and `trace` of a line say; `trace` is read already.
    pub fn read(request: Option<&RawValue>, parent: Option<&SpanContext>) -> Self {
        let request = request.and_then(|raw| RequestName::read(serde_json::from_str(raw.get()).ok()?));
        let parent = parent.filter(|parent| parent.is_sampled());
        Self { request, trace: parent.map(|parent| parent.trace_id()) }
    }

    /// The request, as a line of the log has it.
    pub fn request_id(&self) -> Option<&str> {
        self.request.as_ref().map(RequestName::as_str)
    }

    /// The trace, as a line of the log has it.
    pub fn trace_id(&self) -> Option<String> {
        self.trace.map(|trace| trace.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otel::context;
    use shared::rpc::Trace;

    const NAME: &str = "req_0192f0c1a2b37c4d8e5f60718293a4b5";
    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn read(request: &str, traceparent: &str) -> Whose {
        let request: &RawValue = serde_json::from_str(request).unwrap();
        let trace = Trace { traceparent: traceparent.to_owned(), tracestate: None };
        Whose::read(Some(request), context::from_trace(&trace).as_ref())
    }

    #[test]
    fn both_are_told_as_the_log_has_them() {
        let whose = read(&format!("{NAME:?}"), &format!("00-{ID}-00f067aa0ba902b7-01"));
        assert_eq!((whose.request_id(), whose.trace_id().as_deref()), (Some(NAME), Some(ID)));
        assert_eq!(Whose::read(None, None), Whose::default());
    }

    #[test]
    fn nothing_else_is_kept() {
        for request in [r#""said by a client""#, r#""req_1""#, "1", "{}", "[]", "null"] {
            assert_eq!(read(request, "").request_id(), None, "{request}");
        }
        for trace in [
            "",
            "said by a client",
            &format!("00-{ID}-00f067aa0ba902b7"),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            // It isn't kept.
            &format!("00-{ID}-00f067aa0ba902b7-00"),
        ] {
            assert_eq!(read("1", trace).trace_id(), None, "{trace}");
        }
    }
}
