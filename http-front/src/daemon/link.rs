//! The connection to the daemon: made again whenever it breaks, shared by every request.

use super::{
    table::{Call, Heard, Table},
    turn::{TurnKey, TurnStream},
};
use crate::auth::KeyName;
use crate::translate::{
    event::{Delta, End},
    models::Served,
    plan::Plan,
};
use futures_util::StreamExt;
use serde_json::value::RawValue;
use shared::{
    app_server::{
        method,
        model::{ModelListParams, ModelListResult},
        start::{Capabilities, ClientInfo, InitializeParams},
    },
    backoff::{Backoff, Policy},
    build_info,
    codec::{Decoded, LineCodec},
    control::{self, Status, WorkerState},
    line::Line,
    queue::{self, Sender},
    rpc::{self, ErrorObject, Message},
    shutdown::Shutdown,
    writer::write_lines,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::UnixStream,
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::codec::FramedRead;

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
    "account/rateLimits/updated",
    "configWarning",
    "deprecationNotice",
    "skills/changed",
    "model/rerouted",
    "warning",
];
/// The largest number of models that is read; pages beyond it are left.
const MAX_MODELS: usize = 1000;
/// How long to wait after the daemon refused the list of models; nothing is served without one.
const MODELS_AGAIN: Duration = Duration::from_secs(1);
/// Delays between attempts to connect: the daemon is on the same host, so they are short.
const RECONNECT: Policy = Policy {
    initial: Duration::from_millis(50),
    max: Duration::from_secs(1),
    stable_after: Duration::from_secs(5),
};
/// Turns that may wait for the link.
const COMMANDS: usize = 1024;
/// Lines that are handled before what they cause is written.
const BATCH: usize = 64;
/// The buffer for lines of the daemon.
const READ_BUFFER: usize = 64 * 1024;

/// How often it is looked whether the daemon still speaks.
const LOOK: Duration = Duration::from_secs(1);
/// A daemon that has said nothing for so long is asked for its status.
const QUIET: Duration = Duration::from_secs(3);
/// A daemon that has said nothing for so long counts as gone until it speaks again.
const SILENT: Duration = Duration::from_secs(8);

/// The bounds of the link.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// The daemon's socket (`WORKER_SOCKET`).
    pub socket: PathBuf,
    /// What one turn may have waiting for its reader, in bytes (`PROXY_STREAM_BUFFER_BYTES`).
    pub turn_buffer: usize,
    /// The longest line, in bytes.
    pub max_line: usize,
    /// The default model (`CODEX_MODEL`); the child's own when unset.
    pub default_model: Option<String>,
}

/// What the link knows of the daemon.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Whether it is connected and the daemon answered the handshake.
    pub connected: bool,
    /// Whether the daemon is connected and says nothing, not even when it is asked.
    pub silent: bool,
    /// The daemon's own word.
    pub status: Option<Status>,
    /// The child's models; kept while it is down.
    pub models: Arc<Served>,
}

impl Health {
    /// Whether turns can be started. Before the models came once no name can be resolved.
    pub fn is_ready(&self) -> bool {
        self.connected
            && !self.silent
            && !self.models.models.is_empty()
            && self.status.as_ref().is_some_and(|s| s.state == WorkerState::Ready)
    }

    /// How long until it is worth another try, as far as the daemon says.
    pub fn retry_after(&self) -> Option<Duration> {
        self.status.as_ref()?.backoff_ms.map(Duration::from_millis)
    }
}

struct Start {
    key: TurnKey,
    plan: Plan,
    caller: Option<KeyName>,
    deltas: Sender<Delta>,
}

/// The daemon, as requests see it. Cheap to clone.
#[derive(Clone)]
pub struct Daemon {
    starts: mpsc::Sender<Start>,
    cancels: mpsc::UnboundedSender<TurnKey>,
    health: watch::Receiver<Health>,
    next: Arc<AtomicU64>,
    turn_buffer: usize,
}

impl Daemon {
    /// Starts the link's task.
    pub fn connect(config: LinkConfig, shutdown: &Shutdown) -> Self {
        let (starts, start_queue) = mpsc::channel(COMMANDS);
        let (cancels, cancel_queue) = mpsc::unbounded_channel();
        let (health, watch) = watch::channel(Health::default());
        let turn_buffer = config.turn_buffer;
        let link =
            Link { config, starts: start_queue, cancels: cancel_queue, health, shutdown: shutdown.clone() };
        shutdown.spawn(link.run());
        Self { starts, cancels, health: watch, next: Arc::new(AtomicU64::new(0)), turn_buffer }
    }

    /// What is known of the daemon now.
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// Starts a turn for `caller`, with whom the daemon is fair. The stream ends with [`End::Unavailable`] when there is no daemon.
    ///
    /// Waits while very many turns wait for the link. Cancel safe: a turn that was not handed over does not run.
    pub async fn start(&self, plan: Plan, caller: Option<KeyName>) -> TurnStream {
        let key = TurnKey(self.next.fetch_add(1, Ordering::Relaxed));
        let (deltas, received) = queue::channel(self.turn_buffer);
        let stream = TurnStream::new(key, received, self.cancels.clone());
        if let Err(mpsc::error::SendError(start)) =
            self.starts.send(Start { key, plan, caller, deltas }).await
        {
            start.deltas.push_last(Delta::End(End::Unavailable));
        }
        stream
    }
}

struct Link {
    config: LinkConfig,
    starts: mpsc::Receiver<Start>,
    cancels: mpsc::UnboundedReceiver<TurnKey>,
    health: watch::Sender<Health>,
    shutdown: Shutdown,
}

/// Why a session ended.
enum Ended {
    Shutdown,
    Lost,
}

impl Link {
    async fn run(mut self) {
        let mut backoff = Backoff::new(RECONNECT);
        loop {
            let connected = UnixStream::connect(&self.config.socket).await;
            let since = Instant::now();
            let stable = match connected {
                Ok(stream) => {
                    tracing::info!(event = "daemon_connected", socket = %self.config.socket.display());
                    if let Ended::Shutdown = self.session(stream).await {
                        return;
                    }
                    tracing::warn!(event = "daemon_lost", socket = %self.config.socket.display());
                    self.health.send_modify(|h| {
                        h.connected = false;
                        h.silent = false;
                        h.status = None;
                    });
                    Some(since.elapsed())
                }
                Err(error) => {
                    if backoff.streak() == 0 {
                        tracing::warn!(event = "daemon_unreachable", socket = %self.config.socket.display(), %error);
                    }
                    None
                }
            };
            let delay = backoff.after(stable);
            if !self.pause(delay).await {
                return;
            }
        }
    }

    /// Waits, and refuses what comes meanwhile. False at the end.
    async fn pause(&mut self, delay: Duration) -> bool {
        let mut over = std::pin::pin!(tokio::time::sleep(delay));
        loop {
            tokio::select! {
                () = &mut over => return true,
                () = self.shutdown.forced() => return false,
                start = self.starts.recv() => match start {
                    Some(start) => start.deltas.push_last(Delta::End(End::Unavailable)),
                    None => return false,
                },
                _ = self.cancels.recv() => {}
            }
        }
    }

    async fn session(&mut self, stream: UnixStream) -> Ended {
        let (reader, writer) = stream.into_split();
        // Requests wait here while the daemon reads slowly; admission and body limits bound them.
        let (lines, queued) = queue::channel(usize::MAX);
        self.shutdown.spawn(write_lines(writer, queued));
        let mut reader = FramedRead::with_capacity(reader, LineCodec::new(self.config.max_line), READ_BUFFER);
        let mut session = Session {
            table: Table::default(),
            lines,
            out: Vec::new(),
            greeting: false,
            models: Vec::new(),
            models_at: None,
            default_model: self.config.default_model.clone(),
            asked: false,
        };
        let subscribe = session.table.call(Call::Subscribe, control::SUBSCRIBE, &serde_json::json!({}));
        session.out.push(subscribe);
        session.greet();
        session.flush();
        let mut starts = Vec::new();
        let mut heard = Instant::now();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                decoded = reader.next() => match decoded {
                    Some(Ok(decoded)) => {
                        heard = Instant::now();
                        session.spoke(&self.health);
                        session.hear(decoded, &self.health);
                        // What is there already is handled before anything is written.
                        for _ in 0..BATCH {
                            match futures_util::FutureExt::now_or_never(reader.next()) {
                                Some(Some(Ok(decoded))) => session.hear(decoded, &self.health),
                                Some(Some(Err(_)) | None) | None => break,
                            }
                        }
                    }
                    Some(Err(_)) | None => break Ended::Lost,
                },
                n = self.starts.recv_many(&mut starts, BATCH) => {
                    if n == 0 { break Ended::Shutdown }
                    for start in starts.drain(..) {
                        session.start(start);
                    }
                }
                Some(key) = self.cancels.recv() => {
                    // A turn that is given up at once may still wait behind us: it must be known to be cancelled.
                    while let Ok(start) = self.starts.try_recv() {
                        session.start(start);
                    }
                    session.table.cancel(key, &mut session.out);
                }
                () = tokio::time::sleep_until(session.models_at.unwrap_or_else(Instant::now)),
                    if session.models_at.is_some() => session.list_models(None),
                _ = look.tick() => session.look(heard.elapsed(), &self.health),
                () = self.shutdown.forced() => break Ended::Shutdown,
            }
            session.flush();
        };
        session.table.lost(match ended {
            Ended::Shutdown => &End::Stopped,
            Ended::Lost => &End::Lost,
        });
        ended
    }
}

/// One connection.
struct Session {
    table: Table,
    lines: Sender<Line>,
    out: Vec<Line>,
    /// Whether an `initialize` is unanswered.
    greeting: bool,
    /// The configured default model.
    default_model: Option<String>,
    /// The pages of models that came so far.
    models: Vec<shared::app_server::model::Model>,
    /// When they are asked for again, after a refusal.
    models_at: Option<Instant>,
    /// Whether a quiet daemon was asked for its status.
    asked: bool,
}

impl Session {
    fn start(&mut self, Start { key, plan, caller, deltas }: Start) {
        let line = self.table.start(key, plan, caller, deltas);
        self.out.push(line);
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
                opt_out_notification_methods: Some(OPT_OUTS.iter().map(|m| (*m).to_owned()).collect()),
            }),
        };
        self.greeting = true;
        let initialize = self.table.call(Call::Initialize, method::INITIALIZE, &params);
        self.out.push(initialize);
    }

    /// The daemon said something.
    fn spoke(&mut self, health: &watch::Sender<Health>) {
        self.asked = false;
        health.send_if_modified(|h| std::mem::take(&mut h.silent));
    }

    /// Nothing was heard of the daemon for `quiet`: one that hangs must not look ready.
    fn look(&mut self, quiet: Duration, health: &watch::Sender<Health>) {
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

    fn flush(&mut self) {
        for line in self.out.drain(..) {
            // An unbounded queue takes any line.
            let _fits = self.lines.push(line);
        }
    }

    fn hear(&mut self, decoded: Decoded, health: &watch::Sender<Health>) {
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
            Heard::Notification { name } => {
                if name == control::STATUS
                    && let Ok(Message::Notification { params: Some(status), .. }) =
                        Message::<Status, &RawValue>::parse(&line)
                {
                    self.status(status, health);
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
                self.list_models(None);
            }
            (Call::Models, Ok(page)) => match serde_json::from_str(page.get()) {
                Ok(ModelListResult { data, next_cursor }) => {
                    self.models.extend(data);
                    match next_cursor {
                        Some(cursor) if self.models.len() < MAX_MODELS => self.list_models(Some(cursor)),
                        Some(_) | None => {
                            let models = std::mem::take(&mut self.models);
                            health.send_modify(|h| {
                                let default = h.models.default.clone();
                                h.models = Arc::new(Served { models, default });
                            });
                        }
                    }
                }
                Err(_) => {
                    tracing::warn!(event = "models_unreadable", "the child's model list was not understood")
                }
            },
            (call, Err(error)) => {
                tracing::warn!(
                    event = "daemon_refused",
                    ?call,
                    code = error.code,
                    "the daemon refused a call"
                );
                // The child is down. The next change of its state brings another try.
                if call == Call::Initialize {
                    self.greeting = false;
                }
                let ready = |status: &Status| status.state == WorkerState::Ready;
                if call == Call::Models && health.borrow().status.as_ref().is_some_and(ready) {
                    self.models_at = Some(Instant::now() + MODELS_AGAIN);
                }
            }
        }
    }

    fn status(&mut self, status: Status, health: &watch::Sender<Health>) {
        let ready = status.state == WorkerState::Ready;
        let default = self.default_model.clone().or_else(|| status.default_model.clone());
        let connected = health.borrow().connected;
        health.send_modify(|h| {
            if default.is_some() && default != h.models.default {
                h.models = Arc::new(Served { models: h.models.models.clone(), default });
            }
            h.status = Some(status);
        });
        if ready && connected {
            // A fresh child may know other models.
            self.list_models(None);
        } else if ready && !self.greeting {
            self.greet();
        }
    }

    fn list_models(&mut self, cursor: Option<String>) {
        self.models_at = None;
        if cursor.is_none() {
            self.models.clear();
        }
        let params = ModelListParams { cursor, include_hidden: None };
        let line = self.table.call(Call::Models, method::MODEL_LIST, &params);
        self.out.push(line);
    }
}
