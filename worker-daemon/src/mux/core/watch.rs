//! Turns that are silent, run for too long, or whose end the child lost.

use super::Core;
use crate::mux::{
    action::{Action, Report},
    observe::TurnOutcome,
    turn::Overdue,
    whose::Whose,
};
use shared::{
    app_server::{failure, method},
    id::{ConnId, Generation, ThreadId},
    line::Line,
    rpc,
};
use std::{collections::HashSet, time::Instant};

/// How a turn ends that the daemon ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending<'a> {
    /// All of it came; only the child's word of its end did not.
    Completed,
    /// It failed, with this message.
    Failed(&'a str),
}

/// Probes in a row at which a turn must be a suspect: its end may be on its way at one of them.
const CONFIRMED: u32 = 2;

impl Core {
    /// Ends the turns that are overdue.
    pub(super) fn watch_turns(&mut self, now: Instant, out: &mut Vec<Action>) {
        let waits = self.waiting_for_clients();
        let (total, idle) = (self.limits.turn_timeout, self.limits.turn_idle_timeout);
        let mut overdue: Vec<(ThreadId, Option<Overdue>)> = Vec::new();
        self.threads.each_run(|id, run| {
            let reason = run.overdue(now, total, idle, waits.contains(id));
            if reason.is_some() || run.is_past_ending(now) {
                overdue.push((id.clone(), reason));
            }
        });
        overdue.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (id, reason) in overdue {
            match reason {
                Some(Overdue::Total) => {
                    let text = format!("the turn ran longer than {} ms", total.as_millis());
                    self.give_up(&id, &text, failure::TIMEOUT_DETAILS, now, out);
                }
                Some(Overdue::Idle) => {
                    let text = format!("nothing was heard of the turn for {} ms", idle.as_millis());
                    self.give_up(&id, &text, failure::IDLE_DETAILS, now, out);
                }
                // The child doesn't say that it ended: its permit must not be lost with that.
                None => self.forget_turn(&id, TurnOutcome::Lost, now, out),
            }
        }
    }

    /// Tells a turn's owner that it failed, interrupts it, and awaits the child's own word of its end.
    fn give_up(
        &mut self,
        id: &ThreadId,
        message: &str,
        details: &'static str,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        self.end_turn(id, Ending::Failed(message), details, out);
        let whose = self.whose_turn(id);
        self.note_ended(id.as_str(), None, TurnOutcome::Timeout, now);
        out.push(Action::Report(Report::TurnEnded { whose, details }));
        let Some(thread) = self.threads.get_mut(id.as_str()) else { return };
        let generation = thread.generation;
        if let Some(run) = &mut thread.run {
            run.given_up = Some(now);
            let turn = run.turn.clone();
            self.interrupt_later(id, turn.as_str(), generation);
        }
    }

    /// Compares the turns that a child says it runs with those that we know. Where it runs fewer for longer, those of
    /// which nothing was heard are over: it lost their `turn/completed`. Slow thinking is told from that, because the
    /// child counts a turn that thinks.
    pub(super) fn find_lost(
        &mut self,
        generation: Generation,
        turns: usize,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let waits = self.waiting_for_clients();
        let mut known = 0;
        self.threads.each_run(|id, run| {
            known += usize::from(
                run.given_up.is_none() && !run.is_unnamed() && self.threads.is_of(id, generation),
            );
        });
        let missing = known.saturating_sub(turns);
        let mut confirmed: Vec<(ThreadId, bool)> = Vec::new();
        self.threads.each_run_mut(generation, |id, run| {
            if missing > 0 && run.is_quiet(now) && !waits.contains(id) {
                run.suspected += 1;
                if run.suspected >= CONFIRMED {
                    confirmed.push((id.clone(), run.whole));
                }
            } else {
                run.suspected = 0;
            }
        });
        // With more suspects than lost turns, those whose model call is complete are the likelier ones. Where that
        // doesn't tell either, the deadlines will.
        if confirmed.len() > missing {
            confirmed.retain(|(_, whole)| *whole);
        }
        if confirmed.len() > missing {
            return;
        }
        confirmed.sort_unstable();
        for (id, whole) in confirmed {
            let (ending, outcome) = if whole {
                (Ending::Completed, TurnOutcome::Completed)
            } else {
                (Ending::Failed("the codex app-server lost this turn"), TurnOutcome::Lost)
            };
            self.end_turn(&id, ending, failure::LOST_DETAILS, out);
            let whose = self.whose_turn(&id);
            out.push(Action::Report(Report::TurnEnded { whose, details: failure::LOST_DETAILS }));
            self.forget_turn(&id, outcome, now, out);
        }
    }

    /// For whom a thread's turn is, as far as that is known.
    fn whose_turn(&self, id: &ThreadId) -> Whose {
        self.threads.get(id.as_str()).map(|thread| thread.whose.clone()).unwrap_or_default()
    }

    /// A turn is over, although the child did not say so.
    fn forget_turn(&mut self, id: &ThreadId, outcome: TurnOutcome, now: Instant, out: &mut Vec<Action>) {
        self.note_ended(id.as_str(), None, outcome, now);
        self.threads.disown(id.as_str());
        // It may still wait for answers.
        self.decline_asked(|asked| asked.thread.as_ref() == Some(id), out);
        self.let_go_if_abandoned(id);
    }

    /// Threads whose client has something to answer: their turns wait for it and not for the child.
    fn waiting_for_clients(&self) -> HashSet<ThreadId> {
        self.asked.values().filter_map(|asked| asked.thread.clone()).collect()
    }

    /// Tells the owner of a running turn that it ended, in the child's place. Once is enough.
    pub(super) fn end_turn(
        &mut self,
        id: &ThreadId,
        ending: Ending<'_>,
        details: &str,
        out: &mut Vec<Action>,
    ) {
        let Some(thread) = self.threads.get(id.as_str()) else {
            return;
        };
        let (Some(run), Some(owner)) = (&thread.run, thread.owner) else { return };
        if run.given_up.is_some() || run.is_unnamed() {
            return;
        }
        let (status, error) = match ending {
            Ending::Completed => ("completed", serde_json::Value::Null),
            Ending::Failed(message) => (
                "failed",
                serde_json::json!({"message": message, "codexErrorInfo": "other", "additionalDetails": details}),
            ),
        };
        let params = serde_json::json!({
            "threadId": id.as_str(),
            "turn": {"id": run.turn.as_str(), "items": [], "status": status, "error": error},
        });
        self.tell(owner, method::TURN_COMPLETED, Some(params), out);
    }

    /// Notifies a client of something that the child didn't say.
    pub(super) fn tell(
        &self,
        conn: ConnId,
        name: &str,
        params: Option<serde_json::Value>,
        out: &mut Vec<Action>,
    ) {
        if self.conns.get(&conn).is_some_and(|c| c.initialized && !c.opt_outs.contains(name)) {
            out.push(Action::ToClient(conn, Line::json(&rpc::Notification { method: name, params })));
        }
    }
}
