//! What the table tells the traces of its turns. With no turn traced it looks nothing up.

use super::{Table, turn::Expected};
use crate::{trace::TurnTrace, translate::event::Params};
use serde_json::value::RawValue;
use shared::{app_server::method, id::ThreadId, line::Line, rpc::Message};

/// An answer that comes when its turn is gone: it belongs to the trace all the same.
#[derive(Debug)]
pub(super) struct Late {
    trace: TurnTrace,
    method: &'static str,
}

impl Late {
    pub(super) fn of(trace: Option<&TurnTrace>, method: &'static str) -> Option<Self> {
        trace.map(|trace| Self { trace: trace.clone(), method })
    }
}

/// A request of codex's was answered with `line`.
pub(super) fn declined(trace: Option<&TurnTrace>, method: &str, id: &RawValue, line: &Line) {
    let Some(trace) = trace else { return };
    let bytes = line.to_bytes();
    let code = match Message::<&RawValue, &RawValue>::parse(&bytes) {
        Ok(Message::Error { error, .. }) => Some(crate::trace::redact::code(error).unwrap_or_default()),
        Ok(Message::Request { .. } | Message::Notification { .. } | Message::Response { .. }) | Err(_) => {
            None
        }
    };
    trace.answered(method, id, code, line.len());
}

impl Table {
    /// The request that was made last goes out.
    pub(super) fn sent(
        &self,
        method: &'static str,
        thread: Option<&ThreadId>,
        turn: Option<&str>,
        line: Line,
    ) -> Line {
        if self.traces
            && let Some((trace, _)) = self.expected.get(&self.next).and_then(|expected| self.traced(expected))
        {
            trace.sent(method, self.next, thread.map(ThreadId::as_str), turn, line.len());
        }
        line
    }

    /// A line came; what it says was not looked at yet.
    pub(super) fn heard(&self, message: &Message<'_, Params<'_>, &RawValue>, line: &[u8]) {
        let found = match message {
            Message::Notification { params, .. } | Message::Request { params, .. } => {
                self.of_thread(params.as_ref()).map(|trace| (trace, None))
            }
            Message::Response { id, .. } | Message::Error { id, .. } => {
                let expected = id.get().parse().ok().and_then(|id: u64| self.expected.get(&id));
                expected
                    .and_then(|expected| self.traced(expected))
                    .map(|(trace, method)| (trace, Some(method)))
            }
        };
        if let Some((trace, asked)) = found {
            trace.heard(line, asked);
        }
    }

    /// A request of codex's is answered with `line`.
    pub(super) fn declines(&self, params: Option<&Params<'_>>, method: &str, id: &RawValue, line: &Line) {
        if self.traces {
            declined(self.of_thread(params), method, id, line);
        }
    }

    fn of_thread(&self, params: Option<&Params<'_>>) -> Option<&TurnTrace> {
        let key = self.by_thread.get(params?.thread_id.as_deref()?)?;
        self.turns.get(key)?.trace.as_ref()
    }

    /// Where an answer is told, and which method it answers.
    fn traced<'a>(&'a self, expected: &'a Expected) -> Option<(&'a TurnTrace, &'static str)> {
        let (key, method) = match expected {
            Expected::Thread(key) => (key, method::THREAD_START),
            Expected::Injected(key) => (key, method::THREAD_INJECT_ITEMS),
            Expected::Turn(key) => (key, method::TURN_START),
            Expected::Nothing(late) => return late.as_ref().map(|late| (&late.trace, late.method)),
            Expected::Call(_) => return None,
        };
        Some((self.turns.get(key)?.trace.as_ref()?, method))
    }
}
