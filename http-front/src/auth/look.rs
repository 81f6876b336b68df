//! One look at the file of keys: whether it is another one than before, and what is in it. Blocks.

use super::keeper::Look;
use shared::keys::{
    Problem,
    file::{self, Loaded, Stamp, Unread},
};
use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

/// A file that was changed no longer ago than this may be changed again without that its times show it: they are as
/// coarse as the kernel's clock, or the disk's.
const SETTLES: Duration = Duration::from_secs(2);
/// Who writes into the file itself, as some editors do, has emptied it first: what was changed no longer ago than this
/// may be half of it.
const WRITING: Duration = Duration::from_millis(100);

/// What is known of the file since the last look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// How it looked when it was read last; `None` has it read.
    stamp: Option<Stamp>,
    /// Whether it is read although it looks the same.
    again: bool,
    /// Whether somebody seemed to be writing into it, and was waited for.
    waited: bool,
}

/// Looks at the file. Whoever has `asked` for it has done writing.
pub(super) fn look(path: &Path, seen: Seen, asked: bool, clock: SystemTime) -> (Look, Seen) {
    let now = match fs::metadata(path) {
        Ok(file) => Stamp::of(&file),
        Err(error) if file::is_missing(&error) => return (Look::Missing, Seen::default()),
        Err(error) => {
            let problem = Problem::of_file(format!("it can't be read: {error}"));
            return (Look::Unusable(vec![problem]), Seen::default());
        }
    };
    if seen.stamp == Some(now) && !seen.again && !asked {
        return (Look::Same, seen);
    }
    let written = seen.stamp.is_some_and(|before| before != now && before.is_file_of(&now));
    if written && now.age(clock) < WRITING && !seen.waited && !asked {
        return (Look::Same, Seen { again: true, waited: true, ..seen });
    }
    let (look, stamp) = match file::read(path) {
        Ok(Loaded { stamp, entries, .. }) => (Look::Read(entries), stamp),
        Err(Unread::Missing) => return (Look::Missing, Seen::default()),
        Err(Unread::Unusable(problems)) => (Look::Unusable(problems), now),
    };
    (look, Seen { stamp: Some(stamp), again: stamp.age(clock) < SETTLES, waited: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct File {
        folder: tempfile::TempDir,
        seen: Seen,
    }

    impl File {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), seen: Seen::default() }
        }

        fn path(&self) -> std::path::PathBuf {
            self.folder.path().join("keys.toml")
        }

        fn write(&self, text: &str) {
            fs::write(self.path(), text).unwrap();
        }

        /// A look so long after the last change.
        fn look(&mut self, asked: bool, after: Duration) -> Look {
            let latest = fs::metadata(self.path()).and_then(|file| file.modified());
            let clock = latest.unwrap_or(SystemTime::UNIX_EPOCH) + after;
            let (look, seen) = look(&self.path(), self.seen, asked, clock);
            self.seen = seen;
            look
        }
    }

    const LATER: Duration = Duration::from_secs(1);

    #[test]
    fn what_was_written_a_moment_ago_is_read_again() {
        let mut file = File::new();
        assert!(matches!(file.look(false, LATER), Look::Missing));
        file.write("# a");
        // It may be written once more in the same tick of the clock, with the same size.
        assert!(matches!(file.look(false, LATER), Look::Read(_)));
        assert!(matches!(file.look(false, SETTLES * 2), Look::Read(_)));
        assert!(matches!(file.look(false, SETTLES * 2), Look::Same));
        assert!(matches!(file.look(true, SETTLES * 2), Look::Read(_)));
        file.write("[[keys]]");
        assert!(matches!(file.look(false, SETTLES * 2), Look::Unusable(_)));
        assert!(matches!(file.look(false, SETTLES * 2), Look::Same));
        fs::remove_file(file.path()).unwrap();
        assert!(matches!(file.look(false, LATER), Look::Missing));
        fs::create_dir(file.path()).unwrap();
        assert!(matches!(file.look(false, LATER), Look::Unusable(_)));
    }

    #[test]
    fn who_writes_into_the_file_is_waited_for_once() {
        let mut file = File::new();
        file.write("# a");
        assert!(matches!(file.look(false, SETTLES * 2), Look::Read(_)));
        file.write("");
        assert!(matches!(file.look(false, Duration::ZERO), Look::Same), "an editor has just emptied it");
        file.write("# more");
        assert!(matches!(file.look(false, Duration::ZERO), Look::Read(_)), "but not for ever");
        assert!(matches!(file.look(false, SETTLES * 2), Look::Read(_)));
        // Whoever asks has written it all; and a file in the place of another is whole.
        file.write("# asked");
        assert!(matches!(file.look(true, Duration::ZERO), Look::Read(_)));
        let other = file.folder.path().join("other");
        fs::write(&other, "# other").unwrap();
        fs::rename(&other, file.path()).unwrap();
        assert!(matches!(file.look(false, Duration::ZERO), Look::Read(_)));
    }
}
