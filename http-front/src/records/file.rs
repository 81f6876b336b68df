//! A log's file: whole lines behind each other, a bounded number of bytes.
//!
//! Blocking: it belongs to a writer's thread. Others (another front, logrotate) may write, rename or remove the same file
//! meanwhile. A file that is no regular one, such as `/dev/stdout` or a pipe, is written without a bound.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A log's file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    max: u64,
    file: Option<File>,
    /// Whether the last line in the file has no end: then it gets one before the next.
    torn: bool,
}

impl LogFile {
    /// Opens or makes the file, with mode 0600 where it is new.
    ///
    /// # Errors
    /// When it can't be appended to.
    pub(super) fn open(path: &Path, max: u64) -> io::Result<Self> {
        let mut log = Self { path: path.to_owned(), max, file: None, torn: false };
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
        let file = if regular { options.create(true).open(&self.path)? } else { options.open(&self.path)? };
        self.torn = regular && !ends_with_a_line(&self.path);
        self.file = Some(file);
        Ok(())
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
        loop {
            let Some(about) = self.about()?.filter(fs::Metadata::is_file) else { return Ok(None) };
            let len = about.len();
            if len == 0 || len.saturating_add(need) <= self.max {
                return Ok(Some(self.max.saturating_sub(len)));
            }
            // Another front may have done it already: then the path is another file's, which must not be lost.
            let ours =
                fs::metadata(&self.path).is_ok_and(|at| (at.dev(), at.ino()) == (about.dev(), about.ino()));
            if ours {
                fs::rename(&self.path, rotated(&self.path))?;
            }
            self.reopen()?;
        }
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

/// Where a full file goes.
fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
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
