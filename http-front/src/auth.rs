//! Bearer keys. Compared as digests, in constant time: neither length nor content of a key shows in the time.

use crate::{
    config::Config,
    error::{ApiError, Kind},
};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use subtle::ConstantTimeEq;

/// The name of a key: whose request it is, for fairness between the callers behind one front. Never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for KeyName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

/// The name of the one key that the environment holds.
pub const ENVIRONMENT: &str = "PROXY_API_KEY";

/// What a key may use; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// The window of both limits below; the operator's where unset (`PROXY_RATE_LIMIT_WINDOW_MS`).
    pub window: Option<Duration>,
    /// Requests to the model within any window.
    pub requests: Option<u64>,
    /// Tokens within any window.
    pub tokens: Option<u64>,
    /// Requests to the model that may be open at once.
    pub streams: Option<usize>,
}

/// A key, as far as it is known here: what it may do, never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: KeyName,
    /// Whether it may ask for agents (`x-codex-profile: agent`).
    pub may_agent: bool,
    /// Whether it opens `/internal/*`.
    pub operator: bool,
    /// The models and aliases that it may use; `None` is every one.
    pub models: Option<Vec<String>>,
    /// What it may use.
    pub limits: KeyLimits,
}

/// Decides who may pass.
#[derive(Clone)]
pub struct Auth {
    key: Option<([u8; 32], Arc<Key>)>,
}

impl Auth {
    /// With the keys of the configuration; without any nobody passes.
    pub fn new(config: &Config) -> Self {
        let key = config.api_key.as_ref().map(|key| {
            let named = Key {
                name: ENVIRONMENT.into(),
                may_agent: config.key_may_agent,
                operator: true,
                models: None,
                limits: KeyLimits::default(),
            };
            (Sha256::digest(key.as_bytes()).into(), Arc::new(named))
        });
        if key.is_none() {
            tracing::warn!(event = "no_api_key", "PROXY_API_KEY is not set: every /v1 route answers 401");
        }
        Self { key }
    }

    /// Whether nobody can pass, because there is no key.
    pub fn is_closed(&self) -> bool {
        self.key.is_none()
    }

    /// The key that the request carries.
    ///
    /// # Errors
    /// `invalid_api_key`; the message never repeats what was sent.
    pub fn check(&self, headers: &HeaderMap) -> Result<Arc<Key>, ApiError> {
        let refuse = |message| Err(ApiError::new(Kind::InvalidApiKey, message));
        let Some((digest, key)) = &self.key else {
            return refuse(
                "No API key is configured here, so every request is refused. The operator must set PROXY_API_KEY.",
            );
        };
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (value, more) = (values.next(), values.next());
        let Some(value) = value else {
            return refuse("No API key was given. Send it as `Authorization: Bearer KEY`.");
        };
        let bytes = value.as_bytes();
        let token = match bytes.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") && more.is_none() => {
                token.trim_ascii()
            }
            Some(_) | None => return refuse("The API key must be sent as `Authorization: Bearer KEY`."),
        };
        let sent: [u8; 32] = Sha256::digest(token).into();
        if bool::from(digest.ct_eq(&sent)) {
            Ok(Arc::clone(key))
        } else {
            refuse("The API key is not valid.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(key: Option<&str>) -> Auth {
        let named = Key {
            name: ENVIRONMENT.into(),
            may_agent: false,
            operator: true,
            models: None,
            limits: KeyLimits::default(),
        };
        Auth { key: key.map(|key| (Sha256::digest(key).into(), Arc::new(named))) }
    }

    fn check(key: Option<&str>, headers: &[&str]) -> bool {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        auth(key).check(&map).is_ok()
    }

    #[test]
    fn only_the_key_passes() {
        assert!(check(Some("k"), &["Bearer k"]) && check(Some("k"), &["bearer  k "]));
        for wrong in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer kk"],
            &["Basic k"],
            &["k"],
            &["Bearer k", "Bearer x"],
        ] {
            assert!(!check(Some("k"), wrong), "{wrong:?}");
        }
        assert!(!check(None, &["Bearer k"]) && !check(None, &["Bearer "]));
    }
}
