//! The files of a fake child under `$CODEX_HOME`: its script, its log and its count of starts.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::script::Script;

const SCRIPT: &str = "fake-codex.json";
const LOG: &str = "fake-codex.log";
const STATE: &str = "fake-codex.state";

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// `app-server` was started.
    Start {
        /// Its process id.
        pid: u32,
        /// The number of the start, from 1.
        start: u32,
        /// Its arguments, without the program.
        argv: Vec<String>,
    },
    /// Any other call, such as `--version`.
    Call {
        /// Its process id.
        pid: u32,
        /// Its arguments.
        argv: Vec<String>,
    },
    /// The `sleep` that a script asked for.
    Grandchild {
        /// The process id of the `sleep`.
        pid: u32,
    },
    /// A line that was received (with `record`).
    Line {
        /// Who received it.
        pid: u32,
        /// The line.
        line: String,
    },
    /// The child ended by itself.
    End {
        /// Who ended.
        pid: u32,
        /// With this exit code.
        code: u8,
    },
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    starts: u32,
}

/// `$CODEX_HOME`, as a fake child uses it.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// The home in this directory, which must exist.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a script in place, for the next start.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write_script(&self, script: &Script) -> io::Result<()> {
        fs::write(self.0.join(SCRIPT), serde_json::to_vec_pretty(script)?)
    }

    /// The script in place; the default one where there is none.
    ///
    /// # Errors
    /// When there is one that can't be read.
    pub fn script(&self) -> io::Result<Script> {
        match fs::read(self.0.join(SCRIPT)) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Script::default()),
            Err(error) => Err(error),
        }
    }

    /// Everything logged so far. A line still being written is left out.
    ///
    /// # Errors
    /// When the log is there and can't be read.
    pub fn log(&self) -> io::Result<Vec<Entry>> {
        let text = match fs::read_to_string(self.0.join(LOG)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole].lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Appends one entry, in one write: several processes share the file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        OpenOptions::new().create(true).append(true).open(self.0.join(LOG))?.write_all(&line)
    }

    /// Counts this start; the first one is 1.
    ///
    /// # Errors
    /// When the count can't be kept.
    pub fn count_start(&self) -> io::Result<u32> {
        let path = self.0.join(STATE);
        let state: State = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(error),
        };
        let starts = state.starts.saturating_add(1);
        // One that is killed here leaves it as it was.
        let beside = self.0.join(format!("{STATE}.{}", std::process::id()));
        fs::write(&beside, serde_json::to_vec(&State { starts })?)?;
        fs::rename(beside, path)?;
        Ok(starts)
    }
}
