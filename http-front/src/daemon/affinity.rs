//! Where conversations were last. Pure.
//!
//! Promises: no more than so many are known, those that were used last, and none that was not used for so long.

use super::conversation::Id;
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use tokio::time::Instant;

/// Turns of one conversation that run at once, from which on it is none: an application that names all that it asks alike.
const CROWD: usize = 4;

/// How much is known, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// `PROXY_AFFINITY_MAX`; 0 is off.
    pub most: usize,
    /// `PROXY_AFFINITY_TTL_S`.
    pub ttl: Duration,
}

#[derive(Debug)]
struct Known {
    worker: usize,
    /// Its place among all by when it was used.
    used: u64,
    at: Instant,
    running: usize,
}

/// The conversations.
#[derive(Debug)]
pub struct Affinity {
    bounds: Bounds,
    known: HashMap<Id, Known>,
    /// The one that was not used for longest first.
    by_use: BTreeMap<u64, Id>,
    uses: u64,
}

impl Affinity {
    /// None is known.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, known: HashMap::new(), by_use: BTreeMap::new(), uses: 0 }
    }

    /// The worker where it was last, unless that is too long ago, or it has so many turns at once that it is none.
    pub fn home(&self, id: Id, now: Instant) -> Option<usize> {
        let known = self.known.get(&id)?;
        (self.is_fresh(known, now) && known.running < CROWD).then_some(known.worker)
    }

    fn is_fresh(&self, known: &Known, now: Instant) -> bool {
        now.saturating_duration_since(known.at) < self.bounds.ttl
    }

    /// A turn of it begins at this worker, and moves its home there if it `moves` one. What doesn't go on from a turn before may be another
    /// conversation that begins alike: that moves none.
    pub fn begins(&mut self, id: Id, worker: usize, moves: bool, now: Instant) {
        if self.bounds.most == 0 {
            return;
        }
        self.uses += 1;
        let running = match self.known.get(&id) {
            Some(known) => {
                self.by_use.remove(&known.used);
                known.running
            }
            None => 0,
        };
        // A crowd has no home to move.
        let worker = match self.known.get(&id) {
            Some(known) if running >= CROWD => known.worker,
            Some(known) if !moves && self.is_fresh(known, now) => known.worker,
            Some(_) | None => worker,
        };
        self.known.insert(id, Known { worker, used: self.uses, at: now, running: running + 1 });
        self.by_use.insert(self.uses, id);
        while self.known.len() > self.bounds.most
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.known.remove(&oldest);
        }
    }

    /// A turn of it is over.
    pub fn ends(&mut self, id: Id) {
        if let Some(known) = self.known.get_mut(&id) {
            known.running = known.running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{daemon::conversation::Conversation, openai::chat::ChatRequest};

    const SECOND: Duration = Duration::from_secs(1);

    fn id(n: usize) -> Id {
        let text = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{n}"}}]}}"#);
        Conversation::of(None, &serde_json::from_str::<ChatRequest<'_>>(&text).unwrap()).id()
    }

    fn affinity(most: usize) -> Affinity {
        Affinity::new(Bounds { most, ttl: 10 * SECOND })
    }

    #[test]
    fn a_conversation_is_known_for_a_while() {
        let (mut affinity, now) = (affinity(2), Instant::now());
        assert_eq!(affinity.home(id(1), now), None);
        affinity.begins(id(1), 3, false, now);
        assert_eq!(affinity.home(id(1), now + 9 * SECOND), Some(3));
        assert_eq!(affinity.home(id(1), now + 10 * SECOND), None);
        affinity.begins(id(1), 1, false, now + 9 * SECOND);
        assert_eq!(affinity.home(id(1), now + 9 * SECOND), Some(3), "another begins alike");
        affinity.begins(id(1), 2, true, now + 9 * SECOND);
        assert_eq!(affinity.home(id(1), now + 18 * SECOND), Some(2), "a use makes it young, and moves it");
    }

    #[test]
    fn the_one_that_was_used_longest_ago_is_forgotten_first() {
        let (mut affinity, now) = (affinity(2), Instant::now());
        for n in [1, 2, 1, 3] {
            affinity.begins(id(n), n, true, now);
        }
        assert_eq!([1, 2, 3].map(|n| affinity.home(id(n), now)), [Some(1), None, Some(3)]);
        for n in 10..1000 {
            affinity.begins(id(n), n, true, now);
        }
        assert_eq!((affinity.known.len(), affinity.by_use.len()), (2, 2));
        let mut off = self::affinity(0);
        off.begins(id(1), 1, true, now);
        assert_eq!(off.home(id(1), now), None);
    }

    #[test]
    fn a_crowd_is_no_conversation() {
        let (mut affinity, now) = (affinity(2), Instant::now());
        for _ in 0..CROWD {
            affinity.begins(id(1), 0, true, now);
        }
        assert_eq!(affinity.home(id(1), now), None);
        affinity.begins(id(1), 1, true, now);
        affinity.ends(id(1));
        assert_eq!(affinity.home(id(1), now), None);
        affinity.ends(id(1));
        assert_eq!(affinity.home(id(1), now), Some(0), "its home is where it was before the crowd came");
        (0..9).for_each(|_| affinity.ends(id(1)));
        affinity.ends(id(7));
        affinity.begins(id(1), 0, true, now);
        assert_eq!(affinity.home(id(1), now), Some(0));
    }
}
