//! A turn under its deadlines.

use crate::{
    daemon::turn::{Next, TurnStream},
    error::{ApiError, Kind, Source},
    translate::event::Delta,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// When one of the turns of a request gave a sign of life last. They may wait for each other, so the sign of one is
/// one of them all.
#[derive(Debug)]
pub(super) struct Signs {
    began: Instant,
    /// Milliseconds behind the beginning.
    last: AtomicU64,
}

impl Signs {
    /// The last one is now.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0) }
    }

    fn give(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(since, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.began + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

/// A turn that ends at the latest at its deadlines or with the program. Dropping it interrupts the turn.
pub(super) struct Watched {
    turn: TurnStream,
    /// How long all turns of the request may be silent.
    idle: Duration,
    signs: Arc<Signs>,
    /// When the request has taken too long in all.
    deadline: Instant,
    force: CancellationToken,
}

impl Watched {
    /// Watches a turn that starts now.
    pub(super) fn new(
        turn: TurnStream,
        idle: Duration,
        signs: Arc<Signs>,
        deadline: Instant,
        force: CancellationToken,
    ) -> Self {
        signs.give();
        Self { turn, idle, signs, deadline, force }
    }

    /// Goes on with another turn, under the same deadline for both.
    pub(super) fn replace(&mut self, turn: TurnStream) {
        self.turn = turn;
        self.signs.give();
    }

    /// When it has been silent for too long, or taken too long, as far as is known now.
    fn end(&self) -> Instant {
        self.deadline.min(self.signs.last() + self.idle)
    }

    /// The next delta. Cancel safe.
    ///
    /// # Errors
    /// 504 past a deadline, 503 at the forced end, 500 when this side read too slowly.
    pub(super) async fn next(&mut self) -> Result<Delta, ApiError> {
        loop {
            let end = self.end();
            tokio::select! {
                biased;
                next = self.turn.next() => return match next {
                    Next::Delta(delta) => {
                        // A child that can't reach the upstream announces a retry again and again.
                        if !matches!(delta, Delta::Retry) {
                            self.signs.give();
                        }
                        Ok(delta)
                    }
                    Next::Cut => Err(ApiError::new(Kind::SlowReader, "The answer was read too slowly and was cut off.")),
                },
                () = self.force.cancelled() => {
                    return Err(ApiError::new(Kind::Draining, "The service is shutting down; try again."));
                }
                // Another turn may have given a sign meanwhile.
                () = sleep_until(end) => if end == self.end() {
                    return Err(self.late());
                },
            }
        }
    }

    /// What a turn that has no time left ends with. The model was not asked before codex has the turn.
    fn late(&self) -> ApiError {
        let error = ApiError::new(Kind::Timeout, "The model did not answer in time; try again.");
        if self.turn.is_taken() { error } else { error.caused_by(Source::Worker) }
    }

    /// A delta that is there already.
    pub(super) fn try_next(&mut self) -> Option<Delta> {
        self.turn.try_next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::turn::{Taken, TurnKey};
    use shared::queue;
    use tokio::sync::mpsc;

    const SECOND: Duration = Duration::from_secs(1);

    /// A turn that may be silent for 10 s, and what feeds it.
    fn watched(signs: &Arc<Signs>) -> (Watched, queue::Sender<Delta>, mpsc::UnboundedReceiver<TurnKey>) {
        let (sender, deltas) = queue::channel(1024);
        let (cancels, cancelled) = mpsc::unbounded_channel();
        let turn = TurnStream::new(TurnKey(1), deltas, cancels);
        let deadline = Instant::now() + 1000 * SECOND;
        let watched = Watched::new(turn, 10 * SECOND, Arc::clone(signs), deadline, CancellationToken::new());
        (watched, sender, cancelled)
    }

    /// What it ends with, and after how long.
    async fn end(mut watched: Watched) -> (Kind, Duration) {
        let begun = Instant::now();
        loop {
            if let Err(error) = watched.next().await {
                return (error.kind(), begun.elapsed());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_is_no_sign_of_life() {
        let (watched, sender, _cancelled) = watched(&Arc::new(Signs::new()));
        let retries = async {
            for time in 1..9 {
                tokio::time::sleep(3 * SECOND).await;
                sender.push(if time == 1 { Delta::Alive } else { Delta::Retry }).unwrap();
            }
        };
        let (end, ()) = tokio::join!(end(watched), retries);
        assert_eq!(end, (Kind::Timeout, 13 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_never_left_the_line_is_no_fault_of_the_provider() {
        for (taken, source) in [(false, Source::Worker), (true, Source::Provider)] {
            let (mut watched, _sender, _cancelled) = watched(&Arc::new(Signs::new()));
            let told = Taken::default();
            watched.turn.set_told_by(told.clone());
            if taken {
                told.set();
            }
            let error = watched.next().await.unwrap_err();
            assert_eq!((error.kind(), error.fault()), (Kind::Timeout, source));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn turns_of_one_request_may_wait_for_each_other() {
        let signs = Arc::new(Signs::new());
        let (waits, _silent, _cancelled) = watched(&signs);
        let (works, sender, _other) = watched(&signs);
        let work = async {
            for _ in 0..5 {
                tokio::time::sleep(8 * SECOND).await;
                sender.push(Delta::Alive).unwrap();
            }
        };
        let (waited, worked, ()) = tokio::join!(end(waits), end(works), work);
        assert_eq!((waited, worked), ((Kind::Timeout, 50 * SECOND), (Kind::Timeout, 50 * SECOND)));
    }
}
