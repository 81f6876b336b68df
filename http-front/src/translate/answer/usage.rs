//! What the model calls of an answer used, as far as it is told in time.

use super::Gather;
use crate::{openai::usage::Tokens, translate::event::Delta};

/// What a turn may still tell of its usage behind the end of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Nothing.
    Nothing,
    /// What is on its way already.
    Queued,
    /// All of it: the model's message is complete.
    Soon,
}

impl Gather {
    /// What the model calls used; `None` where one of them did not tell.
    pub fn usage(&self) -> Option<Tokens> {
        self.usage.filter(|_| !self.untold && !self.owed)
    }

    /// Whether what the turn tells behind the end of the answer may still complete its usage; where the message is
    /// complete, soon.
    pub fn late(&self) -> Late {
        match (self.owed, &self.item) {
            (false, _) => Late::Nothing,
            (true, Some(_)) => Late::Queued,
            (true, None) => Late::Soon,
        }
    }

    /// Takes what the turn says behind the end of the answer.
    pub fn take_late(&mut self, delta: &Delta) {
        if let Delta::Usage(Some(tokens)) = delta
            && std::mem::take(&mut self.owed)
        {
            *self.usage.get_or_insert_default() += *tokens;
        }
    }
}
