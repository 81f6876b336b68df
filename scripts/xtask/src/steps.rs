//! Runs the steps of a command one after another, times them and keeps each one's output. A step that fails ends
//! the run and shows its command and the tail of its output.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::exec;
use crate::failure::{Failure, Result, While};
use crate::ui::{Step, Ui};

const TAIL_LINES: usize = 80;

pub(crate) struct Steps<'a> {
    ui: &'a Ui,
    logs: PathBuf,
    pub(crate) done: Vec<Done>,
}

pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) outcome: String,
    pub(crate) took: Duration,
}

/// Where a command's output goes, besides its log file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Its last lines, if it fails.
    OnFailure,
    /// All of it, as it comes: for what runs long and reports by itself.
    Live,
}

impl<'a> Steps<'a> {
    /// `logs`: a folder for one file a step.
    pub(crate) fn new(ui: &'a Ui, logs: PathBuf) -> Self {
        Self { ui, logs, done: Vec::new() }
    }

    /// A step that is one command. Gives the tail of its output.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command, show: Show) -> Result<Tail> {
        let log = self.logs.join(format!("{}.log", file_name(name)));
        fs::create_dir_all(&self.logs).during(format_args!("cannot make {}", self.logs.display()))?;
        let mut file =
            BufWriter::new(File::create(&log).during(format_args!("cannot write {}", log.display()))?);
        let mut tail = Tail::default();

        let step = self.ui.begin(name, show == Show::OnFailure);
        let status = exec::run(command, |line| {
            match show {
                Show::OnFailure => step.note(line),
                Show::Live => self.ui.say(line),
            }
            // The log is for convenience: a full disk must not fail a test run.
            let _ = writeln!(file, "{line}");
            tail.push(line);
        });
        let failure = match status {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(format!("cannot be started: {error}")),
        };
        let Some(failure) = failure else {
            self.end(step, name, "ok");
            return Ok(tail);
        };
        self.end(step, name, "FAILED");
        let _ = file.flush();
        let output = match show {
            Show::OnFailure => tail.text(),
            Show::Live => String::new(),
        };
        Err(Failure::new(format!(
            "`{name}` failed ({failure})\n  command: {}\n  output:  {}\n{output}",
            exec::shown(command),
            log.display()
        )))
    }

    /// A step that is done in this process.
    pub(crate) fn task<T>(&mut self, name: &str, work: impl FnOnce(&Step) -> Result<T>) -> Result<T> {
        let step = self.ui.begin(name, true);
        let result = work(&step);
        self.end(step, name, if result.is_ok() { "ok" } else { "FAILED" });
        result
    }

    /// A step that can't be done here, and why.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        self.ui.say(format_args!("==> {name}\n    SKIPPED: {why}"));
        self.done.push(Done {
            name: name.to_owned(),
            outcome: format!("skipped: {why}"),
            took: Duration::ZERO,
        });
    }

    fn end(&mut self, step: Step, name: &str, outcome: &str) {
        let took = self.ui.end(step, name, outcome);
        self.done.push(Done { name: name.to_owned(), outcome: outcome.to_owned(), took });
    }
}

/// The last lines of an output.
#[derive(Default)]
pub(crate) struct Tail(VecDeque<String>);

impl Tail {
    pub(crate) fn push(&mut self, line: &str) {
        if self.0.len() == TAIL_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.to_owned());
    }

    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        self.lines().collect::<Vec<_>>().join("\n")
    }
}

fn file_name(step: &str) -> String {
    step.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_last_lines() {
        let mut tail = Tail::default();
        for number in 0..TAIL_LINES + 5 {
            tail.push(&number.to_string());
        }
        assert_eq!(tail.lines().next(), Some("5"));
        assert_eq!(tail.lines().next_back(), Some((TAIL_LINES + 4).to_string().as_str()));
    }

    #[test]
    fn a_failing_step_shows_its_command_and_its_output() {
        let ui = Ui::new(true);
        let logs = std::env::temp_dir().join(format!("xtask-steps-{}", std::process::id()));
        let mut steps = Steps::new(&ui, logs.clone());
        let failure = steps
            .command("a step", Command::new("sh").args(["-c", "echo why; exit 7"]), Show::OnFailure)
            .err()
            .expect("it fails")
            .to_string();
        let log = fs::read_to_string(logs.join("a-step.log")).expect("a log");
        fs::remove_dir_all(&logs).expect("removed");
        assert_eq!(log, "why\n");
        assert!(failure.contains("exit status: 7"), "{failure}");
        assert!(failure.contains("sh -c 'echo why; exit 7'"), "{failure}");
        assert!(failure.ends_with("\nwhy"), "{failure}");
        assert_eq!(steps.done[0].outcome, "FAILED");
    }
}
