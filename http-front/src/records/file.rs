//! A log's file: whole lines behind each other, a bounded number of bytes.
//!
//! Blocking: it belongs to a writer's thread. Others (another front, logrotate) may write, rename or remove the same file
//! meanwhile; fronts on one file rename it one at a time, under a lock on the file that is full. A file that is no regular
//! one, such as `/dev/stdout` or a pipe, and one that is named through `/proc` or `/dev`, is written without a bound, and so
//! is one that can't be renamed: a line that is too many is better than one that is missing.

mod place;

pub(super) use place::check;
pub(crate) use place::makeable;

use nix::errno::Errno;
use place::Place;
use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What a full file's name gets behind it. Not a number: those are logrotate's.
pub(crate) const FULL: &str = ".full";

/// A log's file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    max: u64,
    file: Option<File>,
    /// The file that the path led to when it was opened, links followed; `None` where it must not be renamed.
    renamed: Option<PathBuf>,
    /// Why the file, which is full, was not renamed at the last try.
    stuck: Option<io::Error>,
    /// Whether the last line in the file has no end: then it gets one before the next.
    torn: bool,
}

impl LogFile {
    /// Opens or makes the file, with mode 0600 where it is new.
    ///
    /// # Errors
    /// When it can't be appended to.
    pub(super) fn open(path: &Path, max: u64) -> io::Result<Self> {
        let mut log =
            Self { path: path.to_owned(), max, file: None, renamed: None, stuck: None, torn: false };
        log.reopen()?;
        Ok(log)
    }

    /// Opens the path again, where another file may be by now.
    ///
    /// # Errors
    /// When it can't be appended to; the file that was open stays so, unless it was removed.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let regular = fs::metadata(&self.path).map_or(true, |about| about.is_file());
        let mut options = OpenOptions::new();
        // A pipe without a reader must not hold up the start.
        options.append(true).mode(0o600).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
        let file = if regular { options.create(true).open(&self.path) } else { options.open(&self.path) };
        let file = file.map_err(|error| match error.raw_os_error() {
            Some(code) if code == Errno::ENXIO as i32 => {
                io::Error::new(io::ErrorKind::NotConnected, "it is a pipe or a socket that nobody reads")
            }
            _ => error,
        })?;
        self.torn = regular && !ends_with_a_line(&self.path);
        self.renamed = match Place::of(&self.path) {
            Ok(place) => (regular && !place.system).then_some(place.path),
            // Removed meanwhile: it is made again before the next line.
            Err(_) => None,
        };
        self.file = Some(file);
        Ok(())
    }

    /// Why the file, which is full, could not be renamed, since this was asked last.
    pub(super) fn stuck(&mut self) -> Option<io::Error> {
        self.stuck.take()
    }

    /// Appends lines, each with its line feed. Says how many of them are in the file; they are the first ones.
    ///
    /// # Errors
    /// Beside that number, why the others aren't.
    pub(super) fn append(&mut self, lines: &[Vec<u8>]) -> (usize, io::Result<()>) {
        let mut rest = lines;
        while !rest.is_empty() {
            let room = match self.ready(rest[0].len() as u64) {
                Ok(room) => room,
                Err(error) => return (lines.len() - rest.len(), Err(error)),
            };
            // As many as there is room for, and one in any case: a file that is empty has room for it.
            let mut bytes = Vec::new();
            let mut count = 0;
            for line in rest {
                if count > 0 && room.is_some_and(|room| (bytes.len() + line.len()) as u64 > room) {
                    break;
                }
                bytes.extend_from_slice(line);
                count += 1;
            }
            if let (written, Err(error)) = self.write(&bytes) {
                let mut whole = 0;
                let mut end = 0;
                for line in rest {
                    end += line.len();
                    whole += usize::from(end <= written);
                }
                return (lines.len() - rest.len() + whole, Err(error));
            }
            rest = &rest[count..];
        }
        (lines.len(), Ok(()))
    }

    /// Sees to a file with room for so many bytes, or an empty one; what it has room for, `None` for one without a bound.
    fn ready(&mut self, need: u64) -> io::Result<Option<u64>> {
        // The file was removed: what would be written to it nobody could read.
        if self.about()?.is_none_or(|about| about.is_file() && about.nlink() == 0) {
            self.file = None;
            self.reopen()?;
        }
        // Twice: when another one was faster, the path is a file that may be full by now, too.
        for _ in 0..2 {
            let Some(about) = self.about()?.filter(fs::Metadata::is_file) else { return Ok(None) };
            let Some(renamed) = &self.renamed else { return Ok(None) };
            let len = about.len();
            if len == 0 || len.saturating_add(need) <= self.max {
                return Ok(Some(self.max.saturating_sub(len)));
            }
            match self.file.as_ref().map_or(Ok(()), |file| rename(file, &about, renamed)) {
                Ok(()) => self.reopen()?,
                Err(error) => {
                    self.stuck = Some(error);
                    return Ok(None);
                }
            }
        }
        // Others fill it as fast as it is opened. What is written is in one of their files.
        Ok(None)
    }

    fn about(&self) -> io::Result<Option<fs::Metadata>> {
        self.file.as_ref().map(File::metadata).transpose()
    }

    /// Writes as much as can be; says how many bytes of `bytes` are in the file as whole lines or behind them.
    fn write(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let Some(file) = &mut self.file else { return (0, Err(io::ErrorKind::NotFound.into())) };
        if self.torn {
            if let Err(error) = file.write_all(b"\n") {
                return (0, Err(error));
            }
            self.torn = false;
        }
        let mut written = 0;
        let result = loop {
            match file.write(&bytes[written..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Err(error),
            }
            if written == bytes.len() {
                break Ok(());
            }
        };
        let half = written - bytes[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if half > 0 {
            // Taking it back needs no room on a full disk. What another one has written behind it must stay.
            let taken_back = file.stream_position().and_then(|end| {
                let about = file.metadata()?;
                let alone = about.is_file() && about.len() == end;
                if alone { file.set_len(end - half as u64).map(|()| true) } else { Ok(false) }
            });
            self.torn = !taken_back.unwrap_or(false);
        }
        (written, result)
    }
}

/// Renames a full file, unless another one has done it already or is just doing it. The path must be opened again then.
fn rename(file: &File, about: &fs::Metadata, path: &Path) -> io::Result<()> {
    match file.try_lock() {
        // A file system without locks: then there had better be one front.
        Ok(()) | Err(TryLockError::Error(_)) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
    }
    // Under the lock: whoever has it for this file finds another one behind the path when it was renamed.
    let done = match fs::metadata(path) {
        Ok(at) if (at.dev(), at.ino()) == (about.dev(), about.ino()) => fs::rename(path, rotated(path)),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    // It ends with the file in any case.
    let _unlocked = file.unlock();
    match done {
        // Somebody else has moved it out of the way, which is as good.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Where a full file goes.
pub(crate) fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OsStr::new(FULL));
    name.into()
}

/// Whether what stands in a file ends with a line feed; of one that can't be read it is believed.
fn ends_with_a_line(path: &Path) -> bool {
    let last = || {
        let mut file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(b'\n');
        }
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        Ok::<u8, io::Error>(last[0])
    };
    last().map_or(true, |last| last == b'\n')
}

#[cfg(test)]
mod tests;
