//! What the model calls of an answer used, as far as it is told in time.

use super::Gather;
use crate::{openai::usage::Tokens, translate::event::Delta};

/// What a turn may still tell of its usage behind the end of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Nothing.
    Nothing,
    /// That its message is complete, if that is all that the model writes.
    Message,
    /// What the model call used, for its message is complete.
    Usage,
}

impl Gather {
    /// What the model calls used; `None` where one of them did not tell.
    pub fn usage(&self) -> Option<Tokens> {
        self.usage.filter(|_| !self.untold && !self.owed)
    }

    /// Whether the turn came to its own end, whatever its answer was worth: then [`Self::usage`] is all that it used.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What the turn may still tell behind the end of the answer that completes its usage. An agent would go on working
    /// meanwhile, so it isn't waited for.
    pub fn late(&self) -> Late {
        match (self.owed && !self.expect.agent, &self.item) {
            (false, _) => Late::Nothing,
            (true, Some(_)) => Late::Message,
            (true, None) => Late::Usage,
        }
    }

    /// Takes what the turn says behind the end of the answer. All but the end of the model call that wrote it is the
    /// beginning of something that nobody asked for.
    pub fn take_late(&mut self, delta: &Delta) {
        if !self.owed {
            return;
        }
        match delta {
            Delta::Alive | Delta::Text { .. } => {}
            Delta::Message { .. } => self.item = None,
            Delta::Usage(Some(tokens)) => {
                self.owed = false;
                *self.usage.get_or_insert_default() += *tokens;
            }
            Delta::Begun
            | Delta::Thread(_)
            | Delta::Reasoning { .. }
            | Delta::Reasoned { .. }
            | Delta::Call { .. }
            | Delta::Foreign
            | Delta::Command(_)
            | Delta::Usage(None)
            | Delta::Retry
            | Delta::End(_) => (self.owed, self.untold) = (false, true),
        }
    }
}
