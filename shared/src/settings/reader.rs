//! Typed values out of resolved text; collects every problem instead of stopping at the first.

use super::{Kind, Setting, Values, units};
use std::{path::PathBuf, time::Duration};

/// Something wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {message}")]
pub struct Problem {
    /// The setting's variable.
    pub setting: String,
    /// What is wrong and what would be right. Never holds the value of a secret.
    pub message: String,
}

/// Reads typed values. A value that can't be read becomes a default of its type and a [`Problem`], so that the
/// caller can go on and tell all problems at once.
#[derive(Debug)]
pub struct Reader<'a> {
    settings: &'a [Setting],
    values: &'a Values,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader of `values`; everything in them is checked against its kind.
    pub fn new(settings: &'a [Setting], values: &'a Values) -> Self {
        let mut reader = Self { settings, values, problems: Vec::new() };
        for setting in settings {
            if let Some((text, _)) = values.by_name.get(setting.name)
                && let Err(message) = units::check(setting.kind, text)
            {
                reader.problem(setting.name, message);
            }
        }
        reader
    }

    /// The text of a setting, if it has a value.
    pub fn text(&self, name: &'static str) -> Option<String> {
        debug_assert!(self.settings.iter().any(|s| s.name == name), "{name} is not in the table");
        self.values.by_name.get(name).map(|(text, _)| text.clone())
    }

    /// A path.
    pub fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// The comma-separated entries of a setting, trimmed, empty ones left out.
    pub fn list(&self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
    }

    /// A boolean; false where unset.
    pub fn boolean(&self, name: &'static str) -> bool {
        self.read(name, Kind::Bool, units::boolean).unwrap_or_default()
    }

    /// A duration; zero where unset.
    pub fn millis(&self, name: &'static str) -> Duration {
        self.read(name, Kind::Millis, units::millis).unwrap_or_default()
    }

    /// A duration of at least `min` milliseconds.
    pub fn millis_from(&mut self, name: &'static str, min: u64) -> Duration {
        let value = self.millis(name);
        self.at_least(name, u64::try_from(value.as_millis()).unwrap_or(u64::MAX), min);
        value
    }

    /// A number.
    pub fn count(&self, name: &'static str) -> u64 {
        self.read(name, Kind::Count, units::count).unwrap_or_default()
    }

    /// A number of at least `min`.
    pub fn count_from(&mut self, name: &'static str, min: u64) -> u64 {
        let value = self.count(name);
        self.at_least(name, value, min);
        value
    }

    /// A size in bytes of at least `min`.
    pub fn bytes_from(&mut self, name: &'static str, min: usize) -> usize {
        let value = self.read(name, Kind::Bytes, units::bytes).unwrap_or_default();
        self.at_least(name, value as u64, min as u64);
        value
    }

    /// Notes a value that is over what can be done.
    pub fn at_most(&mut self, name: &str, value: u64, max: u64) {
        if value > max {
            self.problem(name, format!("must be at most {max}"));
        }
    }

    /// An octal file mode.
    pub fn mode(&self, name: &'static str) -> u32 {
        self.read(name, Kind::Mode, units::mode).unwrap_or_default()
    }

    /// Notes something that only the caller can know to be wrong.
    pub fn problem(&mut self, name: &str, message: impl Into<String>) {
        let problem = Problem { setting: name.to_owned(), message: message.into() };
        if !self.problems.iter().any(|p| p.setting == problem.setting) {
            self.problems.push(problem);
        }
    }

    /// `value`, unless something was wrong.
    ///
    /// # Errors
    /// All problems, in the order in which they were found.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.problems.is_empty() { Ok(value) } else { Err(self.problems) }
    }

    fn at_least(&mut self, name: &str, value: u64, min: u64) {
        if value < min {
            self.problem(name, format!("must be at least {min}"));
        }
    }

    fn read<T>(&self, name: &'static str, kind: Kind, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        debug_assert!(
            self.settings.iter().any(|s| s.name == name && s.kind == kind),
            "{name} is no {kind:?}"
        );
        // What can't be parsed is among the problems since `new`.
        self.text(name).and_then(|text| parse(&text).ok())
    }
}
