//! The daemon from its start to its end: by itself, in the place of an older one, and until a younger one is in its own.
//!
//! Promises: a daemon that takes over accepts nobody before its codex has shaken hands, and one that is replaced refuses nothing
//! to those that are connected. The lock of the state folder goes over with the socket: at no time has anybody else a chance. See
//! [`handover`].

use crate::{
    config::{self, Config},
    daemon::{self, DaemonError, Essential, Running},
    hardening, home,
    listener::{BindError, Made, Socket},
    mux::{
        action::{Order, Reason},
        actor::ChildEvent,
    },
    supervisor::prepare::prepare,
    systemd::passed,
    workdir,
};
use handover::{
    Gift, Role,
    ending::{Ending, Program},
    give::{Successor, Younger},
    succession::{self, Started, Succession},
    take::{self, Older, TakeError},
};
use otel::Otel;
use serde::{Deserialize, Serialize};
use shared::{
    build_info,
    control::{Load, WorkerState, toggles::Toggles},
    shutdown::Shutdown,
    signals::{Asked, Signals},
};
use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

/// How long tasks have to end after the force: the ladder of the child takes up to 4 s.
const END: Duration = Duration::from_secs(8);
/// What a younger daemon may need beyond the start of its codex.
const BESIDES: Duration = Duration::from_secs(30);
/// How long a replaced daemon without anything to do stays: by then clients that listen have gone, and those that had just been
/// accepted have asked.
const LEFT: Duration = Duration::from_secs(5);

/// Why a daemon doesn't take over in the end.
const LEFT_ALONE: &str = "the older daemon didn't wait for it";
/// The same, where it was told to end meanwhile.
const ENDED: &str = "a signal ended it before it served";

/// What an older daemon tells a younger one besides the descriptors.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Told {
    /// Whether its codex serves: then the younger one's must.
    ready: bool,
    /// The socket's file, where it was made by a daemon.
    made: Option<Made>,
}

/// What a younger daemon gets.
struct Kept {
    socket: OwnedFd,
    made: Option<Made>,
    lock: OwnedFd,
}

/// Whose place is taken.
struct Taken {
    older: Older,
    told: Told,
}

impl Taken {
    /// What the older daemon gives: its socket and its lock.
    fn receive() -> Result<(Self, OwnedFd, Option<OwnedFd>), DaemonError> {
        let (older, mut gift) = take::receive()?;
        let told = serde_json::from_value(std::mem::take(&mut gift.state));
        let told = told.map_err(|error| TakeError::from(io::Error::from(error)))?;
        let socket = gift.take("socket").ok_or(DaemonError::Unready("the older daemon gave no socket"))?;
        Ok((Self { older, told }, socket, gift.take("lock")))
    }
}

/// Runs the daemon until a signal, `daemon/drain` or the loss of codex ends it, or a younger one has taken over and everything
/// is finished.
///
/// # Errors
/// [`DaemonError`], when it can't start, or codex is gone for good. A codex that merely ends is started again.
pub async fn run(config: Config, otel: Otel) -> Result<(), DaemonError> {
    let mut signals = Signals::new().map_err(DaemonError::Signals)?;
    if config.secure_mode {
        hardening::apply().map_err(DaemonError::Hardening)?;
    }
    let origin = config::origin();
    let (mut taken, given, lock) = match origin.role {
        Role::First | Role::Launcher => (None, None, None),
        Role::Successor => {
            let (taken, socket, lock) = Taken::receive()?;
            (Some(taken), Some(socket), lock)
        }
    };
    // Ours alone until the end, or until a younger one has it, too.
    let mut home = home::prepare(&config.codex_home, lock)?;
    if let Some(workdir) = config.policy.workdir() {
        workdir::prepare(workdir)?;
    }
    // Before the child: what can't be served needn't be started.
    let made = taken.as_mut().and_then(|taken| taken.told.made.take());
    let socket = match given {
        Some(given) => Socket::passed(UnixListener::from(given), made.as_ref())?,
        None => match passed::listener(config::passed_sockets()).map_err(BindError::from)? {
            Some(passed) => Socket::passed(passed, None)?,
            None => Socket::bind(&config.socket, config.socket_mode)?,
        },
    };
    let (listener, bound) = socket.again().map_err(DaemonError::Keep)?;
    let made = bound.or(made);
    let kept = Kept { socket: listener, made: made.clone(), lock: home.again().map_err(DaemonError::Keep)? };
    let older = async {
        match &mut taken {
            Some(taken) => {
                tokio::select! {
                    () = taken.older.gone() => LEFT_ALONE,
                    () = signals.end() => ENDED,
                }
            }
            None => std::future::pending().await,
        }
    };
    let prepared = tokio::select! {
        prepared = prepare(&config) => prepared?,
        why = older => return Err(DaemonError::Unready(why)),
    };
    tracing::info!(
        event = "daemon_started", version = build_info::VERSION, codex = prepared.version,
        socket = %socket.path().display(), "serving the app-server protocol"
    );
    let shutdown = Shutdown::new();
    daemon::refresh_catalog(&prepared, &shutdown);
    let (grace, handover_grace) = (config.grace, config.handover_grace);
    let limit = config.startup_timeout + BESIDES;
    let mut running = daemon::start(Arc::new(config), socket, prepared, taken.is_some(), &otel, &shutdown);
    if let Some(taken) = &mut taken
        && let Err(error) = take_over(taken, &mut running, &mut signals).await
    {
        shutdown.start_force();
        shutdown.finished(END).await;
        return Err(error);
    }
    running.accept(made, &shutdown);
    let mut older = None;
    if let Some(mut taken) = taken {
        if let Err(error) = home.sign() {
            tracing::warn!(event = "home_unsigned", %error, "worker.lock names another process");
        }
        taken.older.serving().await;
        older = Some(taken.older);
    }
    running.report(&shutdown);
    let life = Life { running, shutdown: shutdown.clone(), why: None };
    let succession = Succession::new(origin, older);
    let ending = Ending { program: life, shutdown, signals, succession, grace, handover_grace };
    live(ending, kept, limit).await
}

/// Waits until this daemon could serve what the older one serves, and then for that to let it.
async fn take_over(
    taken: &mut Taken,
    running: &mut Running,
    signals: &mut Signals,
) -> Result<(), DaemonError> {
    if taken.told.ready {
        let ready = running.pulse.wait_for(|pulse| pulse.status.state == WorkerState::Ready);
        tokio::select! {
            ready = ready => drop(ready.map_err(|_| DaemonError::Unready("the supervisor has ended"))?),
            name = running.essential.ended() => return Err(DaemonError::Broken(name)),
            Ok(why) = &mut running.lost => return Err(DaemonError::Lost(why)),
            () = taken.older.gone() => return Err(DaemonError::Unready(LEFT_ALONE)),
            () = signals.end() => return Err(DaemonError::Unready(ENDED)),
        }
    }
    let state = tokio::select! {
        state = taken.older.ready(build_info::VERSION) => state?,
        () = signals.end() => return Err(DaemonError::Unready(ENDED)),
    };
    // What an older version may not tell is in the file.
    let toggles = serde_json::from_value::<Option<Toggles>>(state).ok().flatten();
    running.tell(ChildEvent::TogglesOurs(toggles)).await;
    Ok(())
}

/// Serves, and ends: drain on the first signal, force on the second or after the grace, then wait for every task. `limit` is
/// what a younger daemon may need until it could serve.
async fn live(mut ending: Ending<Life>, kept: Kept, limit: Duration) -> Result<(), DaemonError> {
    // Kept until the end of this process, for which the younger one waits.
    let mut younger = serve(&mut ending, &kept, limit).await;
    // A socket that is still open here would let clients wait for nobody, should the other process end.
    drop(kept);
    let drained = match &mut younger {
        Some(younger) => {
            ending.program.replaced().await;
            ending.replaced(younger).await
        }
        None => ending.alone().await,
    };
    let why = ending.program.why.take();
    let clean = ending.force(END).await;
    tracing::info!(event = "daemon_stopped", drained, clean);
    why.map_or(Ok(()), Err)
}

/// Serves until this daemon is to end (`None`), or a younger one serves.
async fn serve(ending: &mut Ending<Life>, kept: &Kept, limit: Duration) -> Option<Younger> {
    let Ending { program, shutdown, signals, succession, .. } = ending;
    loop {
        let running = &mut program.running;
        tokio::select! {
            // A drain first: with it the listener ends, which is no bug then.
            biased;
            () = shutdown.draining() => return None,
            asked = signals.next() => match asked {
                Asked::End => return None,
                Asked::Hangup => {
                    // A full inbox means that one is on its way.
                    let _on_its_way = running.orders.try_send(Order::Replace(Reason::Signal));
                }
                Asked::HandOver => {
                    let ready = running.pulse.borrow().status.state == WorkerState::Ready;
                    succession.begin(Started::this(), || gift(kept, ready), limit);
                }
            },
            why = broken(&mut running.lost, &mut running.essential) => {
                program.why = Some(why);
                return None;
            }
            successor = succession.next() => {
                let (told, toggles) = oneshot::channel();
                running.tell(ChildEvent::HandingOver(told)).await;
                let toggles = tokio::select! {
                    biased;
                    // Whoever ends this one now means whoever serves: the other one needn't begin.
                    () = signals.end() => return None,
                    toggles = toggles => toggles.ok(),
                };
                if let Some(younger) = let_serve(successor, toggles).await {
                    return Some(younger);
                }
                running.tell(ChildEvent::TogglesOurs(None)).await;
            }
        }
    }
}

async fn let_serve(successor: Successor, toggles: Option<Toggles>) -> Option<Younger> {
    succession::go(successor, serde_json::to_value(toggles).unwrap_or_default()).await
}

/// Waits until codex is gone for good, or a part of the daemon has ended that it can't be without: a panic, whose place is in the
/// log. Not to be called again after that.
async fn broken(lost: &mut oneshot::Receiver<String>, essential: &mut Essential) -> DaemonError {
    tokio::select! {
        Ok(why) = lost => {
            tracing::error!(event = "worker_lost", critical = true, error = %why, "codex can't be started again");
            DaemonError::Lost(why)
        }
        name = essential.ended() => DaemonError::Broken(name),
    }
}

/// What is the daemon's own of its end.
struct Life {
    running: Running,
    shutdown: Shutdown,
    /// What it ends with.
    why: Option<DaemonError>,
}

impl Life {
    /// A younger daemon serves: nobody is accepted any more, and those who are there are told.
    async fn replaced(&mut self) {
        self.running.essential.no_listener();
        self.shutdown.start_replaced();
        self.running.tell(ChildEvent::Superseded).await;
    }
}

impl Program for Life {
    async fn unused(&mut self) {
        if self.why.is_some() {
            return;
        }
        let Running { load, lost, essential, .. } = &mut self.running;
        tokio::select! {
            () = unused(load) => {}
            why = broken(lost, essential) => self.why = Some(why),
        }
    }

    async fn drained(&mut self) {
        // The daemon is gone where nobody tells.
        let _idle = self.running.load.wait_for(is_idle).await;
    }

    fn draining(&mut self) {
        tracing::info!(
            event = "worker_drain",
            turns = self.running.load.borrow().turns,
            "draining; a second signal forces the end"
        );
    }

    fn hangup(&mut self) {
        // A codex that only finishes what it has isn't replaced.
    }
}

fn is_idle(load: &Load) -> bool {
    load.turns == 0 && load.unanswered == 0 && load.threads == 0
}

/// Waits until there was nothing to do for a while.
async fn unused(load: &mut watch::Receiver<Load>) {
    while load.wait_for(is_idle).await.is_ok() {
        // What else is told, such as the memory, says nothing of that.
        if timeout(LEFT, load.wait_for(|load| !is_idle(load))).await.is_err() {
            return;
        }
    }
}

fn gift(kept: &Kept, ready: bool) -> io::Result<Gift> {
    let told = Told { ready, made: kept.made.clone() };
    let descriptors =
        vec![("socket".to_owned(), kept.socket.try_clone()?), ("lock".to_owned(), kept.lock.try_clone()?)];
    Ok(Gift { descriptors, state: serde_json::to_value(told)?, older: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_replaced_daemon_stays_until_there_was_nothing_to_do_for_a_while() {
        let (tell, mut load) = watch::channel(Load { turns: 1, ..Load::default() });
        let began = tokio::time::Instant::now();
        let work = async {
            let told = |turns, rss_bytes| tell.send_replace(Load { turns, rss_bytes, ..Load::default() });
            let mut second = tokio::time::interval(Duration::from_secs(1));
            for turns in [1, 0, 0, 0, 1, 0] {
                second.tick().await;
                told(turns, None);
            }
            // Its memory is no work.
            for bytes in 1.. {
                second.tick().await;
                told(0, Some(bytes));
            }
        };
        tokio::select! {
            () = unused(&mut load) => {}
            () = work => {}
        }
        assert_eq!(began.elapsed(), Duration::from_secs(5) + LEFT);
    }
}
