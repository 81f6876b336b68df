//! Looks after the file of keys while the front runs: once a second, and at once when an operator asks.
//!
//! It reads off the runtime's threads, and swaps the keys as a whole: a request sees the old ones or the new ones.

use super::{
    Counts,
    keeper::{Keeper, Look, Told},
    load::{Environment, tell, twice},
    look::{Seen, look},
    ring::Ring,
};
use crate::metrics::Metrics;
use shared::{keys, shutdown::Shutdown};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// The time between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// The keys of a file, to be kept as the file has them.
#[derive(Debug)]
pub struct Watcher {
    path: Arc<PathBuf>,
    seen: Seen,
    keeper: Keeper,
    environment: Environment,
    ring: watch::Sender<Arc<Ring>>,
}

impl Watcher {
    pub(super) fn new(
        path: PathBuf,
        keeper: Keeper,
        environment: Environment,
        ring: watch::Sender<Arc<Ring>>,
    ) -> Self {
        Self { path: Arc::new(path), seen: Seen::default(), keeper, environment, ring }
    }

    /// Runs until the program is forced to end: a key that is revoked meanwhile must be refused, too.
    /// `reload` changes when an operator asks for a look.
    pub async fn run(mut self, mut reload: watch::Receiver<u64>, metrics: Arc<Metrics>, shutdown: Shutdown) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.count(&metrics);
            let asked = tokio::select! {
                _ = tick.tick() => false,
                Ok(()) = reload.changed() => true,
                () = shutdown.forced() => return,
            };
            let (path, seen) = (Arc::clone(&self.path), self.seen);
            let looking = shutdown.spawn_blocking(move || look(&path, seen, asked, SystemTime::now()));
            let look = tokio::select! {
                look = looking => look,
                // The disk may take its time.
                () = shutdown.forced() => return,
            };
            if let Ok((look, seen)) = look {
                self.take(look, seen, asked);
            }
        }
    }

    fn take(&mut self, look: Look, seen: Seen, asked: bool) {
        self.seen = seen;
        let look = match look {
            Look::Read(entries) => match twice(&entries, self.environment.as_ref()) {
                twice if twice.is_empty() => Look::Read(entries),
                twice => Look::Unusable(twice),
            },
            Look::Same | Look::Missing | Look::Unusable(_) => look,
        };
        let step = self.keeper.look(look, asked, Instant::now());
        if step.changed {
            self.ring.send_replace(Arc::new(Ring::new(self.environment.clone(), self.keeper.entries())));
        }
        if let Some(told) = step.told {
            self.tell(&told);
        }
    }

    fn tell(&self, told: &Told) {
        let file = self.path.display();
        match told {
            Told::Loaded => tell(&self.ring.borrow(), Some(self.keeper.entries())),
            Told::Failed(problems) => tracing::error!(
                event = "keys_reload_failed", %file, kept = self.keeper.entries().len(),
                problems = keys::join(problems),
                "the file of keys can't be used; the keys that it had stay in force",
            ),
            Told::Closed => {
                tracing::error!(
                    event = "keys_file_missing", %file,
                    "the file of keys is gone, so its keys are refused",
                );
                tell(&self.ring.borrow(), None);
            }
        }
    }

    fn count(&self, metrics: &Metrics) {
        let counts: Counts = self.ring.borrow().count(SystemTime::now());
        metrics.keys(counts, self.keeper.is_good());
    }
}
