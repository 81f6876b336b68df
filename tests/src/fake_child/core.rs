//! The protocol without I/O: a line in, steps out.
//!
//! Owns the threads and turns of one child. Reads no clock but the one it was given, and never blocks: a pause is a
//! [`Step::Wake`] that the shell hands back to [`Fake::on_wake`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::catalog;
use super::methods;
use super::rpc::{self, Refusal};
use super::script::{Opening, Script};
use super::shape::{ThreadCard, Usage};
use super::turn::Turn;

/// One thing for the shell to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write this and a newline.
    Line(String),
    /// Write this line in two halves with a pause between; nothing may come between them.
    Halves {
        /// The line.
        line: String,
        /// The pause.
        gap_ms: u64,
    },
    /// Call [`Fake::on_wake`] after so long.
    Wake {
        /// What waits.
        wake: Wake,
        /// How long.
        after_ms: u64,
    },
    /// End the process.
    Exit(u8),
}

/// Who asked to be woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// The delayed answer to `initialize`.
    Handshake,
    /// The turn with this id.
    Turn(String),
}

/// What a child knows of the place it runs in.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its process id, for `server/diagnostics`.
    pub pid: u32,
    /// The number of this start, from 1; ids differ from start to start.
    pub start: u32,
    /// `$CODEX_HOME`.
    pub home: String,
    /// The configured model.
    pub model: String,
    /// The catalog in force, where a setting replaces the child's own.
    pub catalog: Option<Vec<Value>>,
    /// Milliseconds since 1970.
    pub now_ms: fn() -> u64,
}

impl Host {
    /// A host for a child that is no process.
    #[must_use]
    pub fn in_process() -> Self {
        Self {
            pid: std::process::id(),
            start: 1,
            home: "/nonexistent".to_owned(),
            model: catalog::DEFAULT_MODEL.to_owned(),
            catalog: None,
            now_ms: wall_clock_ms,
        }
    }
}

/// The real time.
#[must_use]
pub fn wall_clock_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One fake child.
#[derive(Debug)]
pub struct Fake {
    pub(crate) script: Script,
    pub(crate) host: Host,
    models: Vec<Value>,
    ids: u64,
    pub(crate) requests: u64,
    /// An `initialize` whose answer is delayed.
    handshake: Option<(Value, Value)>,
    initialized: bool,
    experimental: bool,
    opted_out: BTreeSet<String>,
    seen: BTreeMap<String, u32>,
    /// Methods whose requests are swallowed from now on, because a turn said so.
    pub(crate) lost: BTreeSet<String>,
    pub(crate) threads: BTreeMap<String, Thread>,
    pub(crate) turns: BTreeMap<String, Turn>,
}

/// A loaded thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) card: ThreadCard,
    pub(crate) raw: bool,
    pub(crate) items: Vec<Value>,
    pub(crate) tools: Vec<String>,
    pub(crate) running: Option<String>,
    pub(crate) used: Usage,
    pub(crate) subscribed: bool,
}

impl Fake {
    /// A child that has just started.
    #[must_use]
    pub fn new(script: Script, host: Host) -> Self {
        let models =
            host.catalog.clone().or_else(|| script.models.clone()).unwrap_or_else(catalog::raw_models);
        Self {
            script,
            host,
            models,
            ids: 0,
            requests: 0,
            handshake: None,
            initialized: false,
            experimental: false,
            opted_out: BTreeSet::new(),
            seen: BTreeMap::new(),
            lost: BTreeSet::new(),
            threads: BTreeMap::new(),
            turns: BTreeMap::new(),
        }
    }

    /// Takes one line of the client, without its newline.
    #[must_use]
    pub fn on_line(&mut self, line: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        // Like the real one: what is no JSON object is ignored without an answer.
        let Ok(Value::Object(message)) = serde_json::from_str(line) else {
            return steps;
        };
        let id = message.get("id");
        match (message.get("method").and_then(Value::as_str), id) {
            (Some(method), Some(id)) => {
                let params = message.get("params").unwrap_or(&Value::Null);
                self.on_request(method, id, params, &mut steps);
            }
            (Some(_), None) => {}
            (None, Some(id)) => {
                let outcome = match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message.get("result").cloned().unwrap_or(Value::Null)),
                };
                self.on_answer(id, outcome, &mut steps);
            }
            (None, None) => {}
        }
        steps
    }

    /// Goes on with what asked to be woken; nothing where that has ended meanwhile.
    #[must_use]
    pub fn on_wake(&mut self, wake: &Wake) -> Vec<Step> {
        let mut steps = Vec::new();
        match wake {
            Wake::Handshake => {
                if let Some((id, params)) = self.handshake.take() {
                    self.finish_handshake(&id, &params, &mut steps);
                }
            }
            Wake::Turn(turn) => self.play(turn, &mut steps),
        }
        steps
    }

    fn on_request(&mut self, method: &str, id: &Value, params: &Value, steps: &mut Vec<Step>) {
        let seen = self.seen.entry(method.to_owned()).or_default();
        *seen = seen.saturating_add(1);
        let (nth, overloads) = (*seen, self.script.overload_first.of(method));
        if nth <= overloads {
            let message = "Server overloaded; retry later.".to_owned();
            let refusal = Refusal { code: rpc::OVERLOADED, message, data: None };
            steps.push(Step::Line(rpc::refusal(id, &refusal)));
            return;
        }
        if nth <= overloads.saturating_add(self.script.lose_answers.of(method)) || self.lost.contains(method)
        {
            return;
        }
        if let Err(refusal) = self.dispatch(method, id, params, steps) {
            steps.push(Step::Line(rpc::refusal(id, &refusal)));
        }
    }

    /// Only routes. A method answers by itself where something has to come before or after its answer.
    fn dispatch(
        &mut self,
        method: &str,
        id: &Value,
        params: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        if !methods::is_known(method) {
            return Err(Refusal::invalid(methods::unknown_variant(method)));
        }
        if method == "initialize" {
            return self.initialize(id, params, steps);
        }
        if !self.initialized {
            return Err(Refusal::invalid("Not initialized"));
        }
        if params.is_null() {
            return Err(Refusal::invalid("Invalid request: missing field `params`"));
        }
        let result = match method {
            "config/read" => {
                json!({ "config": { "model": self.host.model, "model_provider": "fake" }, "origins": {} })
            }
            "model/list" => self.model_list(params),
            "server/diagnostics" => self.diagnostics(),
            "thread/loaded/list" => {
                json!({ "data": self.threads.keys().collect::<Vec<_>>(), "nextCursor": null })
            }
            "thread/start" => return self.thread_start(id, params, steps),
            "thread/fork" => return self.thread_fork(id, params, steps),
            "thread/inject_items" => return self.inject(id, params, steps),
            "thread/unsubscribe" => return self.unsubscribe(id, params, steps),
            "turn/start" => return self.turn_start(id, params, steps),
            "turn/interrupt" => return self.turn_interrupt(id, params, steps),
            other => return Err(Refusal::invalid(format!("fake-codex does not do `{other}`"))),
        };
        steps.push(Step::Line(rpc::answer(id, &result)));
        Ok(())
    }

    fn initialize(&mut self, id: &Value, params: &Value, steps: &mut Vec<Step>) -> Result<(), Refusal> {
        if self.initialized || self.handshake.is_some() {
            return Err(Refusal::invalid("Already initialized"));
        }
        if !params["clientInfo"]["name"].is_string() {
            return Err(Refusal::invalid("Invalid request: missing field `clientInfo`"));
        }
        match self.script.start.opening(self.host.start) {
            Opening::Crash(code) => steps.push(Step::Exit(code)),
            Opening::Hang => {}
            Opening::Answer(0) => self.finish_handshake(id, params, steps),
            Opening::Answer(after_ms) => {
                self.handshake = Some((id.clone(), params.clone()));
                steps.push(Step::Wake { wake: Wake::Handshake, after_ms });
            }
        }
        Ok(())
    }

    fn finish_handshake(&mut self, id: &Value, params: &Value, steps: &mut Vec<Step>) {
        self.initialized = true;
        let capabilities = &params["capabilities"];
        self.experimental = capabilities["experimentalApi"] == true;
        self.opted_out = strings(&capabilities["optOutNotificationMethods"]).collect();
        let name = params["clientInfo"]["name"].as_str().unwrap_or_default();
        let result = json!({
            "userAgent": format!("{name}/{} (fake)", super::VERSION),
            "codexHome": self.host.home,
            "platformFamily": "unix",
            "platformOs": "linux",
        });
        steps.push(Step::Line(rpc::answer(id, &result)));
        let status = json!({
            "status": "disabled", "serverName": "fake", "installationId": "fake", "environmentId": null,
        });
        self.notify("remoteControl/status/changed", &status, steps);
    }

    fn model_list(&self, params: &Value) -> Value {
        let models = catalog::model_list(&self.models, params["includeHidden"] == true);
        let from = params["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or(0_usize);
        let limit = params["limit"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        let page: Vec<&Value> = models.iter().skip(from).take(limit).collect();
        let next = from.saturating_add(page.len());
        json!({ "data": page, "nextCursor": (next < models.len()).then(|| next.to_string()) })
    }

    fn diagnostics(&self) -> Value {
        json!({
            "process": {
                "id": self.host.pid, "residentMemoryBytes": self.script.resident_bytes, "physicalFootprintBytes": null,
            },
            "gauges": [
                { "name": "app.requests.in_flight", "value": 1 },
                { "name": "app.requests.queued", "value": 0 },
                { "name": "core.threads.live", "value": self.threads.len() },
                { "name": "core.turns.active", "value": self.turns.len() },
            ],
        })
    }

    /// Refuses what only a client with `experimentalApi` may ask.
    pub(crate) fn experimental(&self, method: &str, params: &Value) -> Result<(), Refusal> {
        if params["experimentalRawEvents"] == true && !self.experimental {
            let what = format!("{method}.experimentalRawEvents requires experimentalApi capability");
            return Err(Refusal::invalid(what));
        }
        Ok(())
    }

    /// Sends a notification that the client has not opted out of.
    pub(crate) fn notify(&self, method: &str, params: &Value, steps: &mut Vec<Step>) {
        if !self.opted_out.contains(method) {
            steps.push(Step::Line(rpc::notification(method, params, self.now())));
        }
    }

    /// The same for a notification that is about a thread: silent once its client has unsubscribed.
    pub(crate) fn notify_thread(&self, thread: &str, method: &str, params: &Value, steps: &mut Vec<Step>) {
        if self.threads.get(thread).is_some_and(|thread| thread.subscribed) {
            self.notify(method, params, steps);
        }
    }

    /// An id that no other start of this child makes.
    pub(crate) fn id(&mut self) -> String {
        self.ids += 1;
        format!("{:08x}-fa4e-7000-8000-{:012x}", self.host.start, self.ids)
    }

    pub(crate) fn now(&self) -> u64 {
        (self.host.now_ms)()
    }

    /// The thread that the params name.
    pub(crate) fn thread(&mut self, params: &Value) -> Result<(String, &mut Thread), Refusal> {
        let id = member(params, "threadId")?;
        match self.threads.get_mut(id) {
            Some(thread) => Ok((id.to_owned(), thread)),
            None => Err(Refusal::invalid(format!("thread not found: {id}"))),
        }
    }
}

/// A required string of the params.
pub(crate) fn member<'p>(params: &'p Value, name: &str) -> Result<&'p str, Refusal> {
    params[name].as_str().ok_or_else(|| Refusal::invalid(format!("Invalid request: missing field `{name}`")))
}

/// The strings of an array.
pub(crate) fn strings(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}
