//! For whom a turn is run, as the daemon is told.

use super::turn::Taken;
use crate::auth::KeyName;
use serde::Serialize;
use shared::rpc::Trace;
use std::sync::Arc;

/// For whom and for which request a turn is run. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// With whom the daemon is fair: the name of the key.
    pub caller: Option<KeyName>,
    /// The name of the request, for the daemon's log and spans.
    pub request: Option<Arc<str>>,
    /// The trace that the turn belongs to, where the request is traced.
    pub trace: Option<Arc<Trace>>,
    /// Where it is told that codex has the turn. Each turn has its own.
    pub taken: Taken,
}

/// Its members of a request on the socket.
type Members<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a Trace>);

impl Asker {
    /// What it is called in a request on the socket: `caller`, `request` and `trace`.
    pub(super) fn members(&self) -> Members<'_> {
        (self.caller.as_ref().map(KeyName::as_str), self.request.as_deref(), self.trace.as_deref())
    }

    /// The same as JSON, each member with a comma behind it.
    pub(super) fn text(&self) -> String {
        let (caller, request, trace) = self.members();
        [json("caller", caller), json("request", request), json("trace", trace)].concat()
    }
}

fn json<T: Serialize>(name: &str, value: Option<T>) -> String {
    value.map_or_else(String::new, |value| {
        format!("\"{name}\":{},", serde_json::to_string(&value).expect("own types serialize"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_told() {
        assert_eq!(Asker::default().text(), "");
        let trace = Trace { traceparent: "00-a".to_owned(), tracestate: None };
        let asker = Asker {
            caller: None,
            request: Some("req_1".into()),
            trace: Some(Arc::new(trace)),
            ..Asker::default()
        };
        assert_eq!(asker.text(), r#""request":"req_1","trace":{"traceparent":"00-a"},"#);
    }
}
