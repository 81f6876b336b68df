//! The front's internal listener: where it is, and one exchange with it, bounded in time and size.
//!
//! Nobody else is asked: no proxy of the environment is used, and no redirect is followed.

use crate::{
    environment::{self, INTERNAL},
    failure::Failure,
};
use clap::Args;
use serde_json::Value;
use std::{io::ErrorKind, time::Duration};
use ureq::{Agent, Body, http::Response};

/// Where the internal listener is unless somebody says otherwise.
const DEFAULT: &str = "127.0.0.1:18080";
/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Where the listener is.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The front's internal listener, such as http://127.0.0.1:18080 [default: PROXY_INTERNAL_ADDR, else 127.0.0.1:18080]
    #[arg(long, value_name = "URL", global = true)]
    pub url: Option<String>,
}

/// The listener.
#[derive(Debug)]
pub struct Listener {
    /// The beginning of its URLs.
    pub base: String,
    patience: Duration,
}

impl Listener {
    /// The listener that flags and environment name.
    ///
    /// # Errors
    /// An address that is none.
    pub fn new(place: &Place, patience: Duration) -> Result<Self, Failure> {
        let address = place.url.clone().or_else(|| environment::variable(INTERNAL));
        Ok(Self { base: base(address.as_deref().unwrap_or(DEFAULT))?, patience })
    }

    /// Asks for a path that needs no key: the status, and the body where it is JSON.
    ///
    /// # Errors
    /// No connection, or no whole answer in time; each with what to do about it.
    pub fn get(&self, path: &str) -> Result<(u16, Option<Value>), Failure> {
        self.exchange(path, "", |agent, url| agent.get(url).call())
    }

    /// Sends a request to the URL of `path`, with the same answer. `doubt` is what else is to be said where no answer comes in time.
    ///
    /// # Errors
    /// As [`Listener::get`].
    pub fn exchange(
        &self,
        path: &str,
        doubt: &str,
        send: impl FnOnce(&Agent, &str) -> Result<Response<Body>, ureq::Error>,
    ) -> Result<(u16, Option<Value>), Failure> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(self.patience))
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .into();
        let unreached = |error| self.unreached(&error, doubt);
        let mut answer = send(&agent, &format!("{}{path}", self.base)).map_err(unreached)?;
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string().map_err(unreached)?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).ok()))
    }

    fn unreached(&self, error: &ureq::Error, doubt: &str) -> Failure {
        let Self { base, patience } = self;
        let patience = humantime::format_duration(*patience);
        let names = format!("--url or {INTERNAL} names its internal listener");
        let refused = |why: &std::io::Error| why.kind() == ErrorKind::ConnectionRefused;
        Failure::failed(if matches!(error, ureq::Error::Io(why) if refused(why)) {
            format!("nothing listens at {base}: is http-front running? {names}")
        } else if matches!(error, ureq::Error::Timeout(_)) {
            format!("no answer from {base} within {patience}{doubt}")
        } else {
            format!("can't ask the front at {base}: {error}; {names}")
        })
    }
}

/// An address or URL as the beginning of URLs.
fn base(address: &str) -> Result<String, Failure> {
    let address = address.trim().trim_end_matches('/');
    let rest = address.strip_prefix("http://").unwrap_or(address);
    if rest.contains("://") {
        return Err(Failure::usage(format!("{address}: the internal listener is asked by http:// alone")));
    }
    if rest.is_empty() || rest.contains(['/', '@', '?', '#', ' ']) {
        return Err(Failure::usage(format!(
            "{address} is no address of a listener; such as http://127.0.0.1:18080"
        )));
    }
    // What a listener is bound to where it listens on every address.
    let rest = match rest.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("[::1]:{port}"),
        Some(_) | None => rest.to_owned(),
    };
    Ok(format!("http://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls_or_not() {
        for (address, wanted) in [
            ("127.0.0.1:18080", "http://127.0.0.1:18080"),
            (" http://localhost:1/ ", "http://localhost:1"),
            ("internal.front:18080", "http://internal.front:18080"),
            ("0.0.0.0:18080", "http://127.0.0.1:18080"),
            ("[::]:18080", "http://[::1]:18080"),
            ("http://[fe80::1]:7", "http://[fe80::1]:7"),
        ] {
            assert_eq!(base(address).unwrap(), wanted, "{address}");
        }
        for odd in ["", "https://front:1", "http://u:p@front", "http://front/internal", "unix:///x", "a b"] {
            assert_eq!(base(odd).unwrap_err().code(), shared::exit::USAGE, "{odd}");
        }
    }
}
