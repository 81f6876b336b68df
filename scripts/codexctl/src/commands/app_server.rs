//! `codexctl app-server`: the kill switch.

use super::maintenance::{kept, source};
use crate::{
    failure::Failure,
    front::{Ask, Front, Reach},
    print,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const PATH: &str = "/internal/app-server";

/// The kill switch: off, requests get 503 and are told not to try again
#[derive(Debug, Args)]
pub struct Command {
    #[command(flatten)]
    reach: Reach,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Serve requests, whatever PROXY_USE_APP_SERVER says
    On,
    /// Refuse requests, whatever PROXY_USE_APP_SERVER says
    Off,
    /// Remove the toggle: PROXY_USE_APP_SERVER holds again
    Clear,
    /// Show what holds
    Status,
}

/// Does what was asked, and prints what holds then.
///
/// # Errors
/// [`Failure`], with what to do about it.
pub fn run(command: &Command) -> Result<(), Failure> {
    let Command { reach, action } = command;
    let state = Front::new(reach)?.ask(PATH, &asked(*action))?;
    print::answer(&if reach.json { state.to_string() } else { shown(&state) })
}

fn asked(action: Action) -> Ask {
    match action {
        Action::On => Ask::Set(json!({ "enabled": true })),
        Action::Off => Ask::Set(json!({ "enabled": false })),
        Action::Clear => Ask::Clear,
        Action::Status => Ask::Show,
    }
}

/// The state in words.
fn shown(state: &Value) -> String {
    let on = if state["enabled"] == true { "on" } else { "off" };
    let since = state["since"].as_str().map(|time| format!(", since {time}")).unwrap_or_default();
    format!("app-server: {on} ({}){since}{}", source(state), kept(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_a_request_and_the_state_is_told() {
        assert_eq!(asked(Action::On), Ask::Set(json!({ "enabled": true })));
        assert_eq!(asked(Action::Off), Ask::Set(json!({ "enabled": false })));
        assert_eq!((asked(Action::Clear), asked(Action::Status)), (Ask::Clear, Ask::Show));
        let state =
            json!({ "enabled": false, "source": "toggle", "since": "2029-12-31T23:00:00Z", "kept": true });
        assert_eq!(shown(&state), "app-server: off (by toggle), since 2029-12-31T23:00:00Z");
        let state = json!({ "enabled": true, "source": "variable", "since": null, "kept": true });
        assert_eq!(shown(&state), "app-server: on (by the front's settings)");
    }
}
