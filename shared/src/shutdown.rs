//! The one way to end: drain, then force, and wait for every task.
//!
//! Before that a program can be replaced by another process: what comes anew goes there, and what it has it serves as before,
//! whatever comes on the connections that are open.
//!
//! Every task of a binary is spawned here, so that nothing outlives the end of the program unseen.

use std::{future::Future, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Handles of a program's end; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    replaced: CancellationToken,
    drain: CancellationToken,
    force: CancellationToken,
    tracker: TaskTracker,
    /// The tasks among them that a drain waits for.
    work: TaskTracker,
}

impl Shutdown {
    /// A program that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another process serves from now on: accept no connection, and serve those that are open until they end.
    pub fn start_replaced(&self) {
        self.replaced.cancel();
    }

    /// Whether another process serves.
    pub fn is_replaced(&self) -> bool {
        self.replaced.is_cancelled()
    }

    /// Resolves once another process serves. Cancel safe.
    pub async fn replaced(&self) {
        self.replaced.cancelled().await;
    }

    /// Take no new work; finish what is there.
    pub fn start_drain(&self) {
        self.drain.cancel();
    }

    /// Stop what is still there. Implies the drain.
    pub fn start_force(&self) {
        self.drain.cancel();
        self.force.cancel();
    }

    /// Whether no new work is taken.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Whether work that still runs is being stopped.
    pub fn is_forced(&self) -> bool {
        self.force.is_cancelled()
    }

    /// Resolves once the drain has begun. Cancel safe.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Resolves once the force has begun. Cancel safe.
    pub async fn forced(&self) {
        self.force.cancelled().await;
    }

    /// The token behind [`Shutdown::forced`], for streams that must own it.
    pub fn force_token(&self) -> CancellationToken {
        self.force.clone()
    }

    /// Spawns a task that [`Shutdown::finished`] waits for.
    #[expect(clippy::disallowed_methods, reason = "the one place that may spawn")]
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(self.tracker.track_future(task))
    }

    /// Runs something that blocks on a thread of its own; the end waits for it as for a task. What it calls must end
    /// by itself: it can't be stopped.
    pub fn spawn_blocking<F, R>(&self, work: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.tracker.spawn_blocking(work)
    }

    /// Spawns a task that a drain waits for, such as a connection with a request in it.
    pub fn spawn_work<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn(self.work.track_future(task))
    }

    /// Waits until no task that a drain waits for is left. Cancel safe.
    pub async fn work_done(&self) {
        self.work.close();
        self.work.wait().await;
    }

    /// Waits for every spawned task, at most for `limit`; false when some still run then.
    pub async fn finished(&self, limit: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn force_implies_drain_and_finished_waits_for_tasks() {
        let shutdown = Shutdown::new();
        let inner = shutdown.clone();
        shutdown.spawn(async move { inner.forced().await });
        assert!(!shutdown.finished(Duration::from_secs(1)).await);
        shutdown.start_force();
        assert!(shutdown.is_draining());
        assert!(shutdown.finished(Duration::from_secs(1)).await);
    }
}
