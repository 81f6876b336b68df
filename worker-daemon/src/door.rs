//! Who gets in: the bound of connections, the check of the peer, and the words for whoever stays outside.
//!
//! Owns the places. Promises that the accept loop never waits: look-ups, farewells and their log lines are bounded,
//! and past the bound a connection is closed without a word.

use crate::{
    client::{self, ClientLimits},
    mux::actor::ClientEvent,
    peer::{self, Peer, Rule, Verdict},
};
use nix::unistd::Gid;
use shared::{
    id::ConnId,
    line::Line,
    rpc::{ErrorAnswer, ErrorObject, code},
    shutdown::Shutdown,
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};

/// Connections whose groups are being looked up; the others wait. A directory server that hangs takes no more threads
/// than these.
const LOOKUPS: usize = 8;
/// How long a look-up may take, with the wait for it. Past it the connection is refused; the thread comes back when the
/// system lets it.
const LOOKUP: Duration = Duration::from_secs(2);
/// Refused connections that are being told why.
const FAREWELLS: usize = 32;
/// How long one that is refused has to read the reason.
const FAREWELL: Duration = Duration::from_secs(1);
/// What a connection past the bound is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What every connection is checked against and given.
pub struct Door {
    /// Who may connect.
    pub rule: Rule,
    /// Where the socket's file is.
    pub path: PathBuf,
    /// `WORKER_MAX_CLIENTS`.
    pub max_clients: usize,
    /// The bounds of each connection.
    pub limits: ClientLimits,
    /// The actor's inbox.
    pub events: mpsc::Sender<ClientEvent>,
    /// Where its tasks are spawned.
    pub shutdown: Shutdown,
}

/// A [`Door`] at work.
#[derive(Clone)]
pub struct Doorkeeper(Arc<Inner>);

struct Inner {
    door: Door,
    places: Arc<Semaphore>,
    lookups: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    refusals: Mutex<LogBound>,
    look_up: LookUp,
}

/// Whether a peer's user has a group; blocks.
type LookUp = Box<dyn Fn(Gid, Peer) -> bool + Send + Sync>;

/// Why a connection isn't served.
enum Refusal {
    TooMany,
    Uid(Peer),
    /// The kernel can't say who it is.
    Unknown(std::io::Error),
}

impl Doorkeeper {
    /// Nobody is inside yet.
    pub fn new(door: Door) -> Self {
        Self::with(door, Box::new(peer::is_in))
    }

    fn with(door: Door, look_up: LookUp) -> Self {
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(door.max_clients)),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
            refusals: Mutex::default(),
            look_up,
            door,
        }))
    }

    /// Lets a connection in or refuses it, on a task of its own. Never waits.
    pub fn came(&self, conn: ConnId, stream: UnixStream) {
        let peer = match stream.peer_cred() {
            Ok(cred) => Peer { uid: cred.uid(), gid: cred.gid(), pid: cred.pid() },
            Err(error) => return self.refuse(stream, Refusal::Unknown(error)),
        };
        match self.0.door.rule.judge(peer.uid) {
            Verdict::Operator => self.serve(conn, stream, true),
            Verdict::Client => self.serve(conn, stream, false),
            Verdict::Refused => self.refuse(stream, Refusal::Uid(peer)),
            Verdict::IfMember => match peer::unproven(&self.0.door.path, peer) {
                None => self.serve(conn, stream, false),
                Some(group) => self.look_up(conn, stream, peer, group),
            },
        }
    }

    fn serve(&self, conn: ConnId, stream: UnixStream, operator: bool) {
        let Ok(place) = self.0.places.clone().try_acquire_owned() else {
            return self.refuse(stream, Refusal::TooMany);
        };
        self.0.door.shutdown.spawn(self.clone().inside(conn, stream, operator, place));
    }

    async fn inside(self, conn: ConnId, stream: UnixStream, operator: bool, place: OwnedSemaphorePermit) {
        let door = &self.0.door;
        client::serve(conn, stream, operator, door.limits, door.events.clone(), door.shutdown.clone()).await;
        drop(place);
    }

    /// Lets it in if it is a member of the socket's group. It has its place while it waits, so that those who wait are
    /// bounded, too.
    fn look_up(&self, conn: ConnId, stream: UnixStream, peer: Peer, group: Gid) {
        let Ok(place) = self.0.places.clone().try_acquire_owned() else {
            return self.refuse(stream, Refusal::TooMany);
        };
        let keeper = self.clone();
        self.0.door.shutdown.spawn(async move {
            match tokio::time::timeout(LOOKUP, keeper.is_in(group, peer)).await {
                Ok(true) => keeper.inside(conn, stream, false, place).await,
                Ok(false) | Err(_) => {
                    drop(place);
                    keeper.refuse(stream, Refusal::Uid(peer));
                }
            }
        });
    }

    /// Looks it up once its turn has come. One that nobody waits for any more still ends by itself.
    async fn is_in(&self, group: Gid, peer: Peer) -> bool {
        let Ok(permit) = self.0.lookups.clone().acquire_owned().await else {
            return false;
        };
        let keeper = self.clone();
        let found = self.0.door.shutdown.spawn_blocking(move || {
            let found = (keeper.0.look_up)(group, peer);
            // With the thread, not with who waits for it.
            drop(permit);
            found
        });
        found.await.unwrap_or(false)
    }

    fn refuse(&self, stream: UnixStream, why: Refusal) {
        let error = match &why {
            Refusal::TooMany => Some(code::too_many_clients(self.0.door.max_clients, RETRY_AFTER)),
            Refusal::Uid(peer) => Some(code::uid_refused(peer.uid)),
            Refusal::Unknown(_) => None,
        };
        self.log(&why);
        let permit = self.0.farewells.clone().try_acquire_owned();
        if let (Some(error), Ok(permit)) = (error, permit) {
            self.0.door.shutdown.spawn(async move {
                // One that doesn't read it, or that is gone, is closed all the same.
                let _told = tokio::time::timeout(FAREWELL, farewell(stream, &error)).await;
                drop(permit);
            });
        }
    }

    fn log(&self, why: &Refusal) {
        let passed = self
            .0
            .refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pass(tokio::time::Instant::now().into_std());
        let Some(unlogged) = passed else { return };
        match why {
            Refusal::TooMany => tracing::warn!(
                event = "client_refused",
                max_clients = self.0.door.max_clients,
                unlogged,
                "too many clients; WORKER_MAX_CLIENTS bounds them"
            ),
            Refusal::Uid(peer) => tracing::warn!(
                event = "client_refused",
                uid = peer.uid,
                pid = peer.pid,
                unlogged,
                "this user may not connect; WORKER_ALLOW_UIDS says who may"
            ),
            Refusal::Unknown(error) => {
                tracing::warn!(event = "client_refused", %error, unlogged, "can't see who connects")
            }
        }
    }
}

/// Says why, and lets the other side read it: a close with unread requests would have the kernel reset the connection.
async fn farewell(mut stream: UnixStream, error: &ErrorObject) -> std::io::Result<()> {
    let null = serde_json::value::RawValue::NULL;
    let line = Line::json(&ErrorAnswer { id: null, error }).to_bytes();
    stream.write_all(&[&line[..], b"\n"].concat()).await?;
    stream.shutdown().await?;
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Lines of a log that somebody outside can cause: at most [`LogBound::LINES`] in each [`LogBound::WINDOW`].
#[derive(Debug, Default)]
struct LogBound {
    since: Option<Instant>,
    lines: u32,
    unlogged: u64,
}

impl LogBound {
    const LINES: u32 = 10;
    const WINDOW: Duration = Duration::from_secs(10);

    /// Whether this one may be logged; then with the number of those that were not, since the last that was.
    fn pass(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= Self::WINDOW) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines == Self::LINES {
            self.unlogged += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.unlogged))
    }
}

#[cfg(test)]
mod tests;
