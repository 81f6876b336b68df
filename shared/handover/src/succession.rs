//! Those before and behind a process: older ones that finish what they have, and the one that is about to take over.

use crate::{
    Gift, Origin,
    give::{Failed, Successor, Younger},
    take::Older,
};
use std::{ffi::OsString, future::pending, io, path::PathBuf, pin::Pin, time::Duration};

/// How a process was started: what starts the one that takes its place.
#[derive(Debug, Clone)]
pub struct Started {
    /// The program, as it was named.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Started {
    /// As this process was started; `None` where nobody has said with which program.
    pub fn this() -> Option<Self> {
        let mut arguments = std::env::args_os();
        let program = PathBuf::from(arguments.next()?);
        Some(Self { program, arguments: arguments.collect() })
    }
}

type Starting = Pin<Box<dyn Future<Output = Result<Successor, Failed>> + Send>>;

/// The succession of a running process.
pub struct Succession {
    origin: Origin,
    older: Option<Older>,
    starting: Option<Starting>,
}

impl Succession {
    /// Of a process that took over from `older`, or that is the first.
    pub fn new(origin: Origin, older: Option<Older>) -> Self {
        Self { origin, older, starting: None }
    }

    /// Starts the one that is to take over, unless one is being started. `gift` makes what it gets; `limit` is the time within
    /// which it must be able to serve. What becomes of it is told by [`Self::next`].
    pub fn begin(
        &mut self,
        started: Option<Started>,
        gift: impl FnOnce() -> io::Result<Gift>,
        limit: Duration,
    ) {
        if self.starting.is_some() {
            tracing::info!(event = "handover_on_its_way", "a new process is being started already");
            return;
        }
        if let Some(why) = self.origin.watched() {
            return failed(&Failed::Watched(why));
        }
        let gift = gift().map(|gift| Gift { older: 1 + self.older.as_ref().map_or(0, Older::count), ..gift });
        let Some(Started { program, arguments }) = started else {
            return failed(&Failed::Channel(io::Error::other("nobody has said which program this is")));
        };
        tracing::info!(event = "handover_started", program = %program.display(), "a new process is started");
        self.starting =
            Some(Box::pin(
                async move { Successor::start(program, arguments.into_iter(), gift?, limit).await },
            ));
    }

    /// The process that could take over now. A failure is logged, and changes nothing. Cancel safe.
    pub async fn next(&mut self) -> Successor {
        loop {
            let started = match &mut self.starting {
                Some(starting) => {
                    let older = async {
                        match &mut self.older {
                            Some(older) => older.gone().await,
                            None => pending().await,
                        }
                    };
                    tokio::select! {
                        started = starting => Some(started),
                        () = older => None,
                    }
                }
                None => match &mut self.older {
                    Some(older) => {
                        older.gone().await;
                        None
                    }
                    None => pending().await,
                },
            };
            match started {
                // Nobody is behind this process any more.
                None => self.older = None,
                Some(started) => {
                    self.starting = None;
                    match started {
                        Ok(successor) => return successor,
                        Err(error) => failed(&error),
                    }
                }
            }
        }
    }

    /// Has the older ones end within this time. A process that is being started is killed. Not cancel safe.
    pub async fn end(&mut self, within: Duration) {
        self.starting = None;
        if let Some(older) = &mut self.older {
            older.end(within).await;
        }
    }

    /// Has the older ones read and open their files again. Not cancel safe.
    pub async fn reload(&mut self) {
        if let Some(older) = &mut self.older {
            older.reload().await;
        }
    }

    /// Waits until no older one is left. Cancel safe.
    pub async fn alone(&mut self) {
        if let Some(older) = &mut self.older {
            older.gone().await;
        }
        self.older = None;
    }
}

/// Why nobody takes over.
fn failed(error: &Failed) {
    tracing::error!(event = "handover_failed", %error, "nobody takes over; this process serves as before");
}

/// Lets `successor` serve; what this process is from then on. `None`: it is gone, and this process goes on. Not cancel safe.
pub async fn go(successor: Successor, state: serde_json::Value) -> Option<Younger> {
    let (pid, version) = (successor.pid(), successor.version().to_owned());
    match successor.go(state).await {
        Ok(younger) => {
            tracing::info!(
                event = "handover_done",
                pid,
                version,
                "the new process serves; this one finishes what it has"
            );
            Some(younger)
        }
        Err(error) => {
            failed(&error);
            None
        }
    }
}
