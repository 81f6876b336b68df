//! Lines of the child.

use super::{Asked, Core, HELD_NOTIFICATIONS, Held};
use crate::mux::{
    action::Action,
    route::{Route, route},
    table::{Kind, Origin, Pending},
};
use bytes::Bytes;
use serde_json::value::RawValue;
use shared::{
    app_server::{decline, method},
    id::{ConnId, Generation, ThreadId},
    line::Line,
    rpc::{self, Message, code, scope::Scope},
};
use std::{
    collections::VecDeque,
    time::{Instant, SystemTime},
};

impl Core {
    /// The child of `generation` sent a line. True when the line was a message.
    pub fn on_child(
        &mut self,
        generation: Generation,
        line: Bytes,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> bool {
        let message = match Message::<Scope<'_>, Scope<'_>>::parse(&line) {
            Ok(message) => message,
            Err(_) => return false,
        };
        match message {
            Message::Notification { method, params } => {
                self.on_notification(generation, &line, &method, params.unwrap_or_default(), out);
            }
            Message::Response { id, result } => self.on_reply(generation, &line, id, Some(result), out),
            Message::Error { id, .. } => self.on_reply(generation, &line, id, None, out),
            Message::Request { id, method, params } => {
                self.on_child_request(generation, &line, id, &method, params.unwrap_or_default(), out);
            }
        }
        self.pump(now, out);
        true
    }

    /// An answer of the child; `result` is `None` for an error.
    fn on_reply(
        &mut self,
        generation: Generation,
        line: &Bytes,
        id: &RawValue,
        result: Option<Scope<'_>>,
        out: &mut Vec<Action>,
    ) {
        let Some(pending) = id.get().parse().ok().and_then(|id| self.table.answer(id, generation)) else {
            return;
        };
        let Pending { origin, kind, thread, .. } = pending;
        let client = match &origin {
            Origin::Client { conn, .. } => Some(*conn),
            Origin::Nobody | Origin::Daemon => None,
        };
        let opened = match (kind, &result) {
            (Kind::OpenThread, Some(scope)) => scope.thread.as_deref().map(ThreadId::from),
            _ => None,
        };
        // The thread is known before its owner hears of it, so that nothing of it can arrive unrouted.
        if let Some(id) = &opened
            && !self.threads.open(id.clone(), client, generation)
        {
            // Resumed by two, or named in a way that we don't read: the first one keeps it.
            self.fail_origin(origin, &code::not_owner(), out);
            return self.trim_held();
        }
        if let Origin::Client { conn, id: own } = origin
            && self.settle(conn, &own)
        {
            out.push(Action::ToClient(conn, rpc::splice(line, id, own)));
        }
        match kind {
            Kind::OpenThread => {
                if let Some(id) = opened {
                    self.release_held(&id, generation, out);
                    if client.is_none() {
                        self.let_go(&id);
                    }
                }
                self.trim_held();
            }
            Kind::StartTurn => {
                let Some(thread) = thread else { return };
                let turn = result.and_then(|scope| scope.turn);
                self.threads.answered(thread.as_str(), turn.as_deref());
                self.let_go_if_abandoned(&thread);
            }
            // Whether it succeeded or the child didn't know the thread: it is gone.
            Kind::Unsubscribe => {
                if let Some(thread) = thread {
                    self.close(&thread, out);
                }
            }
            Kind::Interrupt | Kind::Other => {}
        }
    }

    fn on_notification(
        &mut self,
        generation: Generation,
        line: &Bytes,
        name: &str,
        scope: Scope<'_>,
        out: &mut Vec<Action>,
    ) {
        let thread = scope.thread.as_deref();
        let turn = scope.turn.as_deref();
        if let (method::TURN_STARTED, Some(id), Some(turn)) = (name, thread, turn) {
            self.threads.began(id, turn);
        }
        match route(name, thread, turn, &self.threads) {
            Route::To(conn) => self.notify(conn, name, line, out),
            Route::All => {
                let mut conns: Vec<ConnId> = self.conns.keys().copied().collect();
                conns.sort_unstable();
                for conn in conns {
                    self.notify(conn, name, line, out);
                }
            }
            Route::Unknown => {
                if let Some(id) = thread
                    && self.table.oldest_opening().is_some()
                {
                    self.hold(id, line);
                }
            }
            Route::Drop => {}
        }
        let Some(id) = thread.filter(|id| self.threads.get(id).is_some_and(|t| t.generation == generation))
        else {
            return;
        };
        match name {
            method::TURN_STARTED => self.let_go_if_abandoned(&id.into()),
            method::TURN_COMPLETED => {
                self.threads.ended(id, turn);
                self.drop_asked(id);
            }
            method::THREAD_CLOSED => self.close(&id.into(), out),
            _ => {}
        }
    }

    /// What happens to a thread may be what letting it go was waiting for.
    pub(super) fn let_go_if_abandoned(&mut self, thread: &ThreadId) {
        if self.threads.get(thread.as_str()).is_some_and(|t| t.owner.is_none()) {
            self.let_go(thread);
        }
    }

    /// Keeps a notification until it is known whose thread it is about.
    fn hold(&mut self, thread: &str, line: &Bytes) {
        if self.held.len() >= HELD_NOTIFICATIONS {
            // The oldest is the likeliest to belong to a thread that is gone.
            self.held.pop_front();
        }
        self.held.push_back(Held { thread: thread.into(), line: line.clone(), newest: self.table.newest() });
    }

    fn notify(&self, conn: ConnId, name: &str, line: &Bytes, out: &mut Vec<Action>) {
        if self.conns.get(&conn).is_some_and(|c| c.initialized && !c.opt_outs.contains(name)) {
            out.push(Action::ToClient(conn, Line::whole(line.clone())));
        }
    }

    /// Hands on what came for a thread before the answer that made it known.
    fn release_held(&mut self, id: &ThreadId, generation: Generation, out: &mut Vec<Action>) {
        let (mine, others): (VecDeque<Held>, _) =
            std::mem::take(&mut self.held).into_iter().partition(|held| held.thread == *id);
        self.held = others;
        for Held { line, .. } in mine {
            if let Ok(Message::Notification { method, params }) =
                Message::<Scope<'_>, Scope<'_>>::parse(&line)
            {
                self.on_notification(generation, &line, &method, params.unwrap_or_default(), out);
            }
        }
    }

    fn on_child_request(
        &mut self,
        generation: Generation,
        line: &Bytes,
        id: &RawValue,
        name: &str,
        scope: Scope<'_>,
        out: &mut Vec<Action>,
    ) {
        let owner = scope.thread.as_deref().and_then(|t| self.threads.get(t)).and_then(|t| t.owner);
        let child_id = Bytes::copy_from_slice(id.get().as_bytes());
        let Some(conn) = owner else {
            return out.push(Action::ToChild(generation, declined(name, &child_id)));
        };
        self.next_asked += 1;
        let key = self.next_asked;
        self.asked.insert(
            key,
            Asked {
                conn,
                generation,
                id: child_id,
                method: name.to_owned(),
                thread: scope.thread.as_deref().map(ThreadId::from),
            },
        );
        out.push(Action::ToClient(conn, rpc::splice(line, id, key.to_string())));
    }

    /// Forgets a thread, and declines what the child still asks about it.
    pub(super) fn close(&mut self, id: &ThreadId, out: &mut Vec<Action>) {
        self.threads.close(id.as_str());
        self.decline_asked(|asked| asked.thread.as_ref() == Some(id), out);
    }

    /// The turn that asked is over: nobody waits for these answers any more.
    fn drop_asked(&mut self, thread: &str) {
        self.asked.retain(|_, asked| asked.thread.as_ref().is_none_or(|t| t.as_str() != thread));
    }

    /// Answers for clients that can't or won't.
    pub(super) fn decline_asked(&mut self, wanted: impl Fn(&Asked) -> bool, out: &mut Vec<Action>) {
        let mut keys: Vec<u64> =
            self.asked.iter().filter(|(_, asked)| wanted(asked)).map(|(key, _)| *key).collect();
        keys.sort_unstable();
        for key in keys {
            if let Some(asked) = self.asked.remove(&key) {
                out.push(Action::ToChild(asked.generation, declined(&asked.method, &asked.id)));
            }
        }
    }
}

fn declined(name: &str, id: &Bytes) -> Line {
    match decline::answer(name, SystemTime::now()) {
        Ok(result) => Line::json(&rpc::Answer { id: super::raw(id), result }),
        Err(error) => Line::json(&rpc::ErrorAnswer { id: super::raw(id), error: &error }),
    }
}
