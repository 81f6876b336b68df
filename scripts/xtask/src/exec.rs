//! Runs one command to its end, handing over its output line by line, stdout and stderr as one.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long after the command's end its pipe may stay silent but open. A grandchild that was left behind holds it,
/// and must not hold us.
const STRAGGLERS: Duration = Duration::from_secs(2);

pub(crate) fn run(command: &mut Command, mut on_line: impl FnMut(&str)) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    let mut child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The command still owns our copies of the writer; with them open the pipe would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let (lines, received) = mpsc::sync_channel(256);
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            line.clear();
            if lines.send(text).is_err() {
                return;
            }
        }
    });

    loop {
        match received.recv_timeout(STRAGGLERS) {
            Ok(line) => on_line(&line),
            Err(RecvTimeoutError::Disconnected) => return child.wait(),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
            }
        }
    }
}

/// The command as one would type it, for messages.
pub(crate) fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(script: &str) -> (ExitStatus, Vec<String>) {
        let mut lines = Vec::new();
        let status = run(Command::new("sh").args(["-c", script]), |line| lines.push(line.to_owned()))
            .expect("sh runs");
        (status, lines)
    }

    #[test]
    fn both_outputs_arrive_in_order_and_the_last_line_needs_no_newline() {
        let (status, lines) = lines("echo one; echo two >&2; printf three; exit 3");
        assert_eq!(status.code(), Some(3));
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_grandchild_that_holds_the_pipe_does_not_hold_us() {
        let (status, lines) = lines("sleep 30 & echo $!");
        assert!(status.success());
        let left = lines[0].parse().expect("a pid");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(left), nix::sys::signal::Signal::SIGKILL)
            .expect("it was left behind");
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("cargo");
        command.args(["test", "it's here", ""]);
        assert_eq!(shown(&command), r"cargo test 'it'\''s here' ''");
    }
}
