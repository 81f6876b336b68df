//! The connection to one daemon: made again whenever it breaks, shared by every request.

use super::{
    asker::Asker,
    connection::{BATCH, Connection, Gone},
    health::Health,
    scrape::{self, Ask},
    turn::TurnKey,
    younger::{Found, Leaving, Search},
};
use crate::state::board::Board;
use crate::trace::TurnTrace;
use crate::translate::{
    agent::AgentSettings,
    event::{Delta, End},
    plan::Plan,
};
use shared::{
    backoff::{Backoff, Policy},
    queue::Sender,
    shutdown::Shutdown,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::UnixStream,
    sync::{mpsc, watch},
    time::Instant,
};

/// Delays between attempts to connect: the daemon is on the same host, so they are short.
const RECONNECT: Policy = Policy {
    initial: Duration::from_millis(50),
    max: Duration::from_secs(1),
    stable_after: Duration::from_secs(5),
};
/// Turns that may wait for the link.
const COMMANDS: usize = 1024;

/// The bounds of the link.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// The daemon's socket (`WORKER_SOCKET`).
    pub socket: PathBuf,
    /// What the worker is called.
    pub name: String,
    /// Whether there are others: then it is asked how much it can do, and what it doesn't begin goes to them.
    pub pooled: bool,
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

/// What the link's task has, as the pool sees it.
pub(super) struct Lane {
    /// What the worker is called.
    pub(super) name: Arc<str>,
    pub(super) starts: mpsc::Sender<Start>,
    pub(super) cancels: mpsc::UnboundedSender<TurnKey>,
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) health: watch::Receiver<Health>,
}

impl Lane {
    /// Starts the link's task. What an operator switches goes to the daemon and comes from it by the board.
    pub(super) fn connect(config: LinkConfig, board: Board, shutdown: &Shutdown) -> Self {
        let (starts, start_queue) = mpsc::channel(COMMANDS);
        let (cancels, cancel_queue) = mpsc::unbounded_channel();
        let (asks, ask_queue) = mpsc::channel(scrape::WAITING);
        let (health, watch) = watch::channel(Health::default());
        let name = config.name.as_str().into();
        let link = Link {
            config,
            starts: start_queue,
            cancels: cancel_queue,
            asks: ask_queue,
            health,
            board,
            leaving: Leaving::default(),
            shutdown: shutdown.clone(),
        };
        shutdown.spawn(link.run());
        Self { name, starts, cancels, asks, health: watch }
    }
}

struct Link {
    config: LinkConfig,
    starts: mpsc::Receiver<Start>,
    cancels: mpsc::UnboundedReceiver<TurnKey>,
    asks: mpsc::Receiver<Ask>,
    health: watch::Sender<Health>,
    board: Board,
    leaving: Leaving,
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
                    tracing::info!(event = "daemon_connected", worker = self.config.name, socket = %self.config.socket.display());
                    if let Ended::Shutdown = self.serve(stream).await {
                        return;
                    }
                    tracing::warn!(event = "daemon_lost", worker = self.config.name, socket = %self.config.socket.display());
                    self.board.lost();
                    self.health.send_modify(|h| {
                        h.connected = false;
                        h.silent = false;
                        h.status = None;
                        h.forget_quota();
                    });
                    Some(since.elapsed())
                }
                Err(error) => {
                    if backoff.streak() == 0 {
                        tracing::warn!(event = "daemon_unreachable", worker = self.config.name, socket = %self.config.socket.display(), %error);
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
                Some(key) = self.cancels.recv() => self.leaving.cancel(key),
                // Dropped: there is no daemon.
                Some(_ask) = self.asks.recv() => {}
            }
        }
    }

    /// Serves by this connection, and by one to each younger daemon that takes over.
    async fn serve(&mut self, stream: UnixStream) -> Ended {
        let mut connection = Connection::open(stream, &self.config, &self.board, &self.shutdown);
        connection.session.serve(&self.health.borrow());
        let mut search = Search::default();
        let mut switched = self.board.watch();
        let mut starts = Vec::new();
        let ended = loop {
            search.keep(connection.session.is_superseded(), &self.config, &self.board, &self.shutdown);
            tokio::select! {
                attended = connection.attend(&self.health) => if let Err(Gone) = attended {
                    break Ended::Lost;
                },
                found = search.found() => connection = self.swap(connection, found),
                n = self.starts.recv_many(&mut starts, BATCH) => {
                    if n == 0 { break Ended::Shutdown }
                    for start in starts.drain(..) {
                        connection.session.start(start);
                    }
                }
                Some(key) = self.cancels.recv() => {
                    // A turn that is given up at once may still wait behind us: it must be known to be cancelled.
                    while let Ok(start) = self.starts.try_recv() {
                        connection.session.start(start);
                    }
                    if connection.session.table.has(key) {
                        connection.session.cancel(key);
                    } else {
                        self.leaving.cancel(key);
                    }
                }
                Some(ask) = self.asks.recv() => connection.session.ask_metrics(ask),
                Ok(()) = switched.changed() => connection.session.send_toggles(),
                () = self.shutdown.forced() => break Ended::Shutdown,
            }
            connection.session.flush();
        };
        connection.session.table.lost(match ended {
            Ended::Shutdown => &End::Stopped,
            Ended::Lost => &End::Lost,
        });
        ended
    }

    /// New turns go to the younger daemon from here on.
    fn swap(&mut self, mut older: Connection, (mut younger, mut health): Found) -> Connection {
        tracing::info!(
            event = "daemon_replaced",
            worker = self.config.name,
            turns = older.session.table.len()
        );
        older.session.leave();
        younger.session.serve(&health);
        // It may not have been told yet, and is mostly the same.
        health.places = health.places.or(self.health.borrow().places);
        let before = self.health.send_replace(health);
        self.leaving.leave(older, before, &self.config.name, &self.shutdown);
        younger
    }
}
