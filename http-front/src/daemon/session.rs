//! One connection to the daemon: what it is asked, and what is heard of it.

mod listing;
mod toggles;

use super::{
    health::Health,
    link::{LinkConfig, Start},
    models::{Child, Listing},
    scrape::{Ask, Asking},
    table::{Call, Heard, Table},
};
use crate::state::board::Board;
use crate::translate::agent::{AgentPlan, AgentSettings};
use serde_json::value::RawValue;
use shared::{
    app_server::{
        limits::RateLimitsUpdated,
        method,
        start::{Capabilities, ClientInfo, InitializeParams},
    },
    build_info,
    codec::Decoded,
    control::{self, Status, WorkerState, metrics::Told},
    line::Line,
    queue::Sender,
    rpc::{self, ErrorObject, Message},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, time::Instant};

/// Notifications that the front never reads; the daemon leaves them out.
pub const OPT_OUTS: &[&str] = &[
    "thread/started",
    "thread/closed",
    "thread/tokenUsage/updated",
    "thread/settings/updated",
    "turn/started",
    "turn/diff/updated",
    "turn/plan/updated",
    "item/completed",
    "account/updated",
    "configWarning",
    "deprecationNotice",
    "skills/changed",
    "model/rerouted",
    "warning",
];
/// Read only where agents may be asked for: it says how their commands ended, and repeats every message.
const WORK: &str = method::ITEM_COMPLETED;
/// What an agent's commands print. Nobody reads it, and it can be much.
pub const AGENT_OPT_OUTS: &[&str] = &[
    "item/commandExecution/outputDelta",
    "item/commandExecution/terminalInteraction",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/mcpToolCall/progress",
];
/// A daemon that has said nothing for so long is asked for its status.
const QUIET: Duration = Duration::from_secs(3);
/// A daemon that has said nothing for so long counts as gone until it speaks again.
const SILENT: Duration = Duration::from_secs(8);

/// One connection.
pub(super) struct Session {
    pub(super) table: Table,
    /// What the worker is called.
    worker: String,
    lines: Sender<Line>,
    out: Vec<Line>,
    /// Whether an `initialize` is unanswered.
    greeting: bool,
    /// The configured default model.
    default_model: Option<String>,
    /// The child, as the daemon said last.
    child: Option<Child>,
    /// Its list of models.
    models: Listing,
    /// How agents are to work, where they may be asked for.
    agents: Option<AgentSettings>,
    /// Whether there are other workers: then it is asked how many turns it runs at once, and what it doesn't begin goes to them.
    pooled: bool,
    /// Whether the operator was told that the daemon doesn't allow them, or needn't be: nobody may ask for one.
    told: bool,
    /// When they are asked for again, after a refusal.
    pub(super) models_at: Option<Instant>,
    /// Whether a quiet daemon was asked for its status.
    asked: bool,
    /// What an operator has switched.
    board: Board,
    /// Whether turns are started here: what this daemon says of itself holds for the front.
    serving: bool,
    /// Whether a younger daemon serves the socket.
    superseded: bool,
    /// Whether what an operator switches is kept by this daemon: it serves, and has said so.
    keeps: bool,
    /// Who asks what the daemon has counted.
    scrapes: Asking,
}

impl Session {
    /// A connection on which nothing was said yet. What is said goes to `lines`.
    pub(super) fn new(lines: Sender<Line>, config: &LinkConfig, board: Board) -> Self {
        let LinkConfig { name, pooled, default_model, agents, agents_wanted, .. } = config.clone();
        Self {
            table: Table::default(),
            worker: name,
            lines,
            out: Vec::new(),
            greeting: false,
            default_model,
            child: None,
            models: Listing::default(),
            agents,
            pooled,
            told: !agents_wanted,
            models_at: None,
            asked: false,
            board,
            serving: false,
            superseded: false,
            keeps: false,
            scrapes: Asking::default(),
        }
    }

    /// The first words.
    pub(super) fn open(&mut self) {
        let subscribe = self.table.call(Call::Subscribe, control::SUBSCRIBE, &serde_json::json!({}));
        self.out.push(subscribe);
        self.greet();
        self.flush();
    }

    /// Nobody listens to a turn any more.
    pub(super) fn cancel(&mut self, key: super::turn::TurnKey) {
        self.table.cancel(key, &mut self.out);
    }

    pub(super) fn start(&mut self, Start { key, plan, asker, deltas, trace }: Start) {
        let line = self.table.start(key, plan, asker, deltas, trace);
        self.out.push(line);
    }

    /// Somebody asks what the daemon has counted.
    pub(super) fn ask_metrics(&mut self, ask: Ask) {
        if self.scrapes.add(ask) {
            let line = self.table.call(Call::Metrics, control::metrics::METRICS, &serde_json::json!({}));
            self.out.push(line);
        }
    }

    /// Whether a younger daemon serves the socket.
    pub(super) fn is_superseded(&self) -> bool {
        self.superseded
    }

    /// The notifications that are not wanted.
    fn opt_outs(&self) -> Vec<String> {
        let agents = self.agents.is_some();
        let always = OPT_OUTS.iter().filter(|name| !(agents && **name == WORK));
        let more = AGENT_OPT_OUTS.iter().filter(|_| agents);
        always.chain(more).map(|name| (*name).to_owned()).collect()
    }

    fn greet(&mut self) {
        let params = InitializeParams {
            client_info: ClientInfo {
                name: "http-front".into(),
                title: None,
                version: build_info::VERSION.into(),
            },
            capabilities: Some(Capabilities {
                experimental_api: true,
                opt_out_notification_methods: Some(self.opt_outs()),
            }),
        };
        self.greeting = true;
        let initialize = self.table.call(Call::Initialize, method::INITIALIZE, &params);
        self.out.push(initialize);
    }

    /// The daemon said something.
    pub(super) fn spoke(&mut self, health: &watch::Sender<Health>) {
        self.asked = false;
        health.send_if_modified(|h| std::mem::take(&mut h.silent));
    }

    /// Nothing was heard of the daemon for `quiet`: one that hangs must not look ready.
    pub(super) fn look(&mut self, quiet: Duration, health: &watch::Sender<Health>) {
        self.table.look(&mut self.out);
        // One that wasn't asked yet may have said what wasn't read: after a pause of this process.
        let silent = quiet >= SILENT && self.asked;
        if quiet >= QUIET && !std::mem::replace(&mut self.asked, true) {
            let line = self.table.call(Call::Status, control::STATUS, &serde_json::json!({}));
            self.out.push(line);
        }
        let changed = health.send_if_modified(|h| std::mem::replace(&mut h.silent, silent) != silent);
        if silent && self.pooled {
            self.table.give_up_unopened();
        }
        if changed && silent && self.serving {
            tracing::warn!(
                event = "daemon_silent",
                worker = self.worker,
                "the daemon says nothing; it counts as gone until it does"
            );
        }
    }

    pub(super) fn flush(&mut self) {
        for line in self.out.drain(..) {
            // An unbounded queue takes any line.
            let _fits = self.lines.push(line);
        }
    }

    pub(super) fn hear(&mut self, decoded: Decoded, health: &watch::Sender<Health>) {
        let line = match decoded {
            Decoded::Line(line) => line,
            Decoded::Overlong { limit } => {
                tracing::error!(
                    event = "daemon_line_ignored",
                    worker = self.worker,
                    limit,
                    "the daemon sent a line that is too long"
                );
                return;
            }
        };
        match self.table.on_line(&line, &mut self.out) {
            Heard::Nothing => {}
            Heard::Instructed { request } => {
                tracing::error!(
                    event = "instructions_added",
                    worker = self.worker,
                    request_id = request.as_deref(),
                    "codex puts an AGENTS.md of its home before the clients' messages; requests fail until it is removed"
                );
            }
            Heard::Notification { name } => {
                if name == control::STATUS
                    && let Ok(Message::Notification { params: Some(status), .. }) =
                        Message::<Status, &RawValue>::parse(&line)
                {
                    self.status(status, health);
                } else if name == method::RATE_LIMITS_UPDATED
                    && let Ok(Message::Notification { params: Some(told), .. }) =
                        Message::<RateLimitsUpdated, &RawValue>::parse(&line)
                    && told.rate_limits.told()
                {
                    // It comes with every answer of the upstream; what it says of the used-up windows rarely changes.
                    let back_at = told.rate_limits.back_at();
                    health.send_if_modified(|h| h.set_quota(back_at, SystemTime::now()));
                }
            }
            Heard::Answer(call, answer) => self.answered(call, answer, health),
        }
    }

    fn answered(
        &mut self,
        call: Call,
        answer: Result<&RawValue, ErrorObject>,
        health: &watch::Sender<Health>,
    ) {
        match (call, answer) {
            // That it answers is all that was asked for.
            (Call::Status, Ok(_)) => {}
            (Call::Subscribe, Ok(status)) => {
                if let Ok(status) = serde_json::from_str(status.get()) {
                    self.status(status, health);
                }
            }
            (Call::Initialize, Ok(_)) => {
                self.greeting = false;
                health.send_modify(|h| h.connected = true);
                let line = Line::json(&rpc::Notification::<()> { method: method::INITIALIZED, params: None });
                self.out.push(line);
                if self.pooled {
                    let line =
                        self.table.call(Call::Places, control::metrics::METRICS, &serde_json::json!({}));
                    self.out.push(line);
                }
                self.list_models();
            }
            (Call::Places, told) => {
                // An older daemon doesn't know the method.
                let told = told.ok().and_then(|told| serde_json::from_str::<Told>(told.get()).ok());
                health.send_modify(|h| h.places = told.map(|told| told.turns_max));
            }
            (Call::ModelInfos, infos) => self.infos(infos, health),
            (Call::Models, page) => self.page(page, health),
            (Call::Toggles(number), answer) => self.toggled(number, answer),
            (Call::Metrics, answer) => {
                // An older daemon doesn't know the method.
                let told = answer.ok().and_then(|told| serde_json::from_str::<Told>(told.get()).ok());
                self.scrapes.answered(told.map(Arc::new).as_ref());
            }
            (call, Err(error)) => {
                self.refused(call, &error);
                // The child is down. The next change of its state brings another try.
                if call == Call::Initialize {
                    self.greeting = false;
                }
            }
        }
    }

    fn refused(&self, call: Call, error: &ErrorObject) {
        tracing::warn!(
            event = "daemon_refused",
            worker = self.worker,
            call = call.as_str(),
            code = error.code,
            "the daemon refused a call"
        );
    }

    fn status(&mut self, status: Status, health: &watch::Sender<Health>) {
        if let Some(agents) = &self.agents
            && let Err(why) = AgentPlan::new(agents, status.agent.as_ref())
            && !std::mem::replace(&mut self.told, true)
        {
            tracing::warn!(
                event = "agent_unavailable",
                worker = self.worker,
                %why,
                "agents can't be run by this worker; where none can, requests for them get 503"
            );
        }
        let ready = status.state == WorkerState::Ready;
        let default = self.default_model.clone().or_else(|| status.default_model.clone());
        let connected = health.borrow().connected;
        let child = Child::of(&status);
        let another = self.child.replace(child).is_some_and(|before| before != child);
        self.superseded = status.superseded;
        self.keep_toggles(&status);
        health.send_modify(|h| {
            if default.is_some() && default != h.models.default {
                Arc::make_mut(&mut h.models).default = default;
            }
            h.status = Some(status);
            if another {
                h.forget_quota();
            }
        });
        if ready && connected {
            // A fresh child may know other models.
            self.list_models();
        } else if ready && !self.greeting {
            self.greet();
        }
    }
}
