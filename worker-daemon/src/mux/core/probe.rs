//! Whether a child is well: it is asked by a cheap request, and its memory and turns are read from the answer.

use super::{Core, Kind};
use crate::mux::action::{Action, Order, Reason};
use bytes::Bytes;
use serde::de::IgnoredAny;
use shared::{
    app_server::{diagnostics::Diagnostics, method},
    id::Generation,
    rpc::Message,
};
use std::time::{Duration, Instant};

/// Probes in a row that a child may leave unanswered while it says other things.
const DEAF_AFTER: u32 = 3;

/// The probes of one child.
#[derive(Debug)]
pub(super) struct Probe {
    next: Instant,
    /// When the unanswered one was sent.
    sent: Option<Instant>,
    /// When the child said anything last.
    heard: Instant,
    /// Unanswered ones in a row.
    missed: u32,
    rss: Option<u64>,
}

impl Probe {
    /// For a child that shook hands now; the first probe is due at `next`.
    pub(super) fn new(now: Instant, next: Instant) -> Self {
        Self { next, sent: None, heard: now, missed: 0, rss: None }
    }

    /// The child said something.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Moves every time.
    pub(super) fn delay(&mut self, by: Duration) {
        self.next += by;
        self.heard += by;
        self.sent = self.sent.map(|sent| sent + by);
    }

    /// Whether one is unanswered.
    pub(super) fn is_out(&self) -> bool {
        self.sent.is_some()
    }

    /// Resident memory in bytes, as the child said last.
    pub(super) fn rss(&self) -> Option<u64> {
        self.rss
    }
}

impl Core {
    /// Sends the probes that are due.
    pub(super) fn probe(&mut self, now: Instant, out: &mut Vec<Action>) {
        let mut due = Vec::new();
        for (generation, lane) in &mut self.lanes {
            if lane.probe.sent.is_none() && lane.probe.next <= now {
                lane.probe.sent = Some(now);
                due.push(*generation);
            }
        }
        for generation in due {
            let own = self.own(Kind::Probe, None, generation, now + self.limits.probe_timeout);
            self.ask(own, method::DIAGNOSTICS, &serde_json::json!({}), now, out);
        }
    }

    /// A probe was answered, in whatever way: the child is alive.
    pub(super) fn on_probed(
        &mut self,
        generation: Generation,
        line: &Bytes,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Some(lane) = self.lanes.get_mut(&generation) else { return };
        lane.probe.sent = None;
        lane.probe.missed = 0;
        lane.probe.next = now + self.limits.probe_interval;
        out.push(Action::Order(Order::Alive(generation)));
        let Ok(Message::Response { result, .. }) = Message::<IgnoredAny, Diagnostics>::parse(line) else {
            return;
        };
        lane.probe.rss = result.process.resident_memory_bytes;
        let over = lane.probe.rss.filter(|rss| self.limits.max_rss.is_some_and(|max| *rss > max));
        if let Some(bytes) = over {
            self.want_fresh(generation, Reason::Memory { bytes }, out);
        }
        if let Some(turns) = result.turns() {
            self.find_lost(generation, turns, now, out);
        }
    }

    /// A probe was not answered in time.
    pub(super) fn on_unanswered_probe(
        &mut self,
        generation: Generation,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Some(lane) = self.lanes.get_mut(&generation) else { return };
        let silent = lane.probe.sent.take().is_some_and(|sent| lane.probe.heard <= sent);
        lane.probe.missed += 1;
        lane.probe.next = now;
        if silent {
            return out.push(Action::Order(Order::Unresponsive(generation)));
        }
        // It speaks: that is being alive.
        out.push(Action::Order(Order::Alive(generation)));
        if lane.probe.missed >= DEAF_AFTER {
            // Its turns go on: they may finish.
            self.want_fresh(generation, Reason::Deaf, out);
        }
    }

    /// Asks for a fresh child in the place of the active one. It is asked for again with every probe: whether and when
    /// it is started, the supervisor knows.
    fn want_fresh(&self, generation: Generation, reason: Reason, out: &mut Vec<Action>) {
        if self.active == Some(generation) && !self.draining {
            out.push(Action::Order(Order::Replace(reason)));
        }
    }
}
