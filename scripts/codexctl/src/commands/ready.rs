//! `codexctl ready`: whether the gateway is ready, as an exit code. For health checks where there is no shell and no curl.

use crate::{
    environment::INTERNAL,
    failure::Failure,
    front::{Listener, Place},
    print,
    worker::Worker,
};
use clap::Args;
use serde_json::Value;
use shared::exit;
use std::{path::PathBuf, time::Duration};

/// Where the front tells it.
const PATH: &str = "/readyz";
/// The longest that may be waited.
const MAX_PATIENCE: Duration = Duration::from_secs(600);
/// The longest word of a state, in bytes.
const MAX_WORD: usize = 32;

/// Say whether the gateway is ready: it exits with 0 when it is, with 1 when it isn't or can't be asked
///
/// http-front is asked for `/readyz`, without a key; with --worker, worker-daemon for its status. Exit codes: 0 ready; 1 not
/// ready, nobody there, no answer in time, or an answer of something else; 2 a wrong option.
#[derive(Debug, Args)]
pub struct Command {
    #[command(flatten)]
    place: Place,
    /// Ask worker-daemon on its socket whether codex is ready, instead of http-front
    #[arg(long, conflicts_with = "url")]
    worker: bool,
    /// worker-daemon's socket [default: WORKER_SOCKET, else worker.sock in CODEX_HOME, else .codex-api/worker.sock]
    #[arg(long, value_name = "PATH", requires = "worker")]
    socket: Option<PathBuf>,
    /// How long the answer may take, such as 3s or 500ms
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = patience)]
    timeout: Duration,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    is_ready: bool,
    text: String,
}

/// Asks, prints what was said, and gives the exit code.
///
/// # Errors
/// [`Failure`], where nobody said anything that could be printed.
pub fn run(command: Command) -> Result<u8, Failure> {
    let Command { place, worker, socket, timeout, json } = command;
    let (word, answer) = if worker { ask_worker(socket, timeout)? } else { ask_front(&place, timeout)? };
    print::answer(&if json { answer.to_string() } else { word.text })?;
    Ok(if word.is_ready { exit::OK } else { exit::FAILURE })
}

fn ask_front(place: &Place, patience: Duration) -> Result<(Word, Value), Failure> {
    let listener = Listener::new(place, patience)?;
    let (status, body) = listener.get(PATH)?;
    let word = body.as_ref().and_then(|body| of_front(status, body));
    word.zip(body).ok_or_else(|| {
        Failure::failed(format!(
            "{} answers {status} and tells no health as an http-front does: --url or {INTERNAL} names its internal listener",
            listener.base
        ))
    })
}

fn ask_worker(socket: Option<PathBuf>, patience: Duration) -> Result<(Word, Value), Failure> {
    let worker = Worker::new(socket, patience);
    let status = worker.status()?;
    of_worker(&status).map(|word| (word, status)).ok_or_else(|| worker.odd())
}

/// What the front's `/readyz` says with this status; `None` where it can't be that.
fn of_front(status: u16, body: &Value) -> Option<Word> {
    let (health, worker) = (state(&body["status"])?, state(&body["worker_state"])?);
    let is_ready = status == 200;
    if is_ready != (health == "ok") {
        return None;
    }
    let mut text = text(is_ready, worker, &body["backoff_ms"]);
    // What the worker's state doesn't tell by itself.
    if !is_ready && health != "down" && health != worker {
        text.push_str(&format!(", {health}"));
    }
    if body["maintenance_mode"] == true {
        text.push_str(", maintenance is on");
    }
    Some(Word { is_ready, text })
}

/// What the daemon's status says; `None` where it can't be one.
fn of_worker(status: &Value) -> Option<Word> {
    let worker = state(&status["state"])?;
    let is_ready = worker == "ready";
    Some(Word { is_ready, text: text(is_ready, worker, &status["backoffMs"]) })
}

fn text(is_ready: bool, worker: &str, backoff_ms: &Value) -> String {
    let ready = if is_ready { "ready" } else { "not ready" };
    let delay = backoff_ms.as_u64().map(|ms| format!(", {ms} ms")).unwrap_or_default();
    format!("{ready}: worker {worker}{delay}")
}

/// The name of a state: a word, which can be printed.
fn state(value: &Value) -> Option<&str> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    value.as_str().filter(|word| (1..=MAX_WORD).contains(&word.len()) && word.bytes().all(is_letter))
}

fn patience(text: &str) -> Result<Duration, String> {
    let time = super::maintenance::duration(text)?;
    if time > MAX_PATIENCE { Err("it must be at most 10m".to_owned()) } else { Ok(time) }
}

#[cfg(test)]
mod tests;
