//! When a fresh child is started beside the one that serves. Pure, as all of the machine.

use super::{Effect, Machine, Main, Note};
use crate::mux::action::Reason;
use std::time::Instant;

impl Machine {
    /// A fresh child is wanted in the place of the one that serves.
    pub(super) fn replace(&mut self, reason: Reason, now: Instant, out: &mut Vec<Effect>) {
        if self.draining {
            return out.push(Effect::Replaced(Err("the daemon is shutting down".to_owned())));
        }
        if !self.may_replace(reason, now) {
            // It is wanted again with the next probe. Who asked for a replacement hears nothing of this one: his may be
            // on its way.
            return;
        }
        match self.main {
            Main::Ready { .. } if self.fresh.is_none() => {
                let generation = self.next();
                self.fresh = Some(generation);
                out.push(Effect::Note(Note::Replacing(reason)));
                out.push(Effect::Start { generation, afresh: true });
            }
            // The one that is coming up is the fresh one.
            Main::Ready { .. } => {}
            // This one may be what is to be replaced.
            Main::Starting(_) => self.wanted = Some(reason),
            Main::Waiting { .. } => {
                out.push(Effect::Note(Note::Replacing(reason)));
                self.asked = true;
                self.afresh = true;
                self.start(now, out);
            }
            Main::Stopped => out.push(Effect::Replaced(Err("there is no child".to_owned()))),
        }
    }

    /// What people ask for is done. What the daemon itself wants is not done in a loop: not soon after a failure, and
    /// not to a child that has just become ready, should a fresh one be over the limit from its start. To save memory,
    /// no third child is started while a replaced one still has turns.
    fn may_replace(&self, reason: Reason, now: Instant) -> bool {
        match reason {
            Reason::Signal | Reason::Request => true,
            Reason::Memory { .. } | Reason::Deaf => {
                let young = match self.main {
                    Main::Ready { since, .. } => now < since + self.limits.backoff.stable_after,
                    Main::Starting(_) | Main::Waiting { .. } | Main::Stopped => true,
                };
                let crowded = matches!(reason, Reason::Memory { .. }) && !self.retiring.is_empty();
                !young && !crowded && self.replace_again.is_none_or(|again| now >= again)
            }
        }
    }
}
