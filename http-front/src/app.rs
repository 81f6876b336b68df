//! The front as a whole: what is started in which order, and how it ends.

use crate::{
    auth::{self, Auth, KeysError},
    config::Config,
    daemon::{
        aliases,
        link::{Daemon, LinkConfig},
    },
    http::{
        descriptors,
        listener::{self, BindError, HttpLimits},
        lookup::{self, NameError},
    },
    images::{Images, ImagesError},
    limits::Limits,
    metrics::Metrics,
    prompt::{Prompt, PromptError},
    records::{self, Records, RecordsError, access},
    reload::Reload,
    routes::{dispatch, table::Side},
    spans::Spans,
    state::{
        board::{self, Board},
        toggles::Variables,
    },
};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use otel::Otel;
use sd_notify::NotifyState;
use shared::{
    build_info, exit,
    settings::{Problem, Values},
    shutdown::Shutdown,
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::Semaphore,
};

/// The setting of the internal listener.
const INTERNAL: &str = "PROXY_INTERNAL_ADDR";
/// How long tasks have to end after the force.
const END: Duration = Duration::from_secs(5);

/// Everything that requests share.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// Who may pass.
    pub auth: Auth,
    /// The daemon.
    pub daemon: Daemon,
    /// Room for large bodies that are read at once.
    pub reading: Semaphore,
    /// The images of requests.
    pub images: Images,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where spans begin.
    pub spans: Spans,
    /// Where requests are written down.
    pub records: Records,
    /// The limits of keys.
    pub limits: Arc<Limits>,
    /// The operator's prompt.
    pub prompt: Prompt,
    /// What an operator has switched.
    pub board: Board,
    /// The end of the program.
    pub shutdown: Shutdown,
}

/// Why the front can't run.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// An address can't be served.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A name stands for no address that can be served.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The file of keys can't be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Images can't be taken as configured.
    #[error(transparent)]
    Images(#[from] ImagesError),
    /// The operator's prompt can't be had.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// Something can't be written down as configured.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// Signals can't be watched.
    #[error("can't watch signals: {0}")]
    Signals(io::Error),
}

impl FrontError {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Bind(_) | Self::Name(_) => exit::BIND,
            Self::Keys(_) | Self::Images(_) | Self::Prompt(_) | Self::Records(_) => exit::USAGE,
            Self::Signals(_) => exit::FAILURE,
        }
    }
}

/// The addresses that are served.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// For clients.
    pub public: SocketAddr,
    /// For operators.
    pub internal: SocketAddr,
}

/// Reads the configuration, looks into the file of keys that it names, and whether what it wants written down can be.
///
/// # Errors
/// Every problem at once.
pub fn configure(values: &Values) -> Result<Config, Vec<Problem>> {
    let config = Config::read(values)?;
    let mut problems = auth::problems(&config);
    problems.extend(records::problems(&config.records));
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Runs the front until a signal ends it.
///
/// # Errors
/// [`FrontError`], when it can't start.
pub async fn run(config: Config, otel: Otel) -> Result<(), FrontError> {
    let watch = |kind| signal(kind).map_err(FrontError::Signals);
    let (mut term, mut int) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
    let mut hup = watch(SignalKind::hangup())?;
    let grace = config.grace;
    let shutdown = Shutdown::new();
    let reload = Reload::default();
    let internal = tokio::select! {
        found = lookup::address(&config.internal, INTERNAL) => found?,
        // Nothing has begun that could be ended.
        () = either(&mut term, &mut int) => return Ok(()),
    };
    start(config, internal, otel, &shutdown, &reload)?;
    tell_systemd(&NotifyState::Ready);
    loop {
        tokio::select! {
            () = either(&mut term, &mut int) => break,
            _ = hup.recv() => {
                tracing::info!(event = "front_reload", "files are read and opened again");
                reload.ask();
            }
        }
    }
    tracing::info!(event = "front_drain", "draining; a second signal forces the end");
    tell_systemd(&NotifyState::Stopping);
    shutdown.start_drain();
    let drained = tokio::select! {
        () = shutdown.work_done() => true,
        () = tokio::time::sleep(grace) => false,
        () = either(&mut term, &mut int) => false,
    };
    shutdown.start_force();
    let clean = shutdown.finished(END).await;
    tracing::info!(event = "front_stopped", drained, clean);
    Ok(())
}

/// Ready means that both listeners are bound: without the daemon, requests get their 503. Without systemd nothing is
/// sent.
fn tell_systemd(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(event = "notify_failed", %error, "can't tell systemd how the front is");
    }
}

async fn either(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// Binds both listeners, the internal one at `internal`, and serves them; `reload` tells when files are to be read again.
///
/// # Errors
/// [`FrontError`]; nothing is served then.
pub fn start(
    config: Config,
    internal: SocketAddr,
    otel: Otel,
    shutdown: &Shutdown,
    reload: &Reload,
) -> Result<Addresses, FrontError> {
    let (auth, keys) = auth::load(&config)?;
    let images = Images::new(config.images.clone(), shutdown)?;
    let prompt = Prompt::load(&config)?;
    let metrics = Arc::<Metrics>::default();
    let records = Records::open(&config.records, &metrics, shutdown, reload)?;
    let public = listener::bind(config.public, "PORT")?;
    let inner = listener::bind(internal, INTERNAL)?;
    let local = |listener: &TcpListener, fallback| listener.local_addr().unwrap_or(fallback);
    let addresses = Addresses { public: local(&public, config.public), internal: local(&inner, internal) };
    tracing::info!(
        event = "front_started", version = build_info::VERSION,
        public = %addresses.public, internal = %addresses.internal,
    );
    let agents_wanted = config.rights().any_agent() || auth.any_agent();
    let link = LinkConfig {
        socket: config.socket.clone(),
        turn_buffer: config.stream_buffer,
        max_line: config.max_line,
        default_model: config.model.clone(),
        // A key of the file that may ask for one can come at any time.
        agents: (agents_wanted || config.keys_file.is_some()).then(|| config.agent()),
        agents_wanted,
    };
    let wanted = config.max_connections;
    let (for_public, for_internal) = descriptors::places(wanted, descriptors::raise());
    if for_public < wanted {
        tracing::warn!(
            event = "too_few_open_files",
            wanted,
            served = for_public,
            "PROXY_MAX_CONNECTIONS is more than the files that may be open (RLIMIT_NOFILE); raise that, as with \
             LimitNOFILE= in a systemd unit"
        );
    }
    let (header_timeout, write_timeout) = (config.header_timeout, config.write_timeout);
    let inside = Side::Internal { metrics: config.metrics };
    let board = Board::new(Variables {
        maintenance: config.maintenance,
        retry_after: config.maintenance_retry_after,
        app_server: config.app_server,
    });
    let end = shutdown.clone();
    shutdown.spawn(board::tell(board.clone(), async move { end.forced().await }));
    let daemon = Daemon::connect(link, board.clone(), shutdown);
    shutdown.spawn(aliases::watch(daemon.watch(), config.aliases.clone()));
    let limits = Arc::new(Limits::new(config.limits.clone(), Arc::clone(&metrics)));
    match keys {
        Some(keys) => {
            shutdown.spawn(keys.run(reload.watch(), metrics.clone(), shutdown.clone()));
        }
        None => metrics.keys(auth.count(), true),
    }
    let app = Arc::new(App {
        limits,
        auth,
        daemon,
        reading: Semaphore::new(config.threads.max(1)),
        images,
        metrics,
        spans: Spans::new(otel, addresses.public, addresses.internal),
        records,
        prompt,
        board,
        shutdown: shutdown.clone(),
        config,
    });
    for (listener, side, connections) in [(public, Side::Public, for_public), (inner, inside, for_internal)] {
        let limits = HttpLimits { header_timeout, write_timeout, connections };
        let counts = app.metrics.connections();
        let service = TowerToHyperService::new(warp::service(dispatch::routes(app.clone(), side)));
        let log = app.records.access.clone();
        let service = move |request| {
            let (request, access) = access::begin(log.as_ref(), side, request);
            access::answer(access, service.call(dispatch::with_path(request)))
        };
        let serve = listener::serve(listener, service, limits, counts, shutdown.clone());
        shutdown.spawn(serve);
    }
    Ok(addresses)
}
