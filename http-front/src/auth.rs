//! Bearer keys. Compared as digests, in constant time: neither length nor content of the key shows in the time.

use crate::{
    config::ApiKey,
    error::{ApiError, Kind},
};
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The name of a key: whose request it is, for fairness between the callers behind one front. Never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
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
const ENVIRONMENT: &str = "PROXY_API_KEY";

/// Decides who may pass.
#[derive(Clone)]
pub struct Auth {
    digest: Option<[u8; 32]>,
}

impl Auth {
    /// With this key; without one nobody passes.
    pub fn new(key: Option<&ApiKey>) -> Self {
        Self { digest: key.map(|key| Sha256::digest(key.as_bytes()).into()) }
    }

    /// The name of the key that the request carries.
    ///
    /// # Errors
    /// `invalid_api_key`; the message never repeats what was sent.
    pub fn check(&self, headers: &HeaderMap) -> Result<KeyName, ApiError> {
        let refuse = |message| Err(ApiError::new(Kind::InvalidApiKey, message));
        let Some(digest) = &self.digest else {
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
            Ok(ENVIRONMENT.into())
        } else {
            refuse("The API key is not valid.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: Option<&str>, headers: &[&str]) -> bool {
        let key = key.map(|k| ApiKey::from(k.to_owned()));
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        Auth::new(key.as_ref()).check(&map).is_ok()
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
