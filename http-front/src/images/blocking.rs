//! Work on images that keeps a thread busy, bounded in memory and in threads.

use super::problem::Problem;
use shared::shutdown::Shutdown;
use std::sync::Arc;
use tokio::sync::Semaphore;

const MIB: u64 = 1 << 20;
/// What all work at once may take, in MiB. An image that needs more by our reckoning has it all.
const MEMORY: u32 = 512;

/// Where images are decoded.
pub(super) struct Blocking {
    shutdown: Shutdown,
    /// One permit is a MiB.
    memory: Arc<Semaphore>,
    /// What the smallest work takes, so that no more than the wanted number runs at once.
    least: u32,
}

impl Blocking {
    /// Room for `threads` at once, at least one.
    pub(super) fn new(threads: usize, shutdown: Shutdown) -> Self {
        let threads = u32::try_from(threads).unwrap_or(MEMORY).clamp(1, MEMORY);
        Self { shutdown, memory: Arc::new(Semaphore::new(MEMORY as usize)), least: MEMORY / threads }
    }

    /// Runs `work`, which takes about `bytes` of memory, once there is room. Those that wait are served in turn. Cancel
    /// safe: work that has begun goes on and keeps its room.
    ///
    /// # Errors
    /// `work` panicked, or the program ends.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        bytes: u64,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Problem> {
        let weight = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(MEMORY).clamp(self.least, MEMORY);
        let room = self.memory.clone().acquire_many_owned(weight).await.map_err(|_| Problem::Ending)?;
        let running = self.shutdown.spawn_blocking(move || {
            let result = work();
            drop(room);
            result
        });
        running.await.map_err(|error| if error.is_panic() { Problem::Undecodable } else { Problem::Ending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Barrier;

    #[tokio::test]
    async fn a_panic_is_an_image_that_cannot_be_decoded_and_gives_its_room_back() {
        let blocking = Blocking::new(1, Shutdown::new());
        for _ in 0..3 {
            let panicked: Result<(), _> = blocking.run(1, || panic!("a decoder's fault")).await;
            assert_eq!(panicked, Err(Problem::Undecodable));
        }
        assert_eq!(blocking.run(u64::MAX, || 7).await, Ok(7));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_runs_at_once_than_there_is_room_for() {
        let blocking = Arc::new(Blocking::new(2, Shutdown::new()));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let begin = Arc::new(Barrier::new(8));
        let work = (0..8).map(|_| {
            let (blocking, begin) = (blocking.clone(), begin.clone());
            let (running, most) = (running.clone(), most.clone());
            async move {
                begin.wait().await;
                blocking
                    .run(1, move || {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await
            }
        });
        for done in futures_util::future::join_all(work).await {
            assert_eq!(done, Ok(()));
        }
        assert!(most.load(Ordering::SeqCst) <= 2, "{most:?}");
    }
}
