//! A client of the front's internal listener, as an operator with a key: one request, one answer, in bounded time.
//!
//! The key goes to the named address and nowhere else, and is in no text that this prints.

mod listener;

pub use self::listener::{Listener, Place};
use crate::{
    environment::{self, INTERNAL, KEY},
    failure::Failure,
};
use clap::Args;
use serde_json::Value;
use std::{fs::File, io::Read, path::PathBuf, time::Duration};

/// How long an answer to an operator may take. The front waits for the daemon up to 5 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is to be said where an operator gets no answer in time.
const DOUBT: &str = "; whether a change holds is not known: ask for the status";
/// The longest file of a key, in bytes.
const MAX_KEY: u64 = 4 * 1024;

/// How the front is reached.
#[derive(Debug, Clone, Args)]
pub struct Reach {
    #[command(flatten)]
    place: Place,
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
    listener: Listener,
    key: String,
}

impl Front {
    /// The front that flags and environment name.
    ///
    /// # Errors
    /// An address that is none, no key, or a file of a key that can't be read.
    pub fn new(reach: &Reach) -> Result<Self, Failure> {
        let listener = Listener::new(&reach.place, PATIENCE)?;
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
        Ok(Self { listener, key })
    }

    /// Asks, and gives the state that the front answers with.
    ///
    /// # Errors
    /// No connection, no answer in time, or an answer that refuses; each with what to do about it.
    pub fn ask(&self, path: &str, ask: &Ask) -> Result<Value, Failure> {
        let bearer = format!("Bearer {}", self.key);
        let (status, body) = self.listener.exchange(path, DOUBT, |agent, url| match ask {
            Ask::Show => agent.get(url).header("authorization", &bearer).call(),
            Ask::Clear => agent.delete(url).header("authorization", &bearer).call(),
            Ask::Set(body) => agent
                .put(url)
                .header("authorization", &bearer)
                .header("content-type", "application/json")
                .send(body.to_string()),
        })?;
        let message = |body: &Option<Value>| {
            let text = body.as_ref().and_then(|body| body["error"]["message"].as_str());
            text.unwrap_or("it says nothing of why.").to_owned()
        };
        let base = &self.listener.base;
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
