//! The connection to the daemon: made again whenever it breaks, shared by every request.

use super::{
    asker::Asker,
    health::Health,
    scrape::{self, Ask, NoAnswer},
    session::Session,
    turn::{Taken, TurnKey, TurnStream},
};
use crate::state::board::Board;
use crate::trace::TurnTrace;
use crate::translate::{
    agent::AgentSettings,
    event::{Delta, End},
    plan::Plan,
};
use futures_util::StreamExt;
use shared::{
    backoff::{Backoff, Policy},
    codec::LineCodec,
    control::metrics::Told,
    queue::{self, Sender},
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
    /// How agents are to work; `None` where no request can ever ask for one.
    pub agents: Option<AgentSettings>,
    /// Whether somebody may ask for one now, so that it is a fault where the daemon has none.
    pub agents_wanted: bool,
}

/// A turn that is to be started.
pub(super) struct Start {
    pub(super) key: TurnKey,
    pub(super) plan: Plan,
    pub(super) asker: Asker,
    pub(super) deltas: Sender<Delta>,
    pub(super) trace: Option<TurnTrace>,
}

/// The daemon, as requests see it. Cheap to clone.
#[derive(Clone)]
pub struct Daemon {
    starts: mpsc::Sender<Start>,
    cancels: mpsc::UnboundedSender<TurnKey>,
    asks: mpsc::Sender<Ask>,
    health: watch::Receiver<Health>,
    next: Arc<AtomicU64>,
    turn_buffer: usize,
}

impl Daemon {
    /// Starts the link's task. What an operator switches goes to the daemon and comes from it by the board.
    pub fn connect(config: LinkConfig, board: Board, shutdown: &Shutdown) -> Self {
        let (starts, start_queue) = mpsc::channel(COMMANDS);
        let (cancels, cancel_queue) = mpsc::unbounded_channel();
        let (asks, ask_queue) = mpsc::channel(scrape::WAITING);
        let (health, watch) = watch::channel(Health::default());
        let turn_buffer = config.turn_buffer;
        let link = Link {
            config,
            starts: start_queue,
            cancels: cancel_queue,
            asks: ask_queue,
            health,
            board,
            shutdown: shutdown.clone(),
        };
        shutdown.spawn(link.run());
        Self { starts, cancels, asks, health: watch, next: Arc::new(AtomicU64::new(0)), turn_buffer }
    }

    /// What is known of the daemon now.
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// The same as it changes; it ends with the link.
    pub fn watch(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// What the daemon has counted; `None` of an older one, which doesn't know.
    ///
    /// # Errors
    /// [`NoAnswer`], at the latest after a second. Cancel safe.
    pub async fn metrics(&self) -> Result<Option<Arc<Told>>, NoAnswer> {
        scrape::ask(&self.asks).await
    }

    /// Starts a turn for `asker`; what is said of it is told to `trace`. The stream ends with [`End::Unavailable`] when there is no daemon.
    ///
    /// Waits while very many turns wait for the link. Cancel safe: a turn that was not handed over does not run.
    pub async fn start(&self, plan: Plan, asker: Asker, trace: Option<TurnTrace>) -> TurnStream {
        let key = TurnKey(self.next.fetch_add(1, Ordering::Relaxed));
        let (deltas, received) = queue::channel(self.turn_buffer);
        let taken = Taken::default();
        let asker = Asker { taken: taken.clone(), ..asker };
        let stream = TurnStream::new(key, received, self.cancels.clone()).told_by(taken);
        if let Err(mpsc::error::SendError(start)) =
            self.starts.send(Start { key, plan, asker, deltas, trace }).await
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
    asks: mpsc::Receiver<Ask>,
    health: watch::Sender<Health>,
    board: Board,
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
                    self.board.lost();
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
                // Dropped: there is no daemon.
                Some(_ask) = self.asks.recv() => {}
            }
        }
    }

    async fn session(&mut self, stream: UnixStream) -> Ended {
        let (reader, writer) = stream.into_split();
        // Requests wait here while the daemon reads slowly; admission and body limits bound them.
        let (lines, queued) = queue::channel(usize::MAX);
        self.shutdown.spawn(write_lines(writer, queued));
        let mut reader = FramedRead::with_capacity(reader, LineCodec::new(self.config.max_line), READ_BUFFER);
        let LinkConfig { default_model, agents, agents_wanted, .. } = &self.config;
        let mut session =
            Session::new(lines, default_model.clone(), agents.clone(), *agents_wanted, self.board.clone());
        let mut switched = self.board.watch();
        session.open();
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
                    session.cancel(key);
                }
                Some(ask) = self.asks.recv() => session.ask_metrics(ask),
                Ok(()) = switched.changed() => session.send_toggles(),
                () = tokio::time::sleep_until(session.models_at.unwrap_or_else(Instant::now)),
                    if session.models_at.is_some() => session.list_models(),
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
