//! What an operator has switched at run time: `daemon/toggles/set`, ends by the clock, and who waits until it is on disk.
//!
//! A change holds at once, and every subscriber hears of it at once; whoever asked for it is answered when it is on disk,
//! or known not to be, or that takes too long. At most one write is out at a time, and the newest state is what is written.

use super::Core;
use crate::mux::action::{Action, Report};
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use shared::{
    control::toggles::{Change, Toggles},
    id::ConnId,
    rpc::{Message, code},
};
use std::time::{Duration, Instant};

/// How long whoever asked for a change waits for the disk.
const WAIT: Duration = Duration::from_secs(3);
/// When it is tried again to write what could not be written.
const AGAIN: Duration = Duration::from_secs(10);
/// The longest `daemon/toggles/set`, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// The longest reason in an answer, in characters: it may name what a client wrote.
const MAX_REASON: usize = 200;

/// Changes that may wait until it is known which daemon serves.
const HELD: usize = 64;

/// A change that came while a younger daemon was about to take over.
#[derive(Debug)]
struct Held {
    conn: ConnId,
    id: Bytes,
    line: Bytes,
}

/// A request that waits for the disk.
#[derive(Debug)]
struct Waiting {
    conn: ConnId,
    id: Bytes,
    deadline: Instant,
}

/// What is switched, and what becomes of it.
#[derive(Debug, Default)]
pub(super) struct Switches {
    toggles: Toggles,
    /// The host's clock, in milliseconds since 1970.
    wall_ms: u64,
    /// Whether a write is out.
    writing: bool,
    /// When a write that failed is tried again.
    again: Option<Instant>,
    /// Whether the file is another daemon's: nothing is changed here, and nothing written.
    frozen: bool,
    waiting: Vec<Waiting>,
    /// What is answered as soon as it is known which daemon serves: at most [`HELD`].
    held: Vec<Held>,
}

impl Switches {
    /// What is switched.
    pub(super) fn now(&self) -> &Toggles {
        &self.toggles
    }

    /// Whether another daemon has what is switched.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Whether nobody waits for the disk.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.held.is_empty()
    }

    /// A client is gone.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.waiting.retain(|waiting| waiting.conn != conn);
        self.held.retain(|held| held.conn != conn);
    }

    /// The daemon did not run for `gap`.
    pub(super) fn delay(&mut self, gap: Duration) {
        for waiting in &mut self.waiting {
            waiting.deadline += gap;
        }
    }

    /// Writes the newest state, unless a write is out: its end brings the next one.
    fn keep(&mut self, out: &mut Vec<Action>) {
        if !std::mem::replace(&mut self.writing, true) {
            self.again = None;
            out.push(Action::Keep(self.toggles.clone()));
        }
    }
}

impl Core {
    /// What was kept by an earlier daemon. Told once, before anything else.
    pub fn on_toggles(&mut self, toggles: Toggles) {
        self.switches.toggles = toggles;
    }

    /// The file is another daemon's, until [`Self::on_toggles_ours`]: the older one's before this one serves, or the younger one's
    /// that is about to. Nothing that both would keep is changed here, and nothing written.
    pub fn freeze_toggles(&mut self) {
        self.switches.frozen = true;
        self.switches.again = None;
    }

    /// The file is ours. `handed` is what an older daemon had switched when it let go.
    pub fn on_toggles_ours(&mut self, handed: Option<Toggles>, now: Instant, out: &mut Vec<Action>) {
        let switches = &mut self.switches;
        switches.frozen = false;
        let before = switches.toggles.clone();
        if let Some(handed) = handed {
            switches.toggles = handed;
        }
        if !switches.toggles.persisted && switches.toggles != Toggles::default() {
            switches.keep(out);
        }
        if before != switches.toggles {
            self.toggled(&before, now, out);
        }
        for Held { conn, id, line } in std::mem::take(&mut self.switches.held) {
            self.on_set_toggles(conn, id, &line, now, out);
        }
    }

    /// Who waits until it is known which daemon serves has to ask another one.
    pub(super) fn refuse_held(&mut self, out: &mut Vec<Action>) {
        for Held { conn, id, .. } in std::mem::take(&mut self.switches.held) {
            self.fail(conn, &id, &code::superseded(super::RETRY_AFTER), out);
        }
    }

    /// What is switched, for the younger daemon, with a write that is out counted as none.
    pub fn toggles(&self) -> Toggles {
        let toggles = self.switches.now().clone();
        Toggles { persisted: toggles.persisted && !self.switches.writing, ..toggles }
    }

    /// Whether no write is out.
    pub fn toggles_rest(&self) -> bool {
        !self.switches.writing
    }

    /// What time the host's clock says, in milliseconds since 1970. Told before the events that come at that time.
    pub fn on_clock(&mut self, wall_ms: u64) {
        self.switches.wall_ms = wall_ms;
    }

    /// `daemon/toggles/set`.
    pub(super) fn on_set_toggles(
        &mut self,
        conn: ConnId,
        id: Bytes,
        line: &Bytes,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        if self.switches.frozen {
            self.switches.held.push(Held { conn, id, line: line.clone() });
            if self.status.superseded || self.switches.held.len() > HELD {
                self.refuse_held(out);
            }
            return;
        }
        let change = match read(line) {
            Ok(change) => change,
            Err(why) => return self.fail(conn, &id, &code::invalid_params(&why), out),
        };
        let before = self.switches.toggles.clone();
        let switches = &mut self.switches;
        if switches.toggles.apply(change, switches.wall_ms) {
            switches.keep(out);
            self.toggled(&before, now, out);
        }
        let switches = &mut self.switches;
        if switches.toggles.persisted || !switches.writing {
            return self.tell_status(conn, &id, now, out);
        }
        switches.waiting.push(Waiting { conn, id, deadline: now + WAIT });
    }

    /// A write has ended: this revision is on disk, or could not be written.
    pub fn on_kept(&mut self, revision: u64, written: bool, now: Instant, out: &mut Vec<Action>) {
        let switches = &mut self.switches;
        switches.writing = false;
        if switches.frozen && (!written || switches.toggles.revision != revision) {
            // The file is another daemon's, which is told what isn't in it.
        } else if !written {
            switches.again = Some(now + AGAIN);
        } else if switches.toggles.revision != revision {
            return switches.keep(out);
        } else {
            switches.toggles.persisted = true;
            self.tell_subscribers(now, out);
        }
        self.answer_toggles(|_| true, now, out);
    }

    /// Ends what is over by the clock, writes again what could not be written, and lets nobody wait for ever.
    pub(super) fn look_after_toggles(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.switches.frozen {
            return self.answer_toggles(|waiting| waiting.deadline <= now, now, out);
        }
        let before = self.switches.toggles.clone();
        let switches = &mut self.switches;
        if switches.toggles.expire(switches.wall_ms) {
            switches.keep(out);
            self.toggled(&before, now, out);
        }
        let switches = &mut self.switches;
        if switches.again.is_some_and(|again| again <= now) {
            switches.keep(out);
        }
        self.answer_toggles(|waiting| waiting.deadline <= now, now, out);
    }

    /// Nobody waits for the disk any longer.
    pub(super) fn end_toggles(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.refuse_held(out);
        self.answer_toggles(|_| true, now, out);
    }

    fn answer_toggles(&mut self, picked: impl Fn(&Waiting) -> bool, now: Instant, out: &mut Vec<Action>) {
        if self.switches.waiting.is_empty() {
            return;
        }
        let (told, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.switches.waiting).into_iter().partition(picked);
        self.switches.waiting = waiting;
        for Waiting { conn, id, .. } in told {
            self.tell_status(conn, &id, now, out);
        }
    }

    /// Something was changed: everybody hears of it, and the log.
    fn toggled(&mut self, before: &Toggles, now: Instant, out: &mut Vec<Action>) {
        let after = &self.switches.toggles;
        if before.maintenance.set != after.maintenance.set {
            let set = after.maintenance.set.as_ref();
            let (enabled, until_ms) = (set.map(|set| set.enabled), set.and_then(|set| set.until_ms));
            out.push(Action::Report(Report::MaintenanceToggled { enabled, until_ms }));
        }
        if before.app_server.set != after.app_server.set {
            let enabled = after.app_server.set.map(|set| set.enabled);
            out.push(Action::Report(Report::AppServerToggled { enabled }));
        }
        self.tell_subscribers(now, out);
    }
}

/// The change that a line asks for.
fn read(line: &Bytes) -> Result<Change, String> {
    if line.len() > MAX_LINE {
        return Err(format!("it is at most {MAX_LINE} bytes"));
    }
    let params = match Message::<&RawValue, IgnoredAny>::parse(line) {
        Ok(Message::Request { params: Some(params), .. }) if params.get().starts_with('{') => params,
        Ok(_) | Err(_) => return Err("an object with `maintenance` or `appServer` is needed".to_owned()),
    };
    let change: Change = serde_json::from_str(params.get())
        .map_err(|why| why.to_string().chars().take(MAX_REASON).collect::<String>())?;
    change.check().map_err(|unfit| format!("`{}` {}", unfit.member, unfit.must))?;
    Ok(change)
}
