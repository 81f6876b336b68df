//! Everything that this command writes. On a terminal a step is a spinner with the time it has taken and the last
//! line of its output; elsewhere it is a line when it begins and a line when it ends.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) struct Ui {
    plain: bool,
}

/// A step that is under way.
pub(crate) struct Step {
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Ui {
    pub(crate) fn new(plain: bool) -> Self {
        Self { plain: plain || !io::stdout().is_terminal() }
    }

    /// Whether output goes to a terminal on which lines may be redrawn.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    pub(crate) fn say(&self, text: impl Display) {
        write_out(&format!("{text}\n"));
    }

    /// Text without an end of line, at once.
    pub(crate) fn stream(&self, text: &str) {
        write_out(text);
    }

    pub(crate) fn error(&self, failure: impl Display) {
        // Nothing can be done about a closed stderr.
        let _ = writeln!(io::stderr().lock(), "\nerror: {failure}");
    }

    /// `spinner` is false where the step's own output is shown: both would fight for the line.
    pub(crate) fn begin(&self, name: &str, spinner: bool) -> Step {
        let bar = (spinner && !self.plain).then(|| {
            let bar = ProgressBar::new_spinner().with_message(String::new());
            bar.set_style(style());
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            self.say(format_args!("==> {name}"));
        }
        Step { bar, started: Instant::now() }
    }

    pub(crate) fn end(&self, step: Step, name: &str, outcome: &str) -> Duration {
        let took = step.started.elapsed();
        match step.bar {
            Some(bar) => {
                bar.finish_and_clear();
                self.say(format_args!("{outcome:>6}  {name} ({})", seconds(took)));
            }
            None => self.say(format_args!("    {outcome} ({})", seconds(took))),
        }
        took
    }
}

impl Step {
    /// What the step is doing just now; shown on a terminal only.
    pub(crate) fn note(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.trim().to_owned());
        }
    }
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn write_out(text: &str) {
    let mut out = io::stdout().lock();
    // A reader that went away (`| head`) must not turn into a panic while there are processes to stop.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
