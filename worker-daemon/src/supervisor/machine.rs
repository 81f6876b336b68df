//! The state machine of the children: what is started, ended and published when. Pure: events and the time go in,
//! effects come out.
//!
//! There is one main child. A replacement starts a fresh one beside it; once that has shaken hands it is the main
//! one, and the old one retires: it finishes what it has, for a bounded time. A fresh one that doesn't come up
//! changes nothing. When the main one ends, the next start waits as [`Backoff`] says.

mod event;
mod replace;

pub use event::{Effect, Ended, Event, Note};

use crate::mux::action::Reason;
use shared::{
    backoff::{Backoff, Policy},
    control::{DEGRADED_AFTER, Status, WorkerState},
    id::Generation,
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Starts in a row after which a binary that is missing or too old ends the daemon. An upgrade that takes it away for
/// a moment doesn't.
const GIVE_UP_AFTER: u32 = 5;
/// After a failed replacement the daemon itself doesn't want another one for so long.
const REPLACE_AGAIN: Duration = Duration::from_secs(30);

/// Beyond any drain.
const DRAIN: Duration = Duration::from_secs(86_400);

/// The bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Delays between starts.
    pub backoff: Policy,
    /// Time that a replaced child has (`WORKER_HANDOVER_GRACE_MS`).
    pub handover_grace: Duration,
    /// Spawn to handshake (`WORKER_STARTUP_TIMEOUT_MS`).
    pub startup: Duration,
    /// Between two signs of life of a child that is well.
    pub pulse: Duration,
}

#[derive(Debug)]
enum Main {
    Starting(Generation),
    Ready { generation: Generation, since: Instant },
    Waiting { until: Instant },
    Stopped,
}

/// The state machine.
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    backoff: Backoff,
    status: Status,
    newest: u64,
    main: Main,
    /// A child that comes up beside the main one.
    fresh: Option<Generation>,
    /// Replaced children, with the end of their time; `None`: they are being ended.
    retiring: BTreeMap<Generation, Option<Instant>>,
    pids: BTreeMap<Generation, u32>,
    /// A replacement that waits until the main child is ready.
    wanted: Option<Reason>,
    /// Whether somebody waits to hear of the next start.
    asked: bool,
    /// Whether the next start looks for the binary again.
    afresh: bool,
    /// Failed starts in a row because of the binary.
    missing: u32,
    replace_again: Option<Instant>,
    /// Until when the daemon counts as well.
    well_until: Instant,
    draining: bool,
    forced: bool,
}

impl Machine {
    /// Before the beginning.
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            backoff: Backoff::new(limits.backoff),
            status: Status::default(),
            newest: 0,
            main: Main::Stopped,
            fresh: None,
            retiring: BTreeMap::new(),
            pids: BTreeMap::new(),
            wanted: None,
            asked: false,
            afresh: false,
            missing: 0,
            replace_again: None,
            well_until: now + limits.startup,
            draining: false,
            forced: false,
        }
    }

    /// What an event leads to.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::Begin => self.start(now, &mut out),
            Event::Spawned(generation, pid) => self.spawned(generation, pid, &mut out),
            Event::Ready { generation, version, default_model } => {
                self.ready(generation, version, default_model, now, &mut out);
            }
            Event::Ended(generation, ended) => self.ended(generation, ended, now, &mut out),
            Event::Replace(reason) => self.replace(reason, now, &mut out),
            Event::Drained(generation) => {
                if let Some(time @ Some(_)) = self.retiring.get_mut(&generation) {
                    *time = None;
                    out.push(Effect::End(generation));
                }
            }
            Event::Unresponsive(generation) => {
                if self.pids.contains_key(&generation) {
                    out.push(Effect::Note(Note::Unresponsive(self.pid(generation))));
                    out.push(Effect::Kill(generation));
                }
            }
            Event::Alive(generation) => {
                if matches!(self.main, Main::Ready { generation: main, .. } if main == generation) {
                    self.well_until = now + self.limits.pulse;
                }
            }
            Event::Time => self.time(now, &mut out),
            Event::Drain => self.drain(&mut out),
            Event::Force => self.force(&mut out),
        }
        if self.draining {
            // It has a bound of its own, and may outlive the child.
            self.well_until = now + DRAIN;
        }
        out
    }

    /// When [`Event::Time`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let main = match self.main {
            Main::Waiting { until } => Some(until),
            Main::Ready { since, .. } if self.status.restart_streak > 0 => {
                Some(since + self.limits.backoff.stable_after)
            }
            Main::Ready { .. } | Main::Starting(_) | Main::Stopped => None,
        };
        self.retiring.values().flatten().copied().chain(main).min()
    }

    /// The status, as it was or will be published.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Until when the daemon counts as well: a child that answered, or one that is given its time to come up.
    pub fn well_until(&self) -> Instant {
        self.well_until
    }

    /// Whether the end was forced and no child is left.
    pub fn is_over(&self) -> bool {
        self.forced && matches!(self.main, Main::Stopped) && self.fresh.is_none() && self.retiring.is_empty()
    }

    fn pid(&self, generation: Generation) -> Option<u32> {
        self.pids.get(&generation).copied()
    }

    fn next(&mut self) -> Generation {
        self.newest += 1;
        self.status.starts += 1;
        Generation(self.newest)
    }

    fn publish(&mut self, state: WorkerState, out: &mut Vec<Effect>) {
        self.status.state = state;
        out.push(Effect::Publish(Box::new(self.status.clone())));
    }

    fn start(&mut self, now: Instant, out: &mut Vec<Effect>) {
        self.status.restarts += u64::from(self.newest > 0);
        let generation = self.next();
        self.main = Main::Starting(generation);
        self.status.backoff_ms = None;
        self.well_until = now + self.limits.startup + self.limits.pulse;
        self.publish(WorkerState::Starting, out);
        out.push(Effect::Start { generation, afresh: std::mem::take(&mut self.afresh) });
    }

    fn spawned(&mut self, generation: Generation, pid: u32, out: &mut Vec<Effect>) {
        self.pids.insert(generation, pid);
        out.push(Effect::Note(Note::Started(pid)));
        if matches!(self.main, Main::Starting(main) if main == generation) {
            self.status.pid = Some(pid);
            self.publish(WorkerState::Initializing, out);
        }
    }

    fn ready(
        &mut self,
        generation: Generation,
        version: Option<String>,
        default_model: Option<String>,
        now: Instant,
        out: &mut Vec<Effect>,
    ) {
        let took_over = self.fresh == Some(generation);
        match self.main {
            Main::Starting(main) if main == generation => {}
            // In a drain it is being killed.
            Main::Ready { generation: old, .. } if took_over && !self.draining => {
                self.fresh = None;
                self.retiring.insert(old, Some(now + self.limits.handover_grace));
                let (old, new) = (self.pid(old), self.pid(generation));
                out.push(Effect::Note(Note::Replaced { old, new }));
            }
            // It was given up meanwhile.
            Main::Starting(_) | Main::Ready { .. } | Main::Waiting { .. } | Main::Stopped => return,
        }
        self.main = Main::Ready { generation, since: now };
        self.missing = 0;
        self.well_until = now + self.limits.pulse;
        self.status.pid = self.pid(generation);
        self.status.version = version;
        self.status.default_model = default_model;
        out.extend(self.status.pid.map(|pid| Effect::Note(Note::Ready(pid))));
        self.publish(WorkerState::Ready, out);
        if took_over || std::mem::take(&mut self.asked) {
            out.push(Effect::Replaced(Ok(())));
        }
        if let Some(reason) = self.wanted.take() {
            self.replace(reason, now, out);
        }
    }

    fn ended(&mut self, generation: Generation, ended: Ended, now: Instant, out: &mut Vec<Effect>) {
        let pid = self.pids.remove(&generation);
        let note = |wanted| Effect::Note(Note::Exited { pid, ended: ended.clone(), wanted });
        if self.retiring.remove(&generation).is_some() {
            out.push(note(true));
        } else if self.fresh == Some(generation) {
            self.fresh = None;
            if self.draining {
                out.push(note(true));
            } else {
                // One line for it: the child that serves is well.
                self.replace_again = Some(now + REPLACE_AGAIN);
                let why = ended.words();
                out.push(Effect::Note(Note::NotReplaced(why.clone())));
                out.push(Effect::Replaced(Err(why)));
            }
        } else {
            out.push(note(self.forced));
            self.main_ended(generation, &ended, now, out);
        }
    }

    fn main_ended(&mut self, generation: Generation, ended: &Ended, now: Instant, out: &mut Vec<Effect>) {
        let ready_for = match self.main {
            Main::Ready { generation: main, since } if main == generation => {
                Some(now.saturating_duration_since(since))
            }
            Main::Starting(main) if main == generation => None,
            Main::Starting(_) | Main::Ready { .. } | Main::Waiting { .. } | Main::Stopped => return,
        };
        self.status.pid = None;
        match ended {
            Ended::Exit(exit) | Ended::Unready { exit, .. } => {
                self.status.last_exit = Some(exit.clone());
                self.missing = 0;
            }
            Ended::Failed { binary, .. } => self.missing = if *binary { self.missing + 1 } else { 0 },
        }
        if ready_for.is_none() {
            // The next start looks for the binary again: what was asked for meanwhile is what it does.
            let asked = std::mem::take(&mut self.asked) | self.wanted.take().is_some();
            if asked {
                out.push(Effect::Replaced(Err(ended.words())));
            }
        }
        if self.draining {
            self.main = Main::Stopped;
            return self.publish(WorkerState::Stopped, out);
        }
        let delay = self.backoff.after(ready_for);
        self.status.restart_streak = self.backoff.streak();
        if let Some(fresh) = self.fresh.take() {
            self.main = Main::Starting(fresh);
            self.asked = true;
            self.well_until = now + self.limits.startup + self.limits.pulse;
            self.status.pid = self.pid(fresh);
            let running = self.status.pid.is_some();
            self.publish(if running { WorkerState::Initializing } else { WorkerState::Starting }, out);
            return;
        }
        // What never came up may be another program by now.
        self.afresh = ready_for.is_none();
        if self.missing >= GIVE_UP_AFTER {
            self.main = Main::Stopped;
            self.draining = true;
            self.publish(WorkerState::Stopped, out);
            return out.push(Effect::GiveUp(ended.words()));
        }
        if self.status.restart_streak == DEGRADED_AFTER {
            out.push(Effect::Note(Note::Degraded));
        }
        if delay.is_zero() {
            return self.start(now, out);
        }
        let backoff_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.main = Main::Waiting { until: now + delay };
        self.well_until = now + delay + self.limits.pulse;
        self.status.backoff_ms = Some(backoff_ms);
        self.publish(WorkerState::Backoff, out);
        out.push(Effect::Note(Note::Backoff(backoff_ms)));
    }

    fn time(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let over: Vec<Generation> =
            self.retiring.iter().filter(|(_, t)| t.is_some_and(|t| t <= now)).map(|(g, _)| *g).collect();
        for generation in over {
            self.retiring.insert(generation, None);
            out.push(Effect::Note(Note::GraceOver(self.pid(generation))));
            out.push(Effect::End(generation));
        }
        match self.main {
            Main::Waiting { until } if until <= now => self.start(now, out),
            Main::Ready { since, .. }
                if self.status.restart_streak > 0 && since + self.limits.backoff.stable_after <= now =>
            {
                self.status.restart_streak = 0;
                self.publish(WorkerState::Ready, out);
            }
            Main::Waiting { .. } | Main::Ready { .. } | Main::Starting(_) | Main::Stopped => {}
        }
    }

    fn drain(&mut self, out: &mut Vec<Effect>) {
        self.draining = true;
        self.wanted = None;
        if let Some(fresh) = self.fresh {
            out.push(Effect::Kill(fresh));
        }
        if matches!(self.main, Main::Waiting { .. }) {
            self.main = Main::Stopped;
            self.status.backoff_ms = None;
            self.publish(WorkerState::Stopped, out);
        }
    }

    fn force(&mut self, out: &mut Vec<Effect>) {
        self.drain(out);
        self.forced = true;
        match self.main {
            Main::Starting(generation) | Main::Ready { generation, .. } => out.push(Effect::End(generation)),
            Main::Waiting { .. } | Main::Stopped => {}
        }
        for (generation, time) in &mut self.retiring {
            *time = None;
            out.push(Effect::End(*generation));
        }
    }
}

#[cfg(test)]
mod tests;
