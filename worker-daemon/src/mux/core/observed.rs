//! Which request a turn came of, and what is told of both.

use super::Core;
use crate::mux::{
    observe::{Seen, SeenTurn, TurnOutcome},
    threads::Thread,
};
use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use shared::{
    app_server::method,
    id::{ThreadId, TurnId},
    rpc::{Message, text::Text},
};
use std::time::Instant;

impl Core {
    /// A turn of a thread has begun: it takes the oldest `turn/start` that no turn came of yet.
    pub(super) fn note_begun(&mut self, id: &str, now: Instant) {
        let Some(thread) = self.threads.get_mut(id) else { return };
        let Some(turn) = thread.running().cloned() else { return };
        if thread.seen.as_ref().is_some_and(|seen| seen.turn == turn) {
            return;
        }
        let start = thread.first_start();
        self.observe_turn(id, turn, start, now);
    }

    /// The `turn/start` that was written as `wire` is answered with this turn, or with an error.
    pub(super) fn note_started(&mut self, id: &str, wire: u64, turn: Option<&str>, now: Instant) {
        let Some(thread) = self.threads.get_mut(id) else { return };
        let running = thread.running().cloned();
        // Another one runs: this one waits until the child says that it has begun.
        if turn.is_some() && running.as_ref().is_some_and(|running| Some(running.as_str()) != turn) {
            return;
        }
        let start = thread.take_start(wire);
        if let Some(running) = running.filter(|running| Some(running.as_str()) == turn)
            && thread.seen.as_ref().is_none_or(|seen| seen.turn != running)
        {
            self.observe_turn(id, running, start, now);
        } else if let Some(start) = start {
            self.observe.no_turn(&start, TurnOutcome::Lost, now);
        }
    }

    /// This turn runs in a thread. One that ran before it there was replaced by it.
    fn observe_turn(&mut self, id: &str, turn: TurnId, start: Option<Seen>, now: Instant) {
        self.note_ended(id, None, TurnOutcome::Interrupted, now);
        if let (Some(thread), Some(seen)) = (self.threads.get_mut(id), start) {
            let seen = SeenTurn { turn, seen };
            self.observe.turn_began(&seen, now);
            thread.seen = Some(seen);
        }
    }

    /// The turn of a thread is over, or, where `turn` is named, that one.
    pub(super) fn note_ended(&mut self, id: &str, turn: Option<&str>, outcome: TurnOutcome, now: Instant) {
        let Some(thread) = self.threads.get_mut(id) else { return };
        if let Some(seen) = thread.seen.take_if(|seen| turn.is_none_or(|turn| seen.turn.as_str() == turn)) {
            self.observe.turn_ended(&seen, outcome, now);
        }
    }

    /// A thread was closed with this turn.
    pub(super) fn note_closed(&mut self, closed: Option<&Thread>, outcome: TurnOutcome, now: Instant) {
        let Some(closed) = closed else { return };
        if let Some(seen) = &closed.seen {
            self.observe.turn_ended(seen, outcome, now);
        }
        for start in closed.starts() {
            match outcome {
                TurnOutcome::Lost => self.observe.lost(start, now),
                TurnOutcome::Completed
                | TurnOutcome::Interrupted
                | TurnOutcome::Failed
                | TurnOutcome::Timeout => self.observe.no_turn(start, outcome, now),
            }
        }
    }

    /// codex is told to end the turn of a thread.
    pub(super) fn note_interrupt(&mut self, id: Option<&ThreadId>, now: Instant) {
        if let Some(seen) = id.and_then(|id| self.threads.get(id.as_str())?.seen.as_ref()) {
            self.observe.interrupted(seen, now);
        }
    }

    /// codex asks something about a thread.
    pub(super) fn note_asked(&mut self, id: Option<&str>, name: &str, now: Instant) {
        if name == method::TOOL_CALL
            && let Some(seen) = id.and_then(|id| self.threads.get(id)?.seen.as_ref())
        {
            self.observe.called(seen, now);
        }
    }

    /// The child said something of a turn: it may be the model's first item, or that it starts over.
    pub(super) fn note_heard(
        &mut self,
        id: &str,
        turn: Option<&str>,
        name: &str,
        line: &Bytes,
        now: Instant,
    ) {
        let Some(seen) = self.threads.get_mut(id).and_then(|thread| thread.seen.as_mut()) else { return };
        if turn != Some(seen.turn.as_str()) {
            return;
        }
        if !seen.seen.heard && is_first_item(name, line) {
            seen.seen.heard = true;
            self.observe.first_item(seen, now);
        } else if name == method::ERROR && will_retry(line) {
            self.observe.retried(seen, now);
        }
    }
}

/// Whether this is of an item that the model makes. What the client sent comes back as items, too.
fn is_first_item(name: &str, line: &Bytes) -> bool {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, default)]
        item: Option<Item<'a>>,
    }
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        r#type: Text<'a>,
        #[serde(borrow, default)]
        role: Option<Text<'a>>,
    }
    if !name.starts_with("item/") && name != method::RAW_ITEM_COMPLETED {
        return false;
    }
    let params = match Message::<Params<'_>, IgnoredAny>::parse(line) {
        Ok(Message::Notification { params: Some(params), .. }) => params,
        Ok(_) | Err(_) => return false,
    };
    params.item.is_none_or(|item| {
        let theirs = item.role.is_some_and(|role| &*role != "assistant");
        !theirs && &*item.r#type != "userMessage" && !item.r#type.ends_with("_output")
    })
}

/// Whether codex says that it starts over.
fn will_retry(line: &Bytes) -> bool {
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "willRetry", default)]
        will_retry: bool,
    }
    match Message::<Params, IgnoredAny>::parse(line) {
        Ok(Message::Notification { params: Some(params), .. }) => params.will_retry,
        Ok(_) | Err(_) => false,
    }
}

/// How a turn ended, as the child tells it.
pub(super) fn outcome(line: &Bytes) -> TurnOutcome {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        turn: Turn<'a>,
    }
    #[derive(Deserialize)]
    struct Turn<'a> {
        #[serde(borrow)]
        status: Text<'a>,
    }
    match Message::<Params<'_>, IgnoredAny>::parse(line) {
        Ok(Message::Notification { params: Some(params), .. }) => match &*params.turn.status {
            "completed" => TurnOutcome::Completed,
            "interrupted" => TurnOutcome::Interrupted,
            _ => TurnOutcome::Failed,
        },
        Ok(_) | Err(_) => TurnOutcome::Failed,
    }
}
