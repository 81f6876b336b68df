//! Asks the front one streamed chat completion and prints the answer as it comes.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client;
use crate::failure::{Failure, Result};
use crate::fleet::Fleet;
use crate::sse::{self, Piece};
use crate::ui::Ui;

/// An answer that isn't whole by then won't come.
const LIMIT: Duration = Duration::from_secs(120);
const PATH: &str = "/v1/chat/completions";
/// The scripted upstream follows the lines that begin with an exclamation mark.
const SCRIPTED_PROMPT: &str = "Say hello from the scripted upstream, word by word.\n!pause 40\n\
     !echo Hello from the scripted upstream: every word of this went through the front, the daemon and codex.";
const REAL_PROMPT: &str = "Say hello in one short sentence.";

/// What the curl line asks: short, so that it can be read and changed.
pub(crate) const SAMPLE: &str = "Hello!";

pub(crate) fn prompt(real: bool) -> &'static str {
    if real { REAL_PROMPT } else { SCRIPTED_PROMPT }
}

/// The body of a request.
pub(crate) fn body(prompt: &str) -> String {
    json!({"model": "codex-5", "stream": true, "messages": [{"role": "user", "content": prompt}]}).to_string()
}

/// Fails unless a whole answer with some text came.
pub(crate) fn completion(port: u16, key: &str, body: &str, fleet: &mut Fleet, ui: &Ui) -> Result<()> {
    let (pieces, received) = mpsc::channel();
    // A read on a socket can't look after the processes meanwhile, so it has a thread of its own; when we give up it
    // ends with us.
    let (key, body) = (key.to_owned(), body.to_owned());
    thread::spawn(move || {
        if let Err(error) = stream(port, &key, &body, &pieces) {
            let _ = pieces.send(Piece::Error(error.to_string()));
        }
    });

    let deadline = Instant::now() + LIMIT;
    let mut text = false;
    let end = loop {
        match received.recv_timeout(Duration::from_millis(200)) {
            Ok(Piece::Content(part)) => {
                ui.stream(&part);
                text = true;
            }
            Ok(Piece::Done) if text => break Ok(()),
            Ok(Piece::Done) => break Err("the answer had no text".to_owned()),
            Ok(Piece::Error(error)) => break Err(error),
            Ok(Piece::Nothing) => {}
            Err(RecvTimeoutError::Disconnected) => {
                break Err("the answer was cut off before [DONE]".to_owned());
            }
            Err(RecvTimeoutError::Timeout) => fleet.health()?,
        }
        if Instant::now() > deadline {
            break Err(format!("no whole answer within {} s", LIMIT.as_secs()));
        }
    };
    ui.stream("\n");
    end.map_err(|why| Failure::new(format!("the chat completion failed: {why}\n{}", fleet.log_tails())))
}

fn stream(port: u16, key: &str, body: &str, pieces: &Sender<Piece>) -> io::Result<()> {
    let mut response = client::post_json(port, PATH, key, body, LIMIT)?;
    if response.status != 200 {
        let mut text = String::new();
        response.body.take(4096).read_to_string(&mut text)?;
        return Err(io::Error::other(format!("HTTP status {}: {text}", response.status)));
    }
    let mut line = String::new();
    while response.body.read_line(&mut line)? > 0 {
        let piece = sse::piece(line.trim_end());
        line.clear();
        let last = matches!(piece, Piece::Done | Piece::Error(_));
        if pieces.send(piece).is_err() || last {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_one_line_that_a_shell_takes_in_single_quotes() {
        for prompt in [prompt(false), prompt(true), SAMPLE] {
            let body = body(prompt);
            assert!(!body.contains(['\'', '\n']), "{body}");
        }
    }
}
