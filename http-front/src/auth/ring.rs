//! The keys that are in force. Pure: the time is an argument.

use super::Key;
use shared::keys::{Digest, Entry};
use std::{fmt, sync::Arc, time::SystemTime};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// All keys, by their digests.
pub(super) struct Ring {
    stored: Vec<Stored>,
}

struct Stored {
    digest: Digest,
    expires: Option<SystemTime>,
    key: Arc<Key>,
}

/// How many keys there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that let a request through.
    pub valid: usize,
    /// Those that once did.
    pub expired: usize,
}

/// What a sent key is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// One that lets the request through.
    Valid(Arc<Key>),
    /// One that has expired.
    Expired,
    /// None of ours.
    Unknown,
}

impl Ring {
    /// The key of the environment, where there is one, and those of the file.
    pub(super) fn new(environment: Option<(Digest, Key)>, entries: &[Entry]) -> Self {
        let own = environment.map(|(digest, key)| Stored { digest, expires: None, key: Arc::new(key) });
        let others = entries.iter().map(|entry| Stored {
            digest: entry.hash,
            expires: entry.expires,
            key: Arc::new(Key::from(entry)),
        });
        Self { stored: own.into_iter().chain(others).collect() }
    }

    /// Whether there is no key at all.
    pub(super) fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// Whether there is a key that may ask for agents.
    pub(super) fn any_agent(&self) -> bool {
        self.stored.iter().any(|stored| stored.key.may_agent)
    }

    /// How many keys there are at `now`.
    pub(super) fn count(&self, now: SystemTime) -> Counts {
        let expired = self.stored.iter().filter(|stored| stored.is_expired(now)).count();
        Counts { valid: self.stored.len() - expired, expired }
    }

    /// The key of this digest. Every stored one is looked at, whatever the earlier ones were, and none of the steps
    /// depends on how much of it fits.
    pub(super) fn find(&self, sent: &Digest, now: SystemTime) -> Found {
        let (mut place, mut found) = (0u64, Choice::from(0));
        for (at, stored) in (0u64..).zip(&self.stored) {
            let same = stored.digest.as_bytes().ct_eq(sent.as_bytes());
            place.conditional_assign(&at, same & !found);
            found |= same;
        }
        let stored = usize::try_from(place).ok().and_then(|place| self.stored.get(place));
        match stored.filter(|_| found.into()) {
            Some(stored) if stored.is_expired(now) => Found::Expired,
            Some(stored) => Found::Valid(Arc::clone(&stored.key)),
            None => Found::Unknown,
        }
    }
}

impl Stored {
    fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The names are no secret, but there may be thousands.
impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("keys", &self.stored.len()).finish()
    }
}
