//! The file itself: read within bounds, and told apart from what it was before.

use super::{Entry, MAX_BYTES, Problem, parse};
use std::{
    fs, io,
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

/// What a file looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of a file.
    pub fn of(file: &fs::Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Whether the other one is of the same file, with another content perhaps.
    pub fn is_file_of(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// How long ago at `now` the file was changed last; zero for a change to come, as after a clock was set back.
    pub fn age(&self, now: SystemTime) -> Duration {
        let (seconds, nanos) = self.modified.max(self.changed);
        let whole = u64::try_from(seconds).map(Duration::from_secs).unwrap_or_default();
        let latest = whole + Duration::from_nanos(u64::try_from(nanos).unwrap_or_default());
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.saturating_sub(latest)
    }
}

/// A file that was read.
#[derive(Debug)]
pub struct Loaded {
    /// How it looked before it was read.
    pub stamp: Stamp,
    /// Its text; bounded by [`MAX_BYTES`].
    pub text: String,
    /// Its keys.
    pub entries: Vec<Entry>,
}

/// Why a file gives no keys.
#[derive(Debug, PartialEq, Eq)]
pub enum Unread {
    /// There is none of that name.
    Missing,
    /// It can't be used.
    Unusable(Vec<Problem>),
}

impl Unread {
    /// What is wrong, by line where it has one.
    pub fn problems(self) -> Vec<Problem> {
        match self {
            Self::Missing => vec![Problem::of_file("it does not exist; `codexctl key add NAME` makes it")],
            Self::Unusable(problems) => problems,
        }
    }

    fn of_file(message: impl Into<String>) -> Self {
        Self::Unusable(vec![Problem::of_file(message)])
    }
}

/// Reads a file. Blocks, for as long as the disk does.
///
/// # Errors
/// [`Unread`]: missing, no file, too large, writable by everybody, no text, or not of the format.
pub fn read(path: &Path) -> Result<Loaded, Unread> {
    // Looked at before it is opened: to open a pipe would wait for somebody who writes into it.
    regular(&fs::metadata(path).map_err(unread)?)?;
    let file = fs::File::open(path).map_err(unread)?;
    let seen = file.metadata().map_err(unread)?;
    regular(&seen)?;
    if seen.mode() & 0o002 != 0 {
        return Err(Unread::of_file("everybody may write to it; `chmod o-w` it"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() > MAX_BYTES {
        return Err(Unread::of_file(format!("it has more than {MAX_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Unread::of_file("it is not UTF-8"))?;
    let entries = parse(&text).map_err(Unread::Unusable)?;
    Ok(Loaded { stamp: Stamp::of(&seen), text, entries })
}

fn regular(file: &fs::Metadata) -> Result<(), Unread> {
    if file.is_file() { Ok(()) } else { Err(Unread::of_file("it is no regular file")) }
}

fn unread(error: io::Error) -> Unread {
    if is_missing(&error) { Unread::Missing } else { Unread::of_file(format!("it can't be read: {error}")) }
}

/// Whether an error says that there is no file of that name.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
