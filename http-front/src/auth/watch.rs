//! Looks after the file of keys while the front runs: once a second, and at once when an operator asks.
//!
//! It reads off the runtime's threads, and swaps the keys as a whole: a request sees the old ones or the new ones.

use super::{
    Counts,
    keeper::{Keeper, Look, Told},
    load::{Environment, tell, twice},
    ring::Ring,
};
use crate::metrics::Metrics;
use shared::{
    keys::{
        self, Problem,
        file::{self, Loaded, Stamp, Unread},
    },
    shutdown::Shutdown,
};
use std::{
    fs,
    path::{Path, PathBuf},
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
    /// How the file looked when it was read last; `None` has it read again.
    seen: Option<Stamp>,
    keeper: Keeper,
    environment: Environment,
    ring: watch::Sender<Arc<Ring>>,
}

impl Watcher {
    pub(super) fn new(
        path: PathBuf,
        seen: Stamp,
        keeper: Keeper,
        environment: Environment,
        ring: watch::Sender<Arc<Ring>>,
    ) -> Self {
        Self { path: Arc::new(path), seen: Some(seen), keeper, environment, ring }
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
            let (path, seen) = (Arc::clone(&self.path), self.seen.filter(|_| !asked));
            let looking = shutdown.spawn_blocking(move || look(&path, seen));
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

    fn take(&mut self, look: Look, seen: Option<Stamp>, asked: bool) {
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

/// Looks at the file, and reads it where it isn't what was `seen`. Blocks.
fn look(path: &Path, seen: Option<Stamp>) -> (Look, Option<Stamp>) {
    let unusable = |problems: Vec<Problem>| Look::Unusable(problems);
    let now = match fs::metadata(path) {
        Ok(file) => Stamp::of(&file),
        Err(error) if file::is_missing(&error) => return (Look::Missing, None),
        Err(error) => {
            return (unusable(vec![Problem::of_file(format!("it can't be read: {error}"))]), None);
        }
    };
    if seen == Some(now) {
        return (Look::Same, seen);
    }
    let clock = SystemTime::now();
    let (look, stamp) = match file::read(path) {
        Ok(Loaded { stamp, entries, .. }) => (Look::Read(entries), stamp),
        Err(Unread::Missing) => return (Look::Missing, None),
        Err(Unread::Unusable(problems)) => (unusable(problems), now),
    };
    // What was written a moment ago may be written again without that its times show it.
    (look, Some(stamp).filter(|stamp| stamp.is_settled(clock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_a_moment_ago_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        assert!(matches!(look(&path, None), (Look::Missing, None)));
        fs::write(&path, "# a").unwrap();
        let stamp = Stamp::of(&fs::metadata(&path).unwrap());
        // It may be written once more in the same tick of the clock, with the same size.
        assert!(matches!(look(&path, None), (Look::Read(_), None)));
        assert!(matches!(look(&path, Some(stamp)), (Look::Same, Some(_))));
        fs::write(&path, "[[keys]]").unwrap();
        assert!(matches!(look(&path, Some(stamp)), (Look::Unusable(_), None)));
        assert!(matches!(look(folder.path(), Some(stamp)), (Look::Unusable(_), _)));
    }
}
