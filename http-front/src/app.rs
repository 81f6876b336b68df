//! The front as a whole: what is started in which order. How it runs and ends is in [`crate::run`].

use crate::{
    auth::{self, Auth, KeysError},
    config::Config,
    daemon::{aliases, link::LinkConfig, pool::Daemon},
    http::{
        descriptors,
        listener::{self, HttpLimits},
        lookup::NameError,
        sockets::{Sockets, SocketsError},
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
use handover::take::TakeError;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use otel::Otel;
use shared::{
    build_info, exit,
    settings::{Problem, Values},
    shutdown::Shutdown,
};
use std::{io, net::SocketAddr, pin::Pin, sync::Arc};
use tokio::{net::TcpListener, sync::Semaphore};

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
    /// The sockets can't be had.
    #[error(transparent)]
    Sockets(#[from] SocketsError),
    /// A socket doesn't tell where it listens.
    #[error("can't see where the listeners are: {0}")]
    Listeners(io::Error),
    /// It can't take over.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// It could take over, and couldn't serve.
    #[error("took nothing over: {0}")]
    Unready(&'static str),
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
            Self::Sockets(_) | Self::Name(_) => exit::BIND,
            Self::Keys(_) | Self::Images(_) | Self::Prompt(_) | Self::Records(_) => exit::USAGE,
            Self::Signals(_) | Self::Listeners(_) | Self::Take(_) | Self::Unready(_) => exit::FAILURE,
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

/// A front that could serve.
pub struct Front {
    /// Where it listens.
    pub addresses: Addresses,
    /// Its daemon.
    pub daemon: Daemon,
    /// Serves the listeners, one each.
    serve: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Front {
    /// Accepts connections from now on.
    pub fn open(self, shutdown: &Shutdown) {
        for serve in self.serve {
            // A drain waits for it, too: one that it has accepted is served.
            shutdown.spawn_work(serve);
        }
    }
}

/// Starts everything but the service at these sockets; `reload` tells when files are to be read again.
///
/// # Errors
/// [`FrontError`]; nothing is served then.
pub fn start(
    config: Config,
    sockets: Sockets,
    otel: Otel,
    shutdown: &Shutdown,
    reload: &Reload,
) -> Result<Front, FrontError> {
    let (auth, keys) = auth::load(&config)?;
    let images = Images::new(config.images.clone(), shutdown)?;
    let prompt = Prompt::load(&config)?;
    let metrics = Arc::<Metrics>::default();
    let records = Records::open(&config.records, &metrics, shutdown, reload)?;
    let Sockets { public, internal } = sockets;
    let local = |listener: &TcpListener| listener.local_addr().map_err(FrontError::Listeners);
    let addresses = Addresses { public: local(&public)?, internal: local(&internal)? };
    tracing::info!(
        event = "front_started", version = build_info::VERSION,
        public = %addresses.public, internal = %addresses.internal,
    );
    let agents_wanted = config.rights().any_agent() || auth.any_agent();
    let pooled = config.workers.len() > 1;
    let links = config.workers.iter().map(|worker| LinkConfig {
        socket: worker.socket.clone(),
        name: worker.name.clone(),
        pooled,
        max_line: config.max_line,
        default_model: config.model.clone(),
        // A key of the file that may ask for one can come at any time.
        agents: (agents_wanted || config.keys_file.is_some()).then(|| config.agent()),
        agents_wanted,
    });
    let links: Vec<LinkConfig> = links.collect();
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
    let variables = Variables {
        maintenance: config.maintenance,
        retry_after: config.maintenance_retry_after,
        app_server: config.app_server,
    };
    let board = Board::new(variables, links.len());
    let end = shutdown.clone();
    shutdown.spawn(board::tell(board.clone(), async move { end.forced().await }));
    let daemon = Daemon::connect(links, config.stream_buffer, config.affinity, &board, shutdown);
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
    let sides = [(public, Side::Public, for_public), (internal, inside, for_internal)];
    let serve = sides.map(|(listener, side, connections)| {
        let limits = HttpLimits { header_timeout, write_timeout, connections };
        let counts = app.metrics.connections();
        let service = TowerToHyperService::new(warp::service(dispatch::routes(app.clone(), side)));
        let log = app.records.access.clone();
        let service = move |request| {
            let (request, access) = access::begin(log.as_ref(), side, request);
            access::answer(access, service.call(dispatch::with_path(request)))
        };
        let serve = listener::serve(listener, service, limits, counts, shutdown.clone());
        Box::pin(serve) as Pin<Box<dyn Future<Output = ()> + Send>>
    });
    Ok(Front { addresses, daemon: app.daemon.clone(), serve: serve.into() })
}
