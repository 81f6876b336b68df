//! The daemon as a whole: what is started in which order, and how it ends.

use crate::{
    catalog,
    client::ClientLimits,
    config::{self, Config},
    door::Door,
    hardening,
    home::{self, HomeError},
    listener::{self, BindError, Socket},
    measure,
    mux::{
        action::{Order, Reason},
        actor::{Actor, INBOX},
        core::{Core, Limits},
        observe::span::Spans,
    },
    peer::Rule,
    spans::Exported,
    supervisor::{
        self, Connections, Supervisor,
        prepare::{PrepareError, Prepared, prepare},
    },
    systemd::{
        notify::{self, Pulse},
        passed,
    },
    toggles,
    workdir::{self, WorkdirError},
};
use otel::Otel;
use shared::{
    build_info,
    control::{Load, Status},
    exit,
    shutdown::Shutdown,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

/// How long tasks have to end after the force: the ladder of the child takes up to 4 s.
const END: Duration = Duration::from_secs(8);

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
            Self::Signals(_) | Self::Hardening(_) | Self::Broken(_) => exit::FAILURE,
        }
    }
}

/// Runs the daemon until a signal, `daemon/drain` or the loss of codex ends it.
///
/// # Errors
/// [`DaemonError`], when it can't start, or codex is gone for good. A codex that merely ends is started again.
pub async fn run(config: Config, otel: Otel) -> Result<(), DaemonError> {
    let signals = Signals::new().map_err(DaemonError::Signals)?;
    if config.secure_mode {
        hardening::apply().map_err(DaemonError::Hardening)?;
    }
    // Ours alone until the end.
    let _home = home::prepare(&config.codex_home)?;
    if let Some(workdir) = config.policy.workdir() {
        workdir::prepare(workdir)?;
    }
    // Before the child: what can't be served needn't be started.
    let socket = match passed::listener(config::passed_sockets()).map_err(BindError::from)? {
        Some(passed) => Socket::passed(passed)?,
        None => Socket::bind(&config.socket, config.socket_mode)?,
    };
    let prepared = prepare(&config).await?;
    tracing::info!(
        event = "daemon_started", version = build_info::VERSION, codex = prepared.version,
        socket = %socket.path().display(), "serving the app-server protocol"
    );
    let shutdown = Shutdown::new();
    refresh_catalog(&prepared, &shutdown);
    let grace = config.grace;
    let running = start(Arc::new(config), socket, prepared, &otel, &shutdown);
    stop(signals, running, &shutdown, grace).await
}

/// What was left by an earlier start is refreshed behind this one.
fn refresh_catalog(prepared: &Prepared, shutdown: &Shutdown) {
    if prepared.catalog.cached {
        let Prepared { launch, catalog, .. } = prepared.clone();
        shutdown.spawn(async move {
            if let Err(error) = catalog::refresh(&launch, &catalog).await {
                tracing::warn!(event = "catalog_stale", %error, "the model catalog was not refreshed");
            }
        });
    }
}

/// The handles of a running daemon.
struct Running {
    load: watch::Receiver<Load>,
    orders: mpsc::Sender<Order>,
    lost: oneshot::Receiver<String>,
    essential: Essential,
}

/// The tasks without which there is no daemon.
struct Essential {
    mux: JoinHandle<()>,
    listener: JoinHandle<()>,
    supervisor: JoinHandle<()>,
}

impl Essential {
    /// The name of the one that ends first. Not to be called again after that.
    async fn ended(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.mux => "mux",
            _ = &mut self.listener => "listener",
            _ = &mut self.supervisor => "supervisor",
        }
    }
}

fn start(
    config: Arc<Config>,
    socket: Socket,
    prepared: Prepared,
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
    let (measured, from_system) = mpsc::channel(1);
    let (actor, load) = Actor::new(core, orders.clone(), keep, measure::start(measured, shutdown));
    let (client_events, from_clients) = mpsc::channel(INBOX);
    let (events, from_child) = mpsc::channel(INBOX);
    let (told, lost) = oneshot::channel();
    let mux = shutdown.spawn(actor.run(from_clients, from_child, from_disk, from_system, shutdown.clone()));
    let (pulse, felt) = watch::channel(Pulse { status: Status::default(), well_until: Instant::now() });
    shutdown.spawn(notify::report(felt, config.watchdog, shutdown.clone()));
    let limits = ClientLimits { line: config.max_line, queue: config.client_queue };
    let door = Door {
        rule: Rule::new(config.allow_uids.clone()),
        path: socket.path().to_path_buf(),
        max_clients: config.clients,
        limits,
        events: client_events,
        shutdown: shutdown.clone(),
    };
    let listener = shutdown.spawn(listener::accept(socket, door));
    let connections = Connections {
        events,
        orders: from_mux,
        load: load.clone(),
        pulse,
        lost: Some(told),
        shutdown: shutdown.clone(),
    };
    let supervisor = shutdown.spawn(Supervisor::new(config, prepared, connections).run());
    Running { load, orders, lost, essential: Essential { mux, listener, supervisor } }
}

/// Drain on the first signal, force on the second or after the grace, then wait for every task.
async fn stop(
    mut signals: Signals,
    running: Running,
    shutdown: &Shutdown,
    grace: Duration,
) -> Result<(), DaemonError> {
    let Running { mut load, orders, mut lost, mut essential } = running;
    let why = loop {
        tokio::select! {
            // A drain first: with it the listener ends, which is no bug then.
            biased;
            () = shutdown.draining() => break None,
            asked = signals.next() => match asked {
                Asked::End => break None,
                Asked::Replace => {
                    // A full inbox means that one is on its way.
                    let _on_its_way = orders.try_send(Order::Replace(Reason::Signal));
                }
            },
            Ok(why) = &mut lost => {
                tracing::error!(event = "worker_lost", critical = true, error = %why, "codex can't be started again");
                break Some(DaemonError::Lost(why));
            }
            // A panic; its place is in the log.
            name = essential.ended() => break Some(DaemonError::Broken(name)),
        }
    };
    tracing::info!(
        event = "worker_drain",
        turns = load.borrow().turns,
        "draining; a second signal forces the end"
    );
    shutdown.start_drain();
    let idle = load.wait_for(|load| load.turns == 0 && load.unanswered == 0 && load.threads == 0);
    let drained = tokio::select! {
        _ = idle => true,
        () = tokio::time::sleep(grace) => false,
        () = signals.end() => false,
    };
    shutdown.start_force();
    let clean = shutdown.finished(END).await;
    tracing::info!(event = "daemon_stopped", drained, clean);
    why.map_or(Ok(()), Err)
}

/// SIGTERM, SIGINT and SIGHUP.
struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

/// What a signal asks for.
enum Asked {
    End,
    Replace,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::End,
            _ = self.int.recv() => Asked::End,
            _ = self.hup.recv() => Asked::Replace,
        }
    }

    /// The next signal that asks for the end.
    async fn end(&mut self) {
        while let Asked::Replace = self.next().await {}
    }
}
