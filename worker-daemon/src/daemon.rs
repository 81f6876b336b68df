//! The daemon as a whole: what is started in which order. How it runs and ends is in [`crate::run`].

use crate::{
    catalog,
    client::ClientLimits,
    config::Config,
    door::Door,
    home::HomeError,
    listener::{self, BindError, Made, Socket},
    measure,
    mux::{
        action::Order,
        actor::{Actor, ChildEvent, INBOX},
        core::{Core, Limits},
        observe::span::Spans,
    },
    peer::Rule,
    spans::Exported,
    supervisor::{
        self, Connections, Supervisor,
        prepare::{PrepareError, Prepared},
    },
    systemd::notify::{self, Pulse},
    toggles,
    workdir::WorkdirError,
};
use handover::take::TakeError;
use otel::Otel;
use shared::{
    control::{Load, Status},
    exit,
    shutdown::Shutdown,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

/// Why the daemon can't run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state folder can't be had.
    #[error(transparent)]
    StateFolder(#[from] HomeError),
    /// The folder of agents can't be had.
    #[error(transparent)]
    Workdir(#[from] WorkdirError),
    /// `CODE_SECURE_MODE` can't be had.
    #[error("CODE_SECURE_MODE: {0}")]
    Hardening(io::Error),
    /// There is no codex that can be started.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// There was one, and it can't be started any more.
    #[error("codex was lost and can't be started again: {0}")]
    Lost(String),
    /// A part of the daemon has ended.
    #[error("the {0} of the daemon ended; this is a bug, and the log says where")]
    Broken(&'static str),
    /// The socket can't be served.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// It can't take over.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// It could take over, and couldn't serve.
    #[error("took nothing over: {0}")]
    Unready(&'static str),
    /// What a younger daemon is to get can't be had.
    #[error("can't keep the socket for a younger daemon: {0}")]
    Keep(io::Error),
    /// Signals can't be watched.
    #[error("can't watch signals: {0}")]
    Signals(io::Error),
}

impl DaemonError {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::StateFolder(error) => error.exit_code(),
            Self::Workdir(_) => exit::USAGE,
            Self::Prepare(
                PrepareError::CodexConfig { .. }
                | PrepareError::Unreadable { .. }
                | PrepareError::Link { .. },
            ) => exit::USAGE,
            Self::Prepare(
                PrepareError::Locate(_)
                | PrepareError::Run { .. }
                | PrepareError::TooOld { .. }
                | PrepareError::NotCodex { .. }
                | PrepareError::Catalog(_),
            ) => exit::CODEX,
            Self::Lost(_) => exit::LOST,
            Self::Bind(_) => exit::BIND,
            Self::Signals(_)
            | Self::Hardening(_)
            | Self::Broken(_)
            | Self::Take(_)
            | Self::Unready(_)
            | Self::Keep(_) => exit::FAILURE,
        }
    }
}

/// What was left by an earlier start is refreshed behind this one.
pub(crate) fn refresh_catalog(prepared: &Prepared, shutdown: &Shutdown) {
    if prepared.catalog.cached {
        let Prepared { launch, catalog, .. } = prepared.clone();
        shutdown.spawn(async move {
            if let Err(error) = catalog::refresh(&launch, &catalog).await {
                tracing::warn!(event = "catalog_stale", %error, "the model catalog was not refreshed");
            }
        });
    }
}

/// A daemon that could serve, and its handles.
pub(crate) struct Running {
    pub(crate) load: watch::Receiver<Load>,
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) lost: oneshot::Receiver<String>,
    pub(crate) essential: Essential,
    /// What the child does.
    pub(crate) pulse: watch::Receiver<Pulse>,
    /// The actor's inbox for what comes from inside, as long as it is open.
    inside: mpsc::WeakSender<ChildEvent>,
    closed: Option<(Socket, Door)>,
    watchdog: Option<Duration>,
}

impl Running {
    /// Accepts connections from now on. Once.
    /// `made` is the socket's file, where this or an older daemon had made it: it is ours to remove.
    pub(crate) fn accept(&mut self, made: Option<Made>, shutdown: &Shutdown) {
        if let Some((mut socket, door)) = self.closed.take() {
            socket.own(made);
            self.essential.listener = Some(shutdown.spawn(listener::accept(socket, door)));
        }
    }

    /// Tells systemd how the daemon is from now on. Once.
    pub(crate) fn report(&self, shutdown: &Shutdown) {
        shutdown.spawn(notify::report(self.pulse.clone(), self.watchdog, shutdown.clone()));
    }

    /// Tells the actor something from inside.
    pub(crate) async fn tell(&self, event: ChildEvent) {
        if let Some(inside) = self.inside.upgrade() {
            // Where it is gone, the daemon ends.
            inside.send(event).await.ok();
        }
    }
}

/// The tasks without which there is no daemon.
pub(crate) struct Essential {
    mux: JoinHandle<()>,
    /// None before connections are accepted, and where a younger daemon does that.
    listener: Option<JoinHandle<()>>,
    supervisor: JoinHandle<()>,
}

impl Essential {
    /// The name of the one that ends first. Not to be called again after that.
    pub(crate) async fn ended(&mut self) -> &'static str {
        let listener = async {
            match &mut self.listener {
                Some(listener) => drop(listener.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = &mut self.mux => "mux",
            () = listener => "listener",
            _ = &mut self.supervisor => "supervisor",
        }
    }

    /// A younger daemon accepts connections.
    pub(crate) fn no_listener(&mut self) {
        self.listener = None;
    }
}

/// Starts everything but the service at the socket. `successor` says that it takes over: what is switched is an older daemon's
/// until it lets go.
pub(crate) fn start(
    config: Arc<Config>,
    socket: Socket,
    prepared: Prepared,
    successor: bool,
    otel: &Otel,
    shutdown: &Shutdown,
) -> Running {
    let limits = Limits {
        rpc_window: config.rpc_window,
        turns: config.turns,
        waiting_turns: config.waiting_turns,
        client_requests: config.client_requests,
        client_threads: config.client_threads,
        request_timeout: config.request_timeout,
        turn_timeout: config.turn_timeout,
        turn_idle_timeout: config.turn_idle_timeout,
        probe_interval: config.probe_interval,
        probe_timeout: config.probe_timeout,
        max_rss: config.max_rss,
    };
    let policy = config.policy.clone().with_catalog(&prepared.catalog.raw);
    let (orders, from_mux) = mpsc::channel(supervisor::INBOX);
    let mut core = Core::new(limits, policy);
    core.on_models(Arc::clone(&prepared.catalog.models));
    core.count_with(measure::counters(otel.clone()));
    if let Some(tracer) = otel.tracer() {
        core.observe().spans = Spans::new(Box::new(Exported::new(tracer.clone())));
    }
    let (kept, from_disk) = mpsc::channel(1);
    let keep = toggles::keeper(&mut core, &config.codex_home, kept, shutdown);
    if successor {
        core.freeze_toggles();
    }
    let (measured, from_system) = mpsc::channel(1);
    let (actor, load) = Actor::new(core, orders.clone(), keep, measure::start(measured, shutdown));
    let (client_events, from_clients) = mpsc::channel(INBOX);
    let (events, from_child) = mpsc::channel(INBOX);
    let inside = events.downgrade();
    let (told, lost) = oneshot::channel();
    let mux = shutdown.spawn(actor.run(from_clients, from_child, from_disk, from_system, shutdown.clone()));
    let (pulse, felt) = watch::channel(Pulse { status: Status::default(), well_until: Instant::now() });
    let limits = ClientLimits { line: config.max_line, queue: config.client_queue };
    let door = Door {
        rule: Rule::new(config.allow_uids.clone()),
        path: socket.path().to_path_buf(),
        max_clients: config.clients,
        limits,
        events: client_events,
        shutdown: shutdown.clone(),
    };
    let watchdog = config.watchdog;
    let connections = Connections {
        events,
        orders: from_mux,
        load: load.clone(),
        pulse,
        lost: Some(told),
        shutdown: shutdown.clone(),
    };
    let supervisor = shutdown.spawn(Supervisor::new(config, prepared, connections).run());
    let essential = Essential { mux, listener: None, supervisor };
    Running { load, orders, lost, essential, pulse: felt, inside, closed: Some((socket, door)), watchdog }
}
