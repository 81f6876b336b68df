//! One connection to the daemon: what it is asked, and what is heard of it.

use super::{
    health::Health,
    link::Start,
    models::{Child, Listing, Page},
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
        model::ModelListParams,
        start::{Capabilities, ClientInfo, InitializeParams},
    },
    build_info,
    codec::Decoded,
    control::{self, Models, Status, WorkerState, metrics::Told},
    line::Line,
    queue::Sender,
    rpc::{self, ErrorObject, Message, code},
};
use std::{sync::Arc, time::Duration};
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
/// How long to wait after the daemon refused the list of models; nothing is served without one.
const MODELS_AGAIN: Duration = Duration::from_secs(1);
/// A daemon that has said nothing for so long is asked for its status.
const QUIET: Duration = Duration::from_secs(3);
/// A daemon that has said nothing for so long counts as gone until it speaks again.
const SILENT: Duration = Duration::from_secs(8);

/// One connection.
pub(super) struct Session {
    pub(super) table: Table,
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
    /// Whether the operator was told that the daemon doesn't allow them, or needn't be: nobody may ask for one.
    told: bool,
    /// When they are asked for again, after a refusal.
    pub(super) models_at: Option<Instant>,
    /// Whether a quiet daemon was asked for its status.
    asked: bool,
    /// What an operator has switched.
    board: Board,
    /// Who asks what the daemon has counted.
    scrapes: Asking,
}

impl Session {
    /// A connection on which nothing was said yet. What is said goes to `lines`.
    pub(super) fn new(
        lines: Sender<Line>,
        default_model: Option<String>,
        agents: Option<AgentSettings>,
        wanted: bool,
        board: Board,
    ) -> Self {
        Self {
            table: Table::default(),
            lines,
            out: Vec::new(),
            greeting: false,
            default_model,
            child: None,
            models: Listing::default(),
            agents,
            told: !wanted,
            models_at: None,
            asked: false,
            board,
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

    /// Sends what was switched and the daemon doesn't have.
    pub(super) fn send_toggles(&mut self) {
        for (number, change) in self.board.take() {
            let line = self.table.call(Call::Toggles(number), control::toggles::SET, &change);
            self.out.push(line);
        }
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
        if quiet >= QUIET && !std::mem::replace(&mut self.asked, true) {
            let line = self.table.call(Call::Status, control::STATUS, &serde_json::json!({}));
            self.out.push(line);
        }
        let silent = quiet >= SILENT;
        let changed = health.send_if_modified(|h| std::mem::replace(&mut h.silent, silent) != silent);
        if changed && silent {
            tracing::warn!(
                event = "daemon_silent",
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
                    health.send_if_modified(|h| std::mem::replace(&mut h.quota_back_at, back_at) != back_at);
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
                self.list_models();
            }
            (Call::ModelInfos, Ok(told)) => match serde_json::from_str::<Models>(told.get()) {
                Ok(told) => health.send_modify(|h| Arc::make_mut(&mut h.models).infos = told.models),
                Err(_) => {
                    tracing::warn!(
                        event = "models_unreadable",
                        "what the daemon tells of the models was not understood"
                    )
                }
            },
            (Call::Metrics, answer) => {
                // An older daemon doesn't know the method.
                let told = answer.ok().and_then(|told| serde_json::from_str::<Told>(told.get()).ok());
                self.scrapes.answered(told.map(Arc::new).as_ref());
            }
            // An older daemon doesn't know the method, and may have taken the place of one that does.
            (Call::ModelInfos, Err(error)) if error.code == code::FORBIDDEN => {
                health.send_modify(|h| Arc::make_mut(&mut h.models).infos.clear());
            }
            (Call::Models, Ok(page)) => {
                match serde_json::from_str(page.get()).map(|page| self.models.page(page)) {
                    Ok(Page::More(cursor)) => self.ask_page(Some(cursor)),
                    Ok(Page::Whole(models)) => {
                        health.send_modify(|h| Arc::make_mut(&mut h.models).models = models);
                    }
                    Err(_) => {
                        self.models.failed();
                        tracing::warn!(
                            event = "models_unreadable",
                            "the child's model list was not understood"
                        );
                    }
                }
                self.list_again();
            }
            (Call::Toggles(number), Ok(status)) => {
                // What isn't a status is no word of a daemon that has taken it.
                let status = serde_json::from_str::<Status>(status.get());
                self.board.taken(number, status.ok().and_then(|status| status.toggles));
            }
            (call, Err(error)) => {
                if let Call::Toggles(number) = call {
                    self.board.refused(number);
                }
                tracing::warn!(
                    event = "daemon_refused",
                    call = call.as_str(),
                    code = error.code,
                    "the daemon refused a call"
                );
                // The child is down. The next change of its state brings another try.
                if call == Call::Initialize {
                    self.greeting = false;
                }
                let ready = |status: &Status| status.state == WorkerState::Ready;
                if call == Call::Models {
                    self.models.failed();
                    if !self.list_again() && health.borrow().status.as_ref().is_some_and(ready) {
                        self.models_at = Some(Instant::now() + MODELS_AGAIN);
                    }
                }
            }
        }
    }

    fn status(&mut self, status: Status, health: &watch::Sender<Health>) {
        if let Some(agents) = &self.agents
            && let Err(why) = AgentPlan::new(agents, status.agent.as_ref())
            && !std::mem::replace(&mut self.told, true)
        {
            tracing::warn!(event = "agent_unavailable", %why, "agents can't be run; requests for them get 503");
        }
        let ready = status.state == WorkerState::Ready;
        let default = self.default_model.clone().or_else(|| status.default_model.clone());
        let connected = health.borrow().connected;
        self.child = Some(Child::of(&status));
        self.board.told(status.toggles.clone());
        self.send_toggles();
        health.send_modify(|h| {
            if default.is_some() && default != h.models.default {
                Arc::make_mut(&mut h.models).default = default;
            }
            h.status = Some(status);
        });
        if ready && connected {
            // A fresh child may know other models.
            self.list_models();
        } else if ready && !self.greeting {
            self.greet();
        }
    }

    /// Asks for the models, unless this child's are known or on their way.
    pub(super) fn list_models(&mut self) {
        self.models_at = None;
        if self.models.want(self.child) {
            self.ask_models();
        }
    }

    /// Asks for what was wanted while a list was on its way; whether there was something.
    fn list_again(&mut self) -> bool {
        let again = self.models.begins_again();
        if again {
            self.ask_models();
        }
        again
    }

    fn ask_models(&mut self) {
        // What the models can do first: the daemon answers at once, and a list makes the front ready.
        let infos = self.table.call(Call::ModelInfos, control::MODELS, &serde_json::json!({}));
        self.out.push(infos);
        self.ask_page(None);
    }

    fn ask_page(&mut self, cursor: Option<String>) {
        let params = ModelListParams { cursor, include_hidden: None };
        let line = self.table.call(Call::Models, method::MODEL_LIST, &params);
        self.out.push(line);
    }
}
