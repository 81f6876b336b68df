//! The daemon's state in words, as `systemctl status` shows it.

use shared::control::{LastExit, Status, WorkerState};

/// One line for `STATUS=`. `draining` is the daemon's own: it goes down, whatever the child does.
pub(super) fn words(status: &Status, draining: bool) -> String {
    let text = match status.state {
        WorkerState::Stopped => "Stopped: codex has ended".to_owned(),
        WorkerState::Starting
        | WorkerState::Initializing
        | WorkerState::Ready
        | WorkerState::Draining
        | WorkerState::Backoff
            if draining =>
        {
            draining_words()
        }
        WorkerState::Draining => draining_words(),
        WorkerState::Starting => format!("Starting codex{}", again(status)),
        WorkerState::Initializing => {
            format!("Waiting for the handshake of codex{}{}", pid(status), again(status))
        }
        WorkerState::Ready => {
            let version = status.version.as_deref().map(|v| format!(" {v}")).unwrap_or_default();
            format!("Ready: codex{version}{}{}", pid(status), again(status))
        }
        WorkerState::Backoff => format!(
            "Waiting {} ms before start {} of codex{}",
            status.backoff_ms.unwrap_or_default(),
            status.starts + 1,
            status.last_exit.as_ref().map(after).unwrap_or_default()
        ),
    };
    // The version is the child's word, and a line break would begin another message.
    text.chars().filter(|c| !c.is_control()).collect()
}

fn draining_words() -> String {
    "Draining: running turns may finish, nothing new is taken".to_owned()
}

fn pid(status: &Status) -> String {
    status.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default()
}

/// Which start it is, where it isn't the first.
fn again(status: &Status) -> String {
    if status.starts > 1 { format!(", start {}", status.starts) } else { String::new() }
}

fn after(exit: &LastExit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!(" after exit code {code}"),
        (None, Some(signal)) => format!(" after signal {signal}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: WorkerState, starts: u64) -> Status {
        Status { state, starts, ..Status::default() }
    }

    #[test]
    fn says_what_the_child_does() {
        use WorkerState::{Backoff, Draining, Initializing, Ready, Starting, Stopped};
        let pid = Some(123);
        let version = Some("0.169.0".to_owned());
        let ended = |code, signal| Some(LastExit { code, signal });
        let backoff = |last_exit| Status { backoff_ms: Some(500), last_exit, ..status(Backoff, 3) };
        for (status, expected) in [
            (status(Starting, 1), "Starting codex"),
            (status(Starting, 4), "Starting codex, start 4"),
            (Status { pid, ..status(Initializing, 1) }, "Waiting for the handshake of codex, pid 123"),
            (Status { pid, version: version.clone(), ..status(Ready, 1) }, "Ready: codex 0.169.0, pid 123"),
            (Status { pid, version, ..status(Ready, 2) }, "Ready: codex 0.169.0, pid 123, start 2"),
            (backoff(ended(Some(7), None)), "Waiting 500 ms before start 4 of codex after exit code 7"),
            (backoff(ended(None, Some(9))), "Waiting 500 ms before start 4 of codex after signal 9"),
            (backoff(None), "Waiting 500 ms before start 4 of codex"),
            (status(Draining, 1), "Draining: running turns may finish, nothing new is taken"),
            (status(Stopped, 1), "Stopped: codex has ended"),
        ] {
            assert_eq!(words(&status, false), expected);
        }
    }

    #[test]
    fn a_drain_goes_before_what_the_child_does() {
        use WorkerState::{Backoff, Ready, Stopped};
        for state in [Ready, Backoff] {
            assert!(words(&status(state, 1), true).starts_with("Draining: "), "{state:?}");
        }
        assert!(words(&status(Stopped, 1), true).starts_with("Stopped: "));
    }

    #[test]
    fn a_version_cannot_begin_another_message() {
        let version = Some("1\nREADY=1".to_owned());
        let told = words(&Status { version, ..status(WorkerState::Ready, 1) }, false);
        assert_eq!(told, "Ready: codex 1READY=1");
    }
}
