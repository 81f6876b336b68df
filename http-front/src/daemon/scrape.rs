//! What the daemon has counted, for those who ask: all who ask while an answer is on its way share it.

use shared::control::metrics::Told;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// Who may wait for the link.
pub(super) const WAITING: usize = 64;
/// How long the daemon has to answer.
const LIMIT: Duration = Duration::from_secs(1);

/// Where an answer goes: `None` from a daemon that doesn't know the question.
pub(super) type Ask = oneshot::Sender<Option<Arc<Told>>>;

/// There is no daemon, or it doesn't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAnswer;

/// Asks the link. `Ok(None)`: the daemon answers, and has counted nothing, being an older one.
///
/// # Errors
/// [`NoAnswer`], at the latest after a second. Cancel safe.
pub(super) async fn ask(link: &mpsc::Sender<Ask>) -> Result<Option<Arc<Told>>, NoAnswer> {
    let (ask, answer) = oneshot::channel();
    link.try_send(ask).map_err(|_| NoAnswer)?;
    match tokio::time::timeout(LIMIT, answer).await {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(_)) | Err(_) => Err(NoAnswer),
    }
}

/// Those who wait on one connection.
#[derive(Debug, Default)]
pub(super) struct Asking {
    waiting: Vec<Ask>,
    /// Whether a question is on its way.
    out: bool,
}

impl Asking {
    /// One more; whether the daemon is to be asked.
    pub(super) fn add(&mut self, ask: Ask) -> bool {
        // Those who gave up leave no trace, however long the daemon hangs.
        self.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting.push(ask);
        !std::mem::replace(&mut self.out, true)
    }

    /// The answer.
    pub(super) fn answered(&mut self, told: Option<&Arc<Told>>) {
        self.out = false;
        for ask in self.waiting.drain(..) {
            // Whoever gave up doesn't hear it.
            let _gone = ask.send(told.cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_wait_share_one_answer() {
        let mut asking = Asking::default();
        let (one, mut heard) = oneshot::channel();
        let (gone, _) = oneshot::channel();
        let (two, mut heard_too) = oneshot::channel();
        assert!(asking.add(one));
        assert!(!asking.add(gone) && !asking.add(two));
        assert_eq!(asking.waiting.len(), 2, "who gave up is forgotten");
        let told = Arc::new(Told::default());
        asking.answered(Some(&told));
        assert!(heard.try_recv().unwrap().is_some() && heard_too.try_recv().unwrap().is_some());
        let (again, _kept) = oneshot::channel();
        assert!(asking.add(again), "the next one asks anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_hangs_is_waited_for_a_second() {
        let (link, mut asks) = mpsc::channel(WAITING);
        let since = tokio::time::Instant::now();
        assert_eq!(ask(&link).await, Err(NoAnswer));
        assert_eq!(since.elapsed(), LIMIT);
        let answer = async { asks.recv().await.map(drop) };
        assert_eq!(tokio::join!(ask(&link), answer).0, Err(NoAnswer), "the link is pausing");
        drop(asks);
        assert_eq!(ask(&link).await, Err(NoAnswer));
    }
}
