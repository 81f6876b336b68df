//! A turn under its deadlines.

use crate::{
    daemon::turn::{Next, TurnStream},
    error::{ApiError, Kind},
    translate::event::Delta,
};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// A turn that ends at the latest at its deadlines or with the program. Dropping it interrupts the turn.
pub(super) struct Watched {
    turn: TurnStream,
    idle: Duration,
    /// When the turn has been silent for too long.
    idle_at: Instant,
    /// When it has taken too long in all.
    deadline: Instant,
    force: CancellationToken,
}

impl Watched {
    /// Watches a turn that starts now.
    pub(super) fn new(turn: TurnStream, idle: Duration, total: Duration, force: CancellationToken) -> Self {
        let now = Instant::now();
        Self { turn, idle, idle_at: now + idle, deadline: now + total, force }
    }

    /// Goes on with another turn, under the same deadline for both.
    pub(super) fn replace(&mut self, turn: TurnStream) {
        self.turn = turn;
        self.idle_at = Instant::now() + self.idle;
    }

    /// The next delta. Cancel safe.
    ///
    /// # Errors
    /// 504 past a deadline, 503 at the forced end, 500 when this side read too slowly.
    pub(super) async fn next(&mut self) -> Result<Delta, ApiError> {
        tokio::select! {
            biased;
            next = self.turn.next() => match next {
                Next::Delta(delta) => {
                    // A child that can't reach the upstream announces a retry again and again.
                    if !matches!(delta, Delta::Retry) {
                        self.idle_at = Instant::now() + self.idle;
                    }
                    Ok(delta)
                }
                Next::Cut => Err(ApiError::new(Kind::SlowReader, "The answer was read too slowly and was cut off.")),
            },
            () = self.force.cancelled() => Err(ApiError::new(Kind::Draining, "The service is shutting down; try again.")),
            () = sleep_until(self.idle_at.min(self.deadline)) => {
                Err(ApiError::new(Kind::Timeout, "The model did not answer in time; try again."))
            }
        }
    }

    /// A delta that is there already.
    pub(super) fn try_next(&mut self) -> Option<Delta> {
        self.turn.try_next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::turn::TurnKey;
    use shared::queue;
    use tokio::sync::mpsc;

    #[tokio::test(start_paused = true)]
    async fn a_retry_is_no_sign_of_life() {
        let (sender, deltas) = queue::channel(1024);
        let (cancels, _cancelled) = mpsc::unbounded_channel();
        let second = Duration::from_secs(1);
        let turn = TurnStream::new(TurnKey(1), deltas, cancels);
        let mut watched = Watched::new(turn, 10 * second, 1000 * second, CancellationToken::new());
        let begun = Instant::now();
        let retries = async {
            for _ in 0..8 {
                tokio::time::sleep(3 * second).await;
                let delta = if begun.elapsed() == 3 * second { Delta::Alive } else { Delta::Retry };
                sender.push(delta).unwrap();
            }
        };
        let end = async {
            loop {
                if let Err(error) = watched.next().await {
                    return (error.kind(), begun.elapsed());
                }
            }
        };
        let (end, ()) = tokio::join!(end, retries);
        assert_eq!(end, (Kind::Timeout, 13 * second));
    }
}
