//! The daemon as a whole: what is started in which order, and how it ends.

use crate::{
    catalog,
    child::{environment, locate, process::Launch},
    client::ClientLimits,
    config::{self, Config},
    listener::{self, BindError, Socket},
    mux::{
        actor::{Actor, INBOX, Load},
        core::{Core, Limits},
    },
    supervisor::{self, Supervisor},
    systemd::{
        notify::{self, Pulse},
        passed,
    },
};
use shared::{build_info, control::Status, exit, shutdown::Shutdown};
use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior},
};

/// How long `codex --version` may take.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// How long the daemon counts as well when nothing newer is heard.
const WELL: Duration = Duration::from_secs(4);
/// How long tasks have to end after the force: the ladder of the child takes up to 4 s.
const END: Duration = Duration::from_secs(8);

/// Why the daemon can't run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state folder can't be used.
    #[error("CODEX_HOME: can't use {}: {source}", path.display())]
    Home {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `config.toml` is no TOML.
    #[error("{}: {message}", path.display())]
    CodexConfig {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// There is no codex.
    #[error(transparent)]
    Locate(#[from] locate::LocateError),
    /// It can't be run.
    #[error("CODEX_BIN: {} can't be run: {source}", path.display())]
    Run {
        /// The binary.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is older than what this build knows.
    #[error("CODEX_BIN: {} is codex {found}, this build needs {} or newer; run `npm install -g @openai/codex@{}`", path.display(), build_info::CODEX_VERSION, build_info::CODEX_VERSION)]
    TooOld {
        /// The binary.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// It is no codex.
    #[error("CODEX_BIN: {} doesn't print a codex version", path.display())]
    NotCodex {
        /// The binary.
        path: PathBuf,
    },
    /// There is no catalog.
    #[error(transparent)]
    Catalog(#[from] catalog::CatalogError),
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
            Self::Home { .. } | Self::CodexConfig { .. } => exit::USAGE,
            Self::Locate(_)
            | Self::Run { .. }
            | Self::TooOld { .. }
            | Self::NotCodex { .. }
            | Self::Catalog(_) => exit::CODEX,
            Self::Bind(_) => exit::BIND,
            Self::Signals(_) => exit::FAILURE,
        }
    }
}

/// Runs the daemon until a signal ends it.
///
/// # Errors
/// [`DaemonError`], when it can't start. What happens to the child later is no error: it is restarted.
pub async fn run(config: Config) -> Result<(), DaemonError> {
    let signals = Signals::new().map_err(DaemonError::Signals)?;
    prepare_home(&config.codex_home)?;
    // Before the child: what can't be served needn't be started.
    let socket = match passed::listener(config::passed_sockets()).map_err(BindError::from)? {
        Some(passed) => Socket::passed(passed)?,
        None => Socket::bind(&config.socket, config.socket_mode)?,
    };
    let (launch, version) = find_codex(&config).await?;
    let catalog = catalog::prepare(&launch, &config.codex_home, &version, &config.served_models()).await?;
    tracing::info!(
        event = "daemon_started", version = build_info::VERSION, codex = version,
        socket = %socket.path().display(), "serving the app-server protocol"
    );
    let shutdown = Shutdown::new();
    if catalog.cached {
        let (launch, catalog) = (launch.clone(), catalog.clone());
        shutdown.spawn(async move {
            if let Err(error) = catalog::refresh(&launch, &catalog).await {
                tracing::warn!(event = "catalog_stale", %error, "the model catalog was not refreshed");
            }
        });
    }
    let load = start(&config, socket, supervisor_config(&config, launch, catalog), &shutdown);
    stop(signals, load, &shutdown, config.grace).await;
    Ok(())
}

fn start(
    config: &Config,
    socket: Socket,
    supervised: supervisor::Config,
    shutdown: &Shutdown,
) -> watch::Receiver<Load> {
    let limits = Limits {
        rpc_window: config.rpc_window,
        turns: config.turns,
        waiting_turns: config.waiting_turns,
        client_requests: config.client_requests,
        request_timeout: config.request_timeout,
    };
    let (actor, load) = Actor::new(Core::new(limits, config.policy.clone()));
    let (client_events, from_clients) = mpsc::channel(INBOX);
    let (child_events, from_child) = mpsc::channel(INBOX);
    shutdown.spawn(actor.run(from_clients, from_child, shutdown.clone()));
    let (pulse, told) =
        watch::channel(Pulse { status: Status::default(), well_until: Instant::now() + WELL });
    shutdown.spawn(notify::report(told, config.watchdog, shutdown.clone()));
    shutdown.spawn(keep_well(pulse.clone(), shutdown.clone()));
    shutdown.spawn(Supervisor::new(supervised, child_events, load.clone(), pulse, shutdown.clone()).run());
    let limits = ClientLimits { line: config.max_line, queue: config.client_queue };
    shutdown.spawn(listener::accept(socket, limits, config.clients, client_events, shutdown.clone()));
    load
}

/// Vouches for the daemon as long as its one thread gets around to it.
async fn keep_well(pulse: watch::Sender<Pulse>, shutdown: Shutdown) {
    let mut tick = tokio::time::interval(WELL / 4);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            now = tick.tick() => pulse.send_modify(|pulse| pulse.well_until = now + WELL),
            () = shutdown.forced() => return,
        }
    }
}

/// Drain on the first signal, force on the second or after the grace, then wait for every task.
async fn stop(mut signals: Signals, mut load: watch::Receiver<Load>, shutdown: &Shutdown, grace: Duration) {
    signals.next().await;
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
        () = signals.next() => false,
    };
    shutdown.start_force();
    let clean = shutdown.finished(END).await;
    tracing::info!(event = "daemon_stopped", drained, clean);
}

/// SIGTERM and SIGINT.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

fn prepare_home(path: &Path) -> Result<(), DaemonError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DaemonError::Home { path: path.to_path_buf(), source })
}

/// Finds the native binary and checks its version.
async fn find_codex(config: &Config) -> Result<(Launch, String), DaemonError> {
    let path = config.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let program = locate::locate(&config.codex_bin, path)?;
    let launch = Launch {
        environment: environment::build(
            config.environment.clone(),
            &config.codex_home,
            &config.child_log,
            config.ca_bundle.as_deref(),
            &environment::provider_keys(&read_codex_config(&config.codex_home)?),
        ),
        arguments: Vec::new(),
        directory: config.codex_home.clone(),
        program: program.clone(),
    };
    let printed = launch
        .output(&[OsString::from("--version")], VERSION_LIMIT)
        .await
        .map_err(|source| DaemonError::Run { path: program.clone(), source })?;
    let printed = String::from_utf8_lossy(&printed);
    let found = printed.split_whitespace().last().unwrap_or_default().to_owned();
    match (parse_version(&found), parse_version(build_info::CODEX_VERSION)) {
        (None, _) => Err(DaemonError::NotCodex { path: program }),
        (Some(have), Some(need)) if have < need => Err(DaemonError::TooOld { path: program, found }),
        (Some(_), _) => Ok((launch, found)),
    }
}

fn parse_version(text: &str) -> Option<(u64, u64, u64)> {
    let core = text.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(str::parse);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some((major, minor, patch)),
        _ => None,
    }
}

fn read_codex_config(home: &Path) -> Result<toml::Table, DaemonError> {
    let path = home.join("config.toml");
    match fs::read_to_string(&path) {
        Ok(text) => text
            .parse()
            .map_err(|e: toml::de::Error| DaemonError::CodexConfig { path, message: e.message().to_owned() }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(toml::Table::new()),
        Err(source) => Err(DaemonError::Home { path, source }),
    }
}

fn supervisor_config(config: &Config, launch: Launch, catalog: catalog::Catalog) -> supervisor::Config {
    supervisor::Config {
        launch,
        catalog,
        model: config.model.clone(),
        startup_timeout: config.startup_timeout,
        backoff: config.backoff,
        max_line: config.max_line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(parse_version("0.169.0") > parse_version("0.99.12"));
        assert_eq!(parse_version("0.170.0-alpha.1"), Some((0, 170, 0)));
        for odd in ["", "x", "1.2", "1.2.3.4", "a.b.c"] {
            assert_eq!(parse_version(odd), None, "{odd}");
        }
    }
}
