//! `codexctl ready`: whether the gateway is ready, as an exit code. For health checks where there is no shell and no curl, and for
//! scripts that go on once it is.

mod wait;

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
/// The longest that may be waited, for an answer and for the gateway.
const MAX_PATIENCE: Duration = Duration::from_secs(600);
/// The longest word of a state, in bytes.
const MAX_WORD: usize = 32;

/// Say whether the gateway is ready: it exits with 0 when it is, with 1 when it isn't or can't be asked
///
/// http-front is asked for `/readyz`, without a key; with --worker, worker-daemon for its status. Exit codes: 0 ready; 1 not
/// ready, nobody there, no answer in time, or an answer of something else; 2 a wrong option. With --wait, 1 says that it was not
/// ready within that time; what was said last is told with it.
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
    /// Ask again until it is ready, for up to this time, such as 60s; what is asked by then may still take its --timeout
    #[arg(long, value_name = "TIME", value_parser = patience)]
    wait: Option<Duration>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// What was answered, and what it comes to.
#[derive(Debug)]
struct Told {
    word: Word,
    answer: Value,
}

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    is_ready: bool,
    text: String,
}

/// Asks, prints what was said last, and gives the exit code.
///
/// # Errors
/// [`Failure`], where nobody said anything that could be printed, or where it was not ready within `--wait`.
pub fn run(command: Command) -> Result<u8, Failure> {
    let Command { place, worker, socket, timeout, wait, json } = command;
    let ask = || if worker { ask_worker(socket.clone(), timeout) } else { ask_front(&place, timeout) };
    let said = match wait {
        Some(wait) => wait::until_ready(wait, &wait::Now::default(), ask),
        None => ask(),
    };
    let Told { word, answer } = said.map_err(|failure| late(wait, failure))?;
    print::answer(&if json { answer.to_string() } else { word.text })?;
    match wait {
        _ if word.is_ready => Ok(exit::OK),
        Some(wait) => Err(Failure::failed(not_within(wait))),
        None => Ok(exit::FAILURE),
    }
}

/// The last failure of those that were waited over; one that no time mends as it is.
fn late(wait: Option<Duration>, failure: Failure) -> Failure {
    match wait {
        Some(wait) if !failure.is_usage() => Failure::failed(format!("{}: {failure}", not_within(wait))),
        Some(_) | None => failure,
    }
}

fn not_within(wait: Duration) -> String {
    format!("not ready within {}", humantime::format_duration(wait))
}

fn ask_front(place: &Place, patience: Duration) -> Result<Told, Failure> {
    let listener = Listener::new(place, patience)?;
    let (status, body) = listener.get(PATH)?;
    let word = body.as_ref().and_then(|body| of_front(status, body));
    word.zip(body).map(|(word, answer)| Told { word, answer }).ok_or_else(|| {
        Failure::failed(format!(
            "{} answers {status} and tells no health as an http-front does: --url or {INTERNAL} names its internal listener",
            listener.base
        ))
    })
}

fn ask_worker(socket: Option<PathBuf>, patience: Duration) -> Result<Told, Failure> {
    let worker = Worker::new(socket, patience)?;
    let answer = worker.status()?;
    of_worker(&answer).map(|word| Told { word, answer }).ok_or_else(|| worker.odd())
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
