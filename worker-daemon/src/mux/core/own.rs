//! The daemon's own methods.

use super::{Core, Restart};
use crate::mux::action::{Action, Order, Reason};
use bytes::Bytes;
use shared::{
    control::{self, Load, Models, Status, WorkerState},
    id::ConnId,
    line::Line,
    rpc::{self, code},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

impl Core {
    /// A client asks something of the daemon itself.
    pub(super) fn on_own(
        &mut self,
        conn: ConnId,
        id: Bytes,
        name: &str,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Some(client) = self.conns.get_mut(&conn) else { return };
        match name {
            control::RESTART | control::DRAIN if !client.operator => {
                self.fail(conn, &id, &code::operators_only(name), out);
            }
            control::RESTART if self.draining => {
                self.fail(conn, &id, &code::draining(super::RETRY_AFTER), out);
            }
            control::RESTART if self.switches.is_frozen() => {
                self.fail(conn, &id, &code::superseded(super::RETRY_AFTER), out);
            }
            control::RESTART => {
                // Whoever asks while one is on its way waits for that one.
                if self.restarts.is_empty() {
                    out.push(Action::Order(Order::Replace(Reason::Request)));
                }
                self.restarts.push(Restart { conn, id, deadline: now + self.limits.request_timeout });
            }
            control::DRAIN => {
                out.push(Action::Order(Order::Drain));
                let status = Status { state: WorkerState::Draining, ..self.status_now(now) };
                self.answer(conn, &id, &status, out);
            }
            control::SUBSCRIBE => {
                client.subscribed = true;
                self.tell_status(conn, &id, now, out);
            }
            control::MODELS => {
                let models = Arc::clone(&self.models);
                self.answer(conn, &id, &*models, out);
            }
            _ => self.tell_status(conn, &id, now, out),
        }
    }

    /// What the catalog says of the models, for `daemon/models`. Told before the first child, and before
    /// [`Core::on_up`] of each: whoever hears that a child is ready and asks gets what holds for that child.
    pub fn on_models(&mut self, models: Arc<Models>) {
        self.models = models;
    }

    /// A fresh child took over, or did not come up. Everybody who asked for it hears of it.
    pub fn on_replaced(&mut self, outcome: Result<(), &str>, now: Instant, out: &mut Vec<Action>) {
        for Restart { conn, id, .. } in std::mem::take(&mut self.restarts) {
            match outcome {
                Ok(()) => self.tell_status(conn, &id, now, out),
                Err(why) => self.fail(conn, &id, &code::not_replaced(why), out),
            }
        }
    }

    /// A younger daemon serves the socket: everybody hears of it, and what is open goes on.
    pub fn on_superseded(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.freeze_toggles();
        self.status.superseded = true;
        // First: a client that knows takes a refusal for what it is.
        self.tell_subscribers(now, out);
        self.refuse_held(out);
        self.on_replaced(Err("a younger daemon serves the socket now"), now, out);
    }

    /// No answer of the supervisor is no reason to wait for ever.
    pub(super) fn expire_restarts(&mut self, now: Instant, out: &mut Vec<Action>) {
        let (late, waiting) =
            std::mem::take(&mut self.restarts).into_iter().partition(|restart| restart.deadline <= now);
        self.restarts = waiting;
        let late: Vec<Restart> = late;
        for Restart { conn, id, .. } in late {
            self.fail(conn, &id, &code::timeout(self.limits.request_timeout), out);
        }
    }

    pub(super) fn tell_status(&mut self, conn: ConnId, id: &Bytes, now: Instant, out: &mut Vec<Action>) {
        let status = self.status_now(now);
        self.answer(conn, id, &status, out);
    }

    /// The status, with what goes on.
    pub(super) fn status_now(&self, now: Instant) -> Status {
        let uptime = self.active_since.map(|since| now.saturating_duration_since(since));
        Status {
            uptime_ms: uptime.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            load: self.load(),
            agent: self.policy.agent(),
            toggles: Some(self.switches.now().clone()),
            ..self.status.clone()
        }
    }

    /// What goes on.
    pub fn load(&self) -> Load {
        let active = self.active.and_then(|active| self.lanes.get(&active));
        Load {
            clients: self.conns.len(),
            threads: self.threads.len(),
            turns: self.threads.permits(),
            waiting_turns: self.waiting_turns(),
            unanswered: self.unanswered(),
            tombstones: self.table.tombstones(),
            retiring: self.lanes.len() - usize::from(active.is_some()),
            rss_bytes: active.and_then(|lane| lane.probe.rss()),
        }
    }

    /// The supervisor's state changed: subscribers hear of it, and what can't be served soon is refused now.
    pub fn on_status(&mut self, status: Status, now: Instant, out: &mut Vec<Action>) {
        let Status { seq, superseded, .. } = self.status;
        self.status = Status { seq, superseded, ..status };
        if self.draining && self.status.state == WorkerState::Ready {
            self.status.state = WorkerState::Draining;
        }
        self.tell_subscribers(now, out);
        if self.is_down() {
            self.refuse_lobby(&code::unavailable(self.retry_after()), now, out);
        }
    }

    /// Something of the status changed.
    pub(super) fn tell_subscribers(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.status.seq += 1;
        let told = self.status_now(now);
        let mut subscribers: Vec<ConnId> =
            self.conns.iter().filter(|(_, c)| c.subscribed).map(|(id, _)| *id).collect();
        subscribers.sort_unstable();
        for conn in subscribers {
            let note = rpc::Notification { method: control::STATUS, params: Some(&told) };
            out.push(Action::ToClient(conn, Line::json(&note)));
        }
    }

    /// How long a client is told to wait for the next start.
    pub(super) fn retry_after(&self) -> Duration {
        self.status.backoff_ms.map_or(super::RETRY_AFTER, Duration::from_millis)
    }

    /// Answers what waits in the lobby, and every `initialize` that waits, with an error.
    pub(super) fn refuse_lobby(&mut self, error: &rpc::ErrorObject, now: Instant, out: &mut Vec<Action>) {
        for waiting in self.lobby.take(|_| true) {
            self.fail_waiting(waiting, error, now, out);
        }
        let mut greetings: Vec<_> = Vec::new();
        for (conn, client) in &mut self.conns {
            if let Some((id, _)) = client.greeting.take() {
                greetings.push((*conn, id));
            }
        }
        greetings.sort_unstable();
        for (conn, id) in greetings {
            self.fail(conn, &id, error, out);
        }
    }
}
