//! A client of the front's internal listener: one request, one answer, in bounded time.
//!
//! The key goes to the named address and nowhere else: no proxy of the environment is used, and no redirect is followed.
//! It is in no text that this prints.

use crate::{
    environment::{self, INTERNAL, KEY},
    failure::Failure,
};
use clap::Args;
use serde_json::Value;
use std::{fs::File, io::Read, path::PathBuf, time::Duration};
use ureq::{Agent, Body, http::Response};

/// Where the internal listener is unless somebody says otherwise.
const DEFAULT: &str = "127.0.0.1:18080";
/// How long an answer may take. The front waits for the daemon up to 5 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// The longest file of a key, in bytes.
const MAX_KEY: u64 = 4 * 1024;

/// How the front is reached.
#[derive(Debug, Clone, Args)]
pub struct Reach {
    /// The front's internal listener, such as http://127.0.0.1:18080 [default: PROXY_INTERNAL_ADDR, else 127.0.0.1:18080]
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// A file with an operator's key [default: the variable PROXY_API_KEY]
    #[arg(long, value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
    /// Print the front's answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What is asked of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Its state.
    Show,
    /// A change.
    Set(Value),
    /// The end of the toggle.
    Clear,
}

/// The front.
#[derive(Debug)]
pub struct Front {
    base: String,
    key: String,
    patience: Duration,
}

impl Front {
    /// The front that flags and environment name.
    ///
    /// # Errors
    /// An address that is none, no key, or a file of a key that can't be read.
    pub fn new(reach: &Reach) -> Result<Self, Failure> {
        let address = reach.url.clone().or_else(|| environment::variable(INTERNAL));
        let base = base(address.as_deref().unwrap_or(DEFAULT))?;
        let key = match &reach.key_file {
            Some(path) => read_key(path)?,
            None => environment::variable(KEY).ok_or_else(|| {
                Failure::usage(format!(
                    "no key: set {KEY} to an operator's key, or name a file of one with --key-file"
                ))
            })?,
        };
        let key = key.trim().to_owned();
        if key.is_empty() || key.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
            return Err(Failure::usage("the key is empty, or holds spaces or control characters"));
        }
        Ok(Self { base, key, patience: PATIENCE })
    }

    /// Asks, and gives the state that the front answers with.
    ///
    /// # Errors
    /// No connection, no answer in time, or an answer that refuses; each with what to do about it.
    pub fn ask(&self, path: &str, ask: &Ask) -> Result<Value, Failure> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(self.patience))
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .into();
        let url = format!("{}{path}", self.base);
        let bearer = format!("Bearer {}", self.key);
        let answer = match ask {
            Ask::Show => agent.get(&url).header("authorization", &bearer).call(),
            Ask::Clear => agent.delete(&url).header("authorization", &bearer).call(),
            Ask::Set(body) => agent
                .put(&url)
                .header("authorization", &bearer)
                .header("content-type", "application/json")
                .send(body.to_string()),
        };
        self.read(answer.map_err(|error| self.unreached(&error))?)
    }

    fn read(&self, mut answer: Response<Body>) -> Result<Value, Failure> {
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let text = text.map_err(|error| self.unreached(&error))?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        let message = |body: &Option<Value>| {
            let text = body.as_ref().and_then(|body| body["error"]["message"].as_str());
            text.unwrap_or("it says nothing of why.").to_owned()
        };
        let base = &self.base;
        match (status, body) {
            (200, Some(state)) => Ok(state),
            (400 | 413, body) => Err(Failure::usage(message(&body))),
            (401, body) => Err(Failure::usage(format!(
                "the front at {base} refuses the key (401): {} Give it in {KEY} or with --key-file.",
                message(&body)
            ))),
            (403, body) => {
                Err(Failure::usage(format!("the front at {base} refuses (403): {}", message(&body))))
            }
            (404, _) => Err(Failure::failed(format!(
                "{base} doesn't serve this (404): is it the internal listener ({INTERNAL}) of an http-front of this version?"
            ))),
            (status, body) => {
                Err(Failure::failed(format!("the front at {base} answers {status}: {}", message(&body))))
            }
        }
    }

    fn unreached(&self, error: &ureq::Error) -> Failure {
        let base = &self.base;
        let Self { patience, .. } = self;
        let refused = |why: &std::io::Error| why.kind() == std::io::ErrorKind::ConnectionRefused;
        Failure::failed(if matches!(error, ureq::Error::Io(why) if refused(why)) {
            format!(
                "nothing listens at {base}: is http-front running? --url or {INTERNAL} names its internal listener"
            )
        } else if matches!(error, ureq::Error::Timeout(_)) {
            format!(
                "no answer from {base} within {} s; whether a change holds is not known: ask for the status",
                patience.as_secs()
            )
        } else {
            format!("can't ask the front at {base}: {error}; --url or {INTERNAL} names its internal listener")
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

fn read_key(path: &PathBuf) -> Result<String, Failure> {
    let unreadable = |why: String| Failure::usage(format!("--key-file {}: {why}", path.display()));
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    file.take(MAX_KEY + 1).read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > MAX_KEY {
        return Err(unreadable(format!("a key has at most {MAX_KEY} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
