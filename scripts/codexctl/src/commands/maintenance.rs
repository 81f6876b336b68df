//! `codexctl maintenance`: closes the API for a while, and opens it again.

use crate::{
    failure::Failure,
    front::{Ask, Front, Reach},
    print,
};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use shared::time::clock;
use std::time::Duration;

const PATH: &str = "/internal/maintenance";

/// Close the API for a while: new requests get 503, running ones finish
#[derive(Debug, Args)]
pub struct Command {
    #[command(flatten)]
    reach: Reach,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Begin maintenance, or change it
    On {
        /// What clients are told to wait, in seconds [default: PROXY_MAINTENANCE_RETRY_AFTER_S]
        #[arg(long, value_name = "SECONDS")]
        retry_after: Option<u64>,
        /// What clients are told, up to 500 characters
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
        /// When it ends by itself: RFC 3339 with its offset, or Unix seconds
        #[arg(long, value_name = "TIME", conflicts_with = "duration")]
        until: Option<String>,
        /// After how long it ends by itself, such as 30m or 1h 30m
        #[arg(long = "for", id = "duration", value_name = "TIME", value_parser = duration)]
        duration: Option<Duration>,
    },
    /// End maintenance for sure: requests are served, also where PROXY_MAINTENANCE_MODE is on
    Off,
    /// Remove the toggle: PROXY_MAINTENANCE_MODE holds again
    Clear,
    /// Show what holds
    Status,
}

/// Does what was asked, and prints what holds then.
///
/// # Errors
/// [`Failure`], with what to do about it.
pub fn run(command: Command) -> Result<(), Failure> {
    let Command { reach, action } = command;
    let off = matches!(action, Action::Off);
    let state = Front::new(&reach)?.ask(PATH, &asked(action, clock::now_ms()))?;
    if reach.json {
        return print::answer(&state.to_string());
    }
    print::answer(&shown(&state))?;
    if off {
        print::answer("PROXY_MAINTENANCE_MODE has no effect until `codexctl maintenance clear`.")?;
    }
    Ok(())
}

fn asked(action: Action, now_ms: u64) -> Ask {
    match action {
        Action::On { retry_after, message, until, duration } => {
            let mut body = Map::from_iter([("enabled".to_owned(), json!(true))]);
            if let Some(seconds) = retry_after {
                body.insert("retry_after_s".to_owned(), json!(seconds));
            }
            if let Some(text) = message {
                body.insert("message".to_owned(), json!(text));
            }
            if let Some(text) = until {
                let until = text.parse::<u64>().map_or_else(|_| json!(text), |seconds| json!(seconds));
                body.insert("until".to_owned(), until);
            }
            if let Some(duration) = duration {
                // Rounded up: not a moment less than was asked for.
                let length = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                let end = now_ms.saturating_add(length).div_ceil(1000);
                body.insert("until".to_owned(), json!(end));
            }
            Ask::Set(Value::Object(body))
        }
        Action::Off => Ask::Set(json!({ "enabled": false })),
        Action::Clear => Ask::Clear,
        Action::Status => Ask::Show,
    }
}

/// A length of time that an option tells.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{error}; such as 30m or 2h"))?;
    if duration.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(duration) }
}

/// The state in words.
fn shown(state: &Value) -> String {
    let on = state["enabled"] == true;
    let mut text = format!("maintenance: {} ({})", if on { "on" } else { "off" }, source(state));
    for (word, name) in [("since", "since"), ("until", "until")] {
        if let Some(time) = state[name].as_str() {
            text.push_str(&format!(", {word} {time}"));
        }
    }
    if on {
        if let Some(seconds) = state["retry_after_s"].as_u64() {
            text.push_str(&format!("\nclients wait: {seconds} s"));
        }
        if let Some(message) = state["message"].as_str() {
            text.push_str(&format!("\nclients read: {message}"));
        }
    }
    text + &kept(state)
}

/// Who decided.
pub(super) fn source(state: &Value) -> &'static str {
    if state["source"] == "toggle" { "by toggle" } else { "by the front's settings" }
}

/// What is to be said where the daemon doesn't have it.
pub(super) fn kept(state: &Value) -> String {
    if state["kept"] == true {
        return String::new();
    }
    "\nnot kept: the daemon doesn't have this on disk, so other fronts may not follow, and a restart may lose it; \
     the logs say why (toggle_not_kept, toggles_not_kept)"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        command: Command,
    }

    fn ask(line: &str) -> Result<Ask, String> {
        let words = std::iter::once("maintenance").chain(line.split(' '));
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        Ok(asked(line.command.action, 1_790_000_000_250))
    }

    #[test]
    fn each_action_is_a_request() {
        assert_eq!(ask("status").unwrap(), Ask::Show);
        assert_eq!(ask("--json clear").unwrap(), Ask::Clear);
        assert_eq!(ask("off --url http://127.0.0.1:1").unwrap(), Ask::Set(json!({ "enabled": false })));
        assert_eq!(ask("on").unwrap(), Ask::Set(json!({ "enabled": true })));
        assert_eq!(
            ask("on --retry-after 60 --message Soon --until 2030-01-01T00:00:00Z").unwrap(),
            Ask::Set(json!({
                "enabled": true, "retry_after_s": 60, "message": "Soon", "until": "2030-01-01T00:00:00Z"
            }))
        );
        assert_eq!(
            ask("on --until 1893456000").unwrap(),
            Ask::Set(json!({ "enabled": true, "until": 1_893_456_000 }))
        );
        assert_eq!(
            ask("on --for 30m").unwrap(),
            Ask::Set(json!({ "enabled": true, "until": 1_790_000_000 + 1801 }))
        );
        for wrong in [
            "",
            "on --for soon",
            "on --for 0s",
            "on --for 1m --until 7",
            "on --retry-after -1",
            "off --for 1m",
        ] {
            assert!(ask(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_state_is_told_in_words() {
        let state = json!({
            "enabled": true, "source": "toggle", "retry_after_s": 60, "message": "Back soon.",
            "until": "2030-01-01T00:00:00Z", "since": "2029-12-31T23:00:00Z", "kept": true
        });
        assert_eq!(
            shown(&state),
            "maintenance: on (by toggle), since 2029-12-31T23:00:00Z, until 2030-01-01T00:00:00Z\n\
             clients wait: 60 s\nclients read: Back soon."
        );
        let state = json!({
            "enabled": false, "source": "variable", "retry_after_s": 30, "message": null,
            "until": null, "since": null, "kept": false
        });
        let text = shown(&state);
        assert!(text.starts_with("maintenance: off (by the front's settings)\nnot kept: "), "{text}");
    }
}
