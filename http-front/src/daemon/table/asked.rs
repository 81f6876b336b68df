//! What codex asks of a turn: there is nobody to ask, and calls of the client's functions wait for its next request.

use super::{Table, traced};
use crate::translate::event::Params;
use serde_json::value::RawValue;
use shared::{
    app_server::{decline, method},
    line::Line,
    rpc,
};
use std::time::SystemTime;

/// Looks at a turn that is quiet while codex waits for results of calls, until codex gets answers. The end of the model's
/// answer follows its last call at once, so a turn that is quiet has a long call on its way, or its upstream has failed:
/// codex tells that only when its own calls are answered.
const LOOKS: u32 = 2;

impl Table {
    /// A while has passed: calls of turns that have been quiet for long are answered.
    pub fn look(&mut self, out: &mut Vec<Line>) {
        for turn in self.turns.values_mut().filter(|turn| !turn.asked.is_empty()) {
            turn.quiet += 1;
            if turn.quiet > LOOKS {
                for id in turn.asked.drain(..) {
                    let line = declined(method::TOOL_CALL, &id);
                    traced::declined(turn.trace.as_ref(), method::TOOL_CALL, &id, &line);
                    out.push(line);
                }
            }
        }
    }

    /// A call of a turn: false when the turn is none of ours.
    pub(super) fn asks(&mut self, params: Option<&Params<'_>>, id: &RawValue) -> bool {
        let thread = params.and_then(|params| params.thread_id.as_deref());
        let key = thread.and_then(|thread| self.by_thread.get(thread));
        let Some(turn) = key.and_then(|key| self.turns.get_mut(key)) else { return false };
        turn.asked.push(id.to_owned());
        turn.quiet = 0;
        true
    }
}

/// The answer to a request of codex's that nobody answers.
pub(super) fn declined(method: &str, id: &RawValue) -> Line {
    match decline::answer(method, SystemTime::now()) {
        Ok(result) => Line::json(&rpc::Answer { id, result }),
        Err(error) => Line::json(&rpc::ErrorAnswer { id, error: &error }),
    }
}
