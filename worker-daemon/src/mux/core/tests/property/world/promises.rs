//! What must hold between the clients, the core and the child, at any time and in the end.

use super::{Child, World};
use crate::mux::{action::Order, threads::Turn};
use shared::id::Generation;
use std::collections::BTreeSet;

impl World {
    /// What must hold at any time.
    pub(in super::super) fn check(&self) {
        let core = &self.bench.core;
        let limits = &core.limits;
        for (generation, child) in &self.children {
            assert!(core.table.work(Generation(*generation)) <= limits.rpc_window, "the window");
            if self.time == 0 {
                let work = child.answers.iter().filter(|(_, work, _)| *work).count();
                assert!(work <= limits.rpc_window, "{work} requests for work at the child");
            }
        }
        let turns: usize = self.children.values().map(Child::turns).sum();
        if self.time < limits.request_timeout.as_secs() {
            // A start that counted as lost may have made a turn after all, which has a permit then.
            assert!(core.turns_active() <= limits.turns, "{} permits", core.turns_active());
        }
        if self.time < limits.turn_idle_timeout.as_secs() {
            // Past it the end of a turn that was given up is awaited for a while, and past the deadline of a request
            // a start counts as lost.
            assert!(turns <= core.turns_active(), "a turn runs without a permit");
        }
        // Each turn ends once, and none that didn't begin; a moment has one observation at most.
        let counts = &core.observe.counts;
        let ended: u64 = counts.turns().map(|(_, count)| count).sum();
        assert_eq!(ended, counts.turn_duration.count(), "ends of turns and their durations");
        assert!(ended <= counts.queue_wait.count(), "more turns ended than were started");
        let answered: u64 = counts.latency().map(|(_, latency)| latency.count()).sum();
        assert!(answered <= core.table.newest(), "more answers than requests");
        for id in core.threads.ids(|thread| thread.seen.is_some()) {
            let thread = core.threads.get(id.as_str()).expect("it is there");
            let seen = thread.seen.as_ref().map(|seen| &seen.turn);
            assert_eq!(seen, thread.running(), "a turn that is over is still observed");
        }
        let busy = core
            .threads
            .ids(|_| true)
            .iter()
            .filter_map(|id| core.threads.get(id.as_str()))
            .filter(|thread| thread.turn() != Turn::Idle)
            .count();
        assert_eq!(core.turns_active(), busy, "permits and turns");
        let in_flight: usize = self.clients.values().map(|c| c.pending.len()).sum();
        let known: usize = core.conns.values().map(|c| c.in_flight.len()).sum();
        assert_eq!(in_flight, known, "requests in flight");
    }

    /// Lets everything come to its end.
    pub(in super::super) fn finish(&mut self) {
        self.up();
        self.settle();
        for (conn, client) in &self.clients {
            assert!(client.pending.is_empty(), "{conn} waits for {:?}", client.pending);
        }
        for conn in self.clients.keys().copied().collect::<Vec<_>>() {
            self.gone(conn);
        }
        self.settle();
        assert!(self.bench.core.is_idle(), "left: {:#?}", self.bench.core);
        assert_eq!(self.bench.core.turns_active(), 0);
        // Each span has ended once, and by somebody's word.
        let (begun, ended, dropped) = self.spans.counts();
        assert_eq!(
            (begun, dropped),
            (ended, 0),
            "spans that were begun, and that nobody ended: {:#?}",
            self.spans.lines()
        );
        for child in self.children.values() {
            assert!(child.threads.is_empty(), "left: {:?}", child.threads);
            assert!(child.asks.is_empty(), "unanswered: {:?}", child.asks);
            assert!(child.orphans.is_empty(), "turns that are left behind: {:?}", child.orphans);
        }
        let old = self.children.len() - 1;
        // Told again until it is heard.
        let drained = |order: &Order| match order {
            Order::Drained(generation) => Some(*generation),
            Order::Replace(_) | Order::Drain | Order::Unresponsive(_) | Order::Alive(_) => None,
        };
        let drained: BTreeSet<Generation> = self.bench.orders.iter().filter_map(drained).collect();
        assert_eq!(drained.len(), old, "who is drained");
    }
}
