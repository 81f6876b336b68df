//! Lines of the child.

use super::{Asked, Core, HELD_NOTIFICATIONS, Held, observed::outcome};
use crate::mux::{
    action::Action,
    observe::TurnOutcome,
    route::{Route, route},
    threads::Thread,
};
use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use shared::{
    app_server::{decline, method},
    id::{ConnId, Generation, ThreadId},
    line::Line,
    rpc::{self, Message, scope::Scope, text::Text},
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
        if let Some(lane) = self.lanes.get_mut(&generation) {
            lane.probe.hear(now);
        }
        match message {
            Message::Notification { method, params } => {
                self.on_notification(generation, &line, &method, params.unwrap_or_default(), now, out);
            }
            Message::Response { id, result } => self.on_reply(generation, &line, id, Ok(result), now, out),
            Message::Error { id, error } => self.on_reply(generation, &line, id, Err(error), now, out),
            Message::Request { id, method, params, .. } => {
                let params = params.unwrap_or_default();
                self.note_asked(params.thread.as_deref(), &method, now);
                self.on_child_request(generation, &line, id, &method, params, out);
            }
        }
        self.pump(now, out);
        true
    }

    fn on_notification(
        &mut self,
        generation: Generation,
        line: &Bytes,
        name: &str,
        scope: Scope<'_>,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let thread = scope.thread.as_deref();
        let turn = scope.turn.as_deref();
        // A thread that was resumed on a fresh child while the old one still speaks of it.
        if thread.and_then(|id| self.threads.get(id)).is_some_and(|t| t.generation != generation) {
            return;
        }
        if let (method::TURN_STARTED, Some(id), Some(turn)) = (name, thread, turn) {
            self.threads.began(id, turn, now);
            self.note_begun(id, now);
        }
        let given_up = thread.is_some_and(|id| self.hear_of(id, turn, name, now));
        if let Some(id) = thread {
            self.note_heard(id, turn, name, line, now);
            self.end_once(id, turn, name, line, now, out);
        }
        match route(name, thread, turn, &self.threads) {
            // Its owner has been told its end.
            Route::To(_) if given_up && name != method::THREAD_CLOSED => {}
            Route::To(conn) => self.notify(conn, name, line, out),
            // What a child that was replaced says of its account, its models or its settings is not what holds now.
            Route::All if self.newest.is_some_and(|newest| newest != generation) => {}
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
                    self.hold(generation, id, line);
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
                self.note_ended(id, turn, outcome(line), now);
                self.threads.ended(id, turn);
                self.drop_asked(id);
            }
            method::THREAD_CLOSED => self.close(&id.into(), now, out),
            _ => {}
        }
    }

    /// Notes that a turn was heard of. Whether its owner has been told its end already.
    fn hear_of(&mut self, id: &str, turn: Option<&str>, name: &str, now: Instant) -> bool {
        let Some(thread) = self.threads.get_mut(id) else { return false };
        if let Some(run) = &mut thread.run
            && turn.is_none_or(|turn| run.turn.as_str() == turn)
        {
            run.hear(name, now);
        }
        match (turn, &thread.run) {
            (Some(turn), _) => thread.is_disowned(turn),
            (None, run) => run.as_ref().is_some_and(|run| run.given_up.is_some()),
        }
    }

    /// Interrupts a turn that is to end when the model calls functions, as soon as the model's answer is complete. codex
    /// answers a call that it can't make by itself and asks the model again within two milliseconds, which is less than
    /// a client needs to hear of it.
    fn end_once(
        &mut self,
        id: &str,
        turn: Option<&str>,
        name: &str,
        line: &Bytes,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Some(thread) = self.threads.get_mut(id).filter(|thread| thread.once) else { return };
        let generation = thread.generation;
        let Some(run) = thread.run.as_mut().filter(|run| turn == Some(run.turn.as_str())) else { return };
        match name {
            method::RAW_ITEM_COMPLETED => run.called |= is_call(line),
            method::RAW_RESPONSE_COMPLETED if std::mem::take(&mut run.called) => {
                let turn = run.turn.clone();
                thread.interrupted = Some(turn.clone());
                self.interrupt(&id.into(), turn.as_str(), generation, now, out);
            }
            _ => {}
        }
    }

    /// Keeps a notification until it is known whose thread it is about.
    fn hold(&mut self, generation: Generation, thread: &str, line: &Bytes) {
        if self.held.len() >= HELD_NOTIFICATIONS {
            // The oldest is the likeliest to belong to a thread that is gone.
            self.held.pop_front();
        }
        let newest = self.table.newest();
        self.held.push_back(Held { generation, thread: thread.into(), line: line.clone(), newest });
    }

    fn notify(&self, conn: ConnId, name: &str, line: &Bytes, out: &mut Vec<Action>) {
        if self.conns.get(&conn).is_some_and(|c| c.initialized && !c.opt_outs.contains(name)) {
            out.push(Action::ToClient(conn, Line::whole(line.clone())));
        }
    }

    /// Hands on what came for a thread before the answer that made it known.
    pub(super) fn release_held(
        &mut self,
        id: &ThreadId,
        generation: Generation,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let (mine, others): (VecDeque<Held>, _) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.thread == *id && held.generation == generation);
        self.held = others;
        for Held { line, .. } in mine {
            if let Ok(Message::Notification { method, params }) =
                Message::<Scope<'_>, Scope<'_>>::parse(&line)
            {
                self.on_notification(generation, &line, &method, params.unwrap_or_default(), now, out);
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
        let thread = scope.thread.as_deref().and_then(|t| self.threads.get(t));
        // The owner of a turn that was given up has been told its end.
        let given_up = |t: &Thread| t.run.as_ref().is_some_and(|run| run.given_up.is_some());
        let owner = thread.filter(|t| t.generation == generation && !given_up(t)).and_then(|t| t.owner);
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
    pub(super) fn close(&mut self, id: &ThreadId, now: Instant, out: &mut Vec<Action>) {
        let closed = self.threads.close(id.as_str());
        self.note_closed(closed.as_ref(), TurnOutcome::Interrupted, now);
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

/// Items that are calls of what the client has, or of nothing: codex's own tools are none of them.
const CALLS: &[&str] = &["function_call", "custom_tool_call", "local_shell_call", "tool_search_call"];

/// Whether a raw item is a call.
fn is_call(line: &Bytes) -> bool {
    #[derive(Deserialize)]
    struct Completed<'a> {
        #[serde(borrow)]
        item: Item<'a>,
    }
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        r#type: Text<'a>,
    }
    match Message::<Completed<'_>, IgnoredAny>::parse(line) {
        Ok(Message::Notification { params: Some(params), .. }) => CALLS.contains(&&*params.item.r#type),
        Ok(_) | Err(_) => false,
    }
}

fn declined(name: &str, id: &Bytes) -> Line {
    match decline::answer(name, SystemTime::now()) {
        Ok(result) => Line::json(&rpc::Answer { id: super::raw(id), result }),
        Err(error) => Line::json(&rpc::ErrorAnswer { id: super::raw(id), error: &error }),
    }
}
