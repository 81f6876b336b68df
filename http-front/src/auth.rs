//! Who may pass: bearer keys, the one of the environment and those of a file (`PROXY_API_KEYS_FILE`).
//!
//! Owns the keys that are in force, and promises that a request is let through by exactly one header with a stored key
//! that hasn't expired; that neither the length nor the content of a key shows in the time that a check takes; and that
//! a request keeps the [`Key`] it came with, whatever becomes of the file. What was sent is never repeated, and no key
//! and no digest reaches a log.

mod header;
mod keeper;
mod key;
mod load;
mod look;
mod ring;
#[cfg(test)]
mod tests;
mod watch;

use crate::error::{ApiError, Kind};
use http::HeaderMap;
use shared::keys::Digest;
use std::{sync::Arc, time::SystemTime};
use tokio::sync::watch::Receiver;

use self::{
    header::Unsent,
    ring::{Found, Ring},
};
pub use self::{
    key::{ENVIRONMENT, Key, KeyLimits, KeyName},
    load::{KeysError, load, problems},
    ring::Counts,
    watch::Watcher,
};

/// Decides who may pass; cheap to clone.
#[derive(Debug, Clone)]
pub struct Auth {
    ring: Receiver<Arc<Ring>>,
}

impl Auth {
    /// Whether nobody can pass now: there is no key, or all have expired.
    pub fn is_closed(&self) -> bool {
        self.count().valid == 0
    }

    /// How many keys there are now.
    pub fn count(&self) -> Counts {
        self.ring.borrow().count(SystemTime::now())
    }

    /// Whether there is a key that may ask for agents.
    pub fn any_agent(&self) -> bool {
        self.ring.borrow().any_agent()
    }

    /// The key that the request carries.
    ///
    /// # Errors
    /// `invalid_api_key`; the message never repeats what was sent.
    pub fn check(&self, headers: &HeaderMap) -> Result<Arc<Key>, ApiError> {
        let ring = Arc::clone(&self.ring.borrow());
        check(&ring, headers, SystemTime::now())
    }
}

/// The key that the headers carry, at `now`. Pure.
fn check(ring: &Ring, headers: &HeaderMap, now: SystemTime) -> Result<Arc<Key>, ApiError> {
    let refuse = |message| Err(ApiError::new(Kind::InvalidApiKey, message));
    if ring.is_empty() {
        return refuse(
            "No API key is configured here, so every request is refused. The operator must set PROXY_API_KEY, or \
             PROXY_API_KEYS_FILE and make a key with `codexctl key add`.",
        );
    }
    let token = match header::token(headers) {
        Ok(token) => token,
        Err(Unsent::Nothing) => {
            return refuse("No API key was given. Send it as `Authorization: Bearer KEY`.");
        }
        Err(Unsent::Otherwise) => {
            return refuse("The API key must be sent as `Authorization: Bearer KEY`.");
        }
    };
    match ring.find(&Digest::of(token), now) {
        Found::Valid(key) => Ok(key),
        Found::Expired => refuse("The API key has expired. Ask the operator for another one."),
        Found::Unknown => refuse("The API key is not valid."),
    }
}
