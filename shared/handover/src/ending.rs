//! How a program ends, alone or in a succession: replaced, drained, forced.
//!
//! A process that was replaced serves whom it has until nothing is left to do, its grace is over, or somebody tells it to end.
//! Whatever ends one ends those behind it: they drain with it, and are forced with it.

use crate::{
    give::{Word, Younger},
    succession::Succession,
};
use futures_util::{FutureExt, future::join};
use shared::{
    shutdown::Shutdown,
    signals::{Asked, Signals},
};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// What is a program's own of its end.
pub trait Program {
    /// Resolves once nobody needs this process, which was replaced. Cancel safe.
    fn unused(&mut self) -> impl Future<Output = ()>;
    /// Resolves once nothing is left of what a drain waits for. Cancel safe.
    fn drained(&mut self) -> impl Future<Output = ()>;
    /// The drain begins.
    fn draining(&mut self);
    /// SIGHUP came, to this process or to the one that serves now.
    fn hangup(&mut self);
}

/// The end of a process.
pub struct Ending<P> {
    /// The program.
    pub program: P,
    /// Its end.
    pub shutdown: Shutdown,
    /// Its signals.
    pub signals: Signals,
    /// Those before and behind it.
    pub succession: Succession,
    /// How long a drain may take.
    pub grace: Duration,
    /// How long a replaced process may serve whom it has.
    pub handover_grace: Duration,
}

impl<P: Program> Ending<P> {
    /// The end of one that nobody has replaced: drains for the grace at most. Whether everything was finished.
    pub async fn alone(&mut self) -> bool {
        self.drain(self.grace, None).await
    }

    /// The end of one in whose place `younger` is. Whether everything was finished.
    ///
    /// Keep `younger` until the process ends: it waits for that, and would take its being dropped for it.
    pub async fn replaced(&mut self, younger: &mut Younger) -> bool {
        self.shutdown.start_replaced();
        // It came while the other one took over, and was meant for whoever serves.
        if let Some(Asked::End) = self.signals.next().now_or_never() {
            younger.terminate();
        }
        let mut younger = Some(younger);
        let until = Instant::now() + self.handover_grace;
        let within = loop {
            let asked = tokio::select! {
                biased;
                asked = self.signals.next() => asked,
                word = word(&mut younger) => match word {
                    Word::End(within) => break within.min(self.grace),
                    Word::Reload => Asked::Hangup,
                    Word::Gone => continue,
                },
                () = self.shutdown.draining() => break self.grace,
                _ = join(self.program.unused(), self.succession.alone()) => return true,
                () = sleep_until(until) => break self.grace,
            };
            match asked {
                Asked::End => break self.grace,
                Asked::Hangup | Asked::HandOver => self.heed(asked).await,
            }
        };
        self.drain(within, younger).await
    }

    /// Stops what is left, and waits for every task and for those behind, for `limit` at most. Whether no task is left.
    pub async fn force(mut self, limit: Duration) -> bool {
        self.shutdown.start_force();
        self.succession.end(Duration::ZERO).await;
        let (clean, alone) =
            join(self.shutdown.finished(limit), timeout(limit, self.succession.alone())).await;
        if alone.is_err() {
            tracing::warn!(event = "older_left", "an older process has not ended in its time");
        }
        clean
    }

    async fn drain(&mut self, within: Duration, mut younger: Option<&mut Younger>) -> bool {
        self.program.draining();
        self.shutdown.start_drain();
        self.succession.end(within).await;
        let mut until = Instant::now() + within;
        loop {
            let asked = tokio::select! {
                biased;
                asked = self.signals.next() => asked,
                word = word(&mut younger) => match word {
                    Word::End(within) => {
                        until = until.min(Instant::now() + within);
                        self.succession.end(within).await;
                        continue;
                    }
                    Word::Reload => Asked::Hangup,
                    Word::Gone => continue,
                },
                _ = join(self.program.drained(), self.succession.alone()) => return true,
                () = sleep_until(until) => return false,
            };
            match asked {
                Asked::End => return false,
                Asked::Hangup | Asked::HandOver => self.heed(asked).await,
            }
        }
    }

    /// What a signal still means to a process that takes nothing new.
    async fn heed(&mut self, asked: Asked) {
        match asked {
            Asked::Hangup => {
                self.program.hangup();
                self.succession.reload().await;
            }
            Asked::HandOver => tracing::error!(
                event = "handover_failed",
                error = "this process serves no longer: the signal is for the one that does",
                "nothing changes"
            ),
            Asked::End => {}
        }
    }
}

/// The next word of the process that serves now, whose end is told.
async fn word(younger: &mut Option<&mut Younger>) -> Word {
    match younger {
        Some(younger) => {
            let word = younger.word().await;
            if word == Word::Gone {
                tracing::warn!(
                    event = "younger_gone",
                    pid = younger.pid(),
                    "the process that took over is gone"
                );
            }
            word
        }
        None => std::future::pending().await,
    }
}
