//! The front from its start to its end: by itself, in the place of an older one, and until a newer one is in its own.
//!
//! Promises: a front that takes over accepts nobody before it could serve what the older one serves, and one that is replaced
//! accepts nobody any more and refuses nothing of what is open. See [`handover`].

use crate::{
    app::{self, Front, FrontError},
    config::{self, Config},
    daemon::pool::Daemon,
    http::{
        lookup,
        sockets::{self, INTERNAL, Sockets},
    },
    reload::Reload,
    systemd,
};
use handover::{
    Gift, Role,
    ending::{Ending, Program},
    give::Younger,
    succession::{self, Started, Succession},
    take::{self, Older, TakeError},
};
use otel::Otel;
use serde::{Deserialize, Serialize};
use shared::{
    build_info,
    shutdown::Shutdown,
    signals::{Asked, Signals},
};
use std::{io, os::fd::OwnedFd, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long tasks have to end after the force.
const END: Duration = Duration::from_secs(5);
/// How long a front that takes over may need until it could serve.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// What an older front tells a newer one besides the sockets.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Told {
    /// Whether it can start turns: then the newer one must be able to, too.
    ready: bool,
    /// The workers at which it can, by name.
    workers: Vec<String>,
}

/// How long it waits for further workers once it has one.
const OTHERS: Duration = Duration::from_secs(5);
/// Why a front doesn't take over in the end.
const LEFT_ALONE: &str = "the older front didn't wait for it";
/// The same, where it was told to end meanwhile.
const ENDED: &str = "a signal ended it before it served";

/// Runs the front until a signal ends it, or a newer one has taken over and everything is finished.
///
/// # Errors
/// [`FrontError`], when it can't start.
pub async fn run(config: Config, otel: Otel) -> Result<(), FrontError> {
    let mut signals = Signals::new().map_err(FrontError::Signals)?;
    let (grace, handover_grace) = (config.grace, config.handover_grace);
    let (shutdown, reload) = (Shutdown::new(), Reload::default());
    let origin = config::origin();
    let begun = tokio::select! {
        begun = sockets(origin.role, &config) => begun?,
        // Nothing has begun that could be ended.
        () = signals.end() => return Ok(()),
    };
    let (sockets, mut older) = begun;
    let kept = sockets.again().map_err(FrontError::Listeners)?;
    let front = app::start(config, sockets, otel, &shutdown, &reload)?;
    if let Some((older, told)) = &mut older {
        tokio::select! {
            taken = take_over(older, told, &front) => taken?,
            () = signals.end() => return Err(FrontError::Unready(ENDED)),
        }
    }
    let daemon = front.daemon.clone();
    front.open(&shutdown);
    let mut older = older.map(|(older, _)| older);
    if let Some(older) = &mut older {
        older.serving().await;
    }
    shutdown.spawn(systemd::report(config::watchdog(), shutdown.clone()));
    let succession = Succession::new(origin, older);
    let program = Life { shutdown: shutdown.clone(), reload };
    let mut ending = Ending { program, shutdown, signals, succession, grace, handover_grace };
    // Kept until the end of this process, for which the younger one waits.
    let mut younger = serve(&mut ending, &kept, &daemon).await;
    // A socket that is still open here would let clients wait for nobody, should the other process end.
    drop(kept);
    let drained = match &mut younger {
        Some(younger) => ending.replaced(younger).await,
        None => ending.alone().await,
    };
    let clean = ending.force(END).await;
    tracing::info!(event = "front_stopped", drained, clean);
    Ok(())
}

/// Serves until this front is to end (`None`), or a newer one serves.
async fn serve(ending: &mut Ending<Life>, kept: &[OwnedFd; 2], daemon: &Daemon) -> Option<Younger> {
    let Ending { program, signals, succession, .. } = ending;
    loop {
        tokio::select! {
            // Whoever ends this one now means whoever serves: the other one needn't begin.
            biased;
            asked = signals.next() => match asked {
                Asked::End => return None,
                Asked::Hangup => {
                    program.hangup();
                    succession.reload().await;
                }
                Asked::HandOver => {
                    let workers = daemon.ready();
                    let told = Told { ready: !workers.is_empty(), workers };
                    succession.begin(Started::this(), || gift(kept, &told), TAKE_OVER);
                }
            },
            successor = succession.next() => {
                if let Some(younger) = succession::go(successor, serde_json::Value::Null).await {
                    return Some(younger);
                }
            }
        }
    }
}

/// The listening sockets, and whose place is taken.
async fn sockets(role: Role, config: &Config) -> Result<(Sockets, Option<(Older, Told)>), FrontError> {
    match role {
        Role::First | Role::Launcher => {
            let internal = lookup::address(&config.internal, INTERNAL).await?;
            Ok((sockets::first(config::passed_sockets(), config.public, internal)?, None))
        }
        Role::Successor => {
            let (older, mut gift) = take::receive()?;
            let missing = || FrontError::Unready("the older front gave no sockets");
            let public = gift.take("public").ok_or_else(missing)?;
            let internal = gift.take("internal").ok_or_else(missing)?;
            let told = serde_json::from_value(gift.state);
            let told = told.map_err(|error| TakeError::from(io::Error::from(error)))?;
            Ok((sockets::given(public, internal)?, Some((older, told))))
        }
    }
}

/// Waits until this front could serve what the older one serves, and then for that to let it.
async fn take_over(older: &mut Older, told: &Told, front: &Front) -> Result<(), FrontError> {
    if told.ready {
        tokio::select! {
            ready = ready(&told.workers, &front.daemon) => ready?,
            () = older.gone() => return Err(FrontError::Unready(LEFT_ALONE)),
        }
    }
    older.ready(build_info::VERSION).await?;
    Ok(())
}

/// Waits for a worker that is ready, and for a while for all that are ready at the older front: with one of them alone all turns
/// would go there, and models of the others' would be nobody's.
async fn ready(names: &[String], daemon: &Daemon) -> Result<(), FrontError> {
    let began = Instant::now();
    let ended = |_| FrontError::Unready("the link to the daemon has ended");
    let mut health = daemon.watch();
    health.wait_for(|health| health.is_ready()).await.map_err(ended)?;
    // Those that this front has, too.
    let own = daemon.reports();
    let wanted: Vec<&String> =
        names.iter().filter(|name| own.iter().any(|report| *report.name == ***name)).collect();
    let all = async {
        loop {
            // Not in a closure under the watch's lock: with one worker it is the lock of what is asked here.
            let ready = daemon.ready();
            if wanted.iter().all(|name| ready.contains(name)) {
                return Ok(());
            }
            health.changed().await.map_err(ended)?;
        }
    };
    // One that went meanwhile is not waited for, nor longer than the older front waits.
    let until = (Instant::now() + OTHERS).min(began + TAKE_OVER - OTHERS);
    timeout_at(until, all).await.unwrap_or(Ok(()))
}

fn gift([public, internal]: &[OwnedFd; 2], told: &Told) -> io::Result<Gift> {
    let descriptors =
        vec![("public".to_owned(), public.try_clone()?), ("internal".to_owned(), internal.try_clone()?)];
    Ok(Gift { descriptors, state: serde_json::to_value(told)?, older: 0 })
}

/// What is the front's own of its end.
struct Life {
    shutdown: Shutdown,
    reload: Reload,
}

impl Program for Life {
    async fn unused(&mut self) {
        self.shutdown.work_done().await;
    }

    async fn drained(&mut self) {
        self.shutdown.work_done().await;
    }

    fn draining(&mut self) {
        tracing::info!(event = "front_drain", "draining; a second signal forces the end");
        if !self.shutdown.is_replaced() {
            systemd::stopping();
        }
    }

    fn hangup(&mut self) {
        tracing::info!(event = "front_reload", "files are read and opened again");
        self.reload.ask();
    }
}
