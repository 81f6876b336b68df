//! The state folder: made or checked, kept from others, and locked.
//!
//! Two daemons with one `CODEX_HOME` would write the same state files under each other. The lock is the kernel's
//! (`flock`): it goes with the process however that ends, so a crash leaves no stale one.

use nix::{fcntl::OFlag, unistd::Uid};
use shared::exit;
use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

/// The lock's name in the folder. The file holds the pid of the daemon that has it, or had it last, and is never
/// deleted: two daemons could each hold a lock on a file of that name then.
pub const LOCK: &str = "worker.lock";

/// Files of instructions, in the order in which codex looks for them.
const INSTRUCTIONS: &[&str] = &["AGENTS.override.md", "AGENTS.md"];

/// Why the state folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system refused.
    #[error("CODEX_HOME: can't use {}: {source}", path.display())]
    Io {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is somebody else's, who could read and change what the child keeps there.
    #[error(
        "CODEX_HOME: {} belongs to uid {owner}, the daemon runs as uid {own}; give it to that user (chown) or choose another folder",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Our own.
        own: u32,
    },
    /// Another daemon has it.
    #[error(
        "CODEX_HOME: {} serves {} already; stop it or choose another folder",
        pid.map_or_else(|| "another daemon".to_owned(), |pid| format!("the daemon with pid {pid}")),
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other daemon, once it has written that down.
        pid: Option<u32>,
    },
}

impl HomeError {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } | Self::Foreign { .. } => exit::USAGE,
            Self::InUse { .. } => exit::BIND,
        }
    }
}

/// The state folder: nobody else's as long as this lives, here or in the daemon that it was handed to.
///
/// The lock goes with the last descriptor of it, which is closed with its process at the latest: nobody gives it back by hand,
/// and with it that of another daemon.
#[derive(Debug)]
pub struct Home {
    lock: File,
}

impl Home {
    /// The lock once more, for a younger daemon: it is held as long as either is open.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn again(&self) -> io::Result<OwnedFd> {
        self.lock.as_fd().try_clone_to_owned()
    }

    /// Writes down whose it is: this process's.
    ///
    /// # Errors
    /// What the system said; the folder is ours all the same.
    pub fn sign(&mut self) -> io::Result<()> {
        self.lock.set_len(0)?;
        self.lock.rewind()?;
        self.lock.write_all(format!("{}\n", std::process::id()).as_bytes())
    }
}

/// Makes the folder with mode 0700 or tightens it, and takes its lock; `given` is the one of an older daemon, whose it is as well,
/// and whose name it bears until [`Home::sign`].
///
/// # Errors
/// [`HomeError`], with a message that names the remedy.
pub fn prepare(path: &Path, given: Option<OwnedFd>) -> Result<Home, HomeError> {
    let io = |source| HomeError::Io { path: path.to_path_buf(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
    let meta = fs::metadata(path).map_err(io)?;
    let own = Uid::effective().as_raw();
    if meta.uid() != own {
        return Err(HomeError::Foreign { path: path.to_path_buf(), owner: meta.uid(), own });
    }
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io)?;
        tracing::warn!(
            event = "home_tightened",
            path = %path.display(),
            mode = format!("{mode:04o}"),
            "others could get into CODEX_HOME; its mode is 0700 now"
        );
    }
    lock(path, given)
}

/// The file of the folder that codex takes instructions from for every thread, if there is one with something in it.
/// codex has no setting that leaves it out.
///
/// One that can't be read counts, for it may be readable later; what is no file does not.
pub fn instructions(home: &Path) -> Option<PathBuf> {
    /// White space beyond this counts as text.
    const MOST: u64 = 1 << 20;
    let holds = |path: &PathBuf| {
        if !fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
            return false;
        }
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut text));
        read.is_err() || text.len() as u64 == MOST || !String::from_utf8_lossy(&text).trim().is_empty()
    };
    INSTRUCTIONS.iter().map(|name| home.join(name)).find(holds)
}

fn lock(home: &Path, given: Option<OwnedFd>) -> Result<Home, HomeError> {
    let path = home.join(LOCK);
    let io = |source| HomeError::Io { path: path.clone(), source };
    let open = || {
        let flags = OFlag::O_NOFOLLOW.bits();
        let mut options = File::options();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags)
            .open(&path)
    };
    let mut file = open().map_err(io)?;
    let mut signed = false;
    if let Some(given) = given.map(File::from) {
        // That of another folder would lock nothing here.
        let same = |a: &File, b: &File| {
            Ok::<_, io::Error>(
                a.metadata()?.ino() == b.metadata()?.ino() && a.metadata()?.dev() == b.metadata()?.dev(),
            )
        };
        if same(&given, &file).map_err(io)? {
            (file, signed) = (given, true);
        }
    }
    match file.try_lock() {
        Ok(()) => {
            let mut locked = Home { lock: file };
            if !signed {
                locked.sign().map_err(io)?;
            }
            Ok(locked)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            Err(HomeError::InUse { path: home.to_path_buf(), pid })
        }
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_missing_folder_is_made_and_a_loose_one_tightened() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("a/b");
        let held = prepare(&home, None).unwrap();
        assert_eq!(mode(&home), 0o700);
        drop(held);
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        let _held = prepare(&home, None).unwrap();
        assert_eq!(mode(&home), 0o700);
        assert_eq!(mode(&home.join(LOCK)), 0o600);
    }

    #[test]
    fn the_second_is_told_who_has_it_and_the_lock_goes_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let first = prepare(dir.path(), None).unwrap();
        let error = prepare(dir.path(), None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&format!("pid {}", std::process::id())), "{said}");
        assert_eq!(error.exit_code(), exit::BIND);
        drop(first);
        assert!(dir.path().join(LOCK).exists(), "the file is never deleted");
        prepare(dir.path(), None).unwrap();
    }

    #[test]
    fn a_lock_that_was_handed_over_stays_until_both_have_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = prepare(dir.path(), None).unwrap();
        let given = first.again().unwrap();
        fs::write(dir.path().join(LOCK), "7\n").unwrap();
        let mut second = prepare(dir.path(), Some(given)).unwrap();
        let text = || fs::read_to_string(dir.path().join(LOCK)).unwrap();
        assert_eq!(text(), "7\n", "it serves nobody yet");
        second.sign().unwrap();
        assert_eq!(text(), format!("{}\n", std::process::id()));
        drop(second);
        assert!(matches!(prepare(dir.path(), None), Err(HomeError::InUse { .. })));
        drop(first);
        // That of another folder locks nothing here.
        let other = tempfile::tempdir().unwrap();
        let foreign = prepare(other.path(), None).unwrap().again().unwrap();
        drop(prepare(dir.path(), Some(foreign)).unwrap());
        assert_eq!(text(), format!("{}\n", std::process::id()));
    }

    #[test]
    fn instructions_are_files_with_something_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, wins) = (dir.path().join("AGENTS.md"), dir.path().join("AGENTS.override.md"));
        assert_eq!(instructions(dir.path()), None);
        for (text, holds) in [("", false), (" \n\t\r\n", false), ("x", true), ("\u{feff}", true)] {
            fs::write(&plain, text).unwrap();
            assert_eq!(instructions(dir.path()), holds.then(|| plain.clone()), "{text:?}");
        }
        fs::write(&wins, "y").unwrap();
        assert_eq!(instructions(dir.path()), Some(wins.clone()));
        fs::write(&wins, vec![b' '; 2 << 20]).unwrap();
        assert_eq!(instructions(dir.path()), Some(wins.clone()));
        fs::remove_file(&plain).unwrap();
        fs::remove_file(&wins).unwrap();
        // What codex reads through a link, it reads here; a folder, a pipe and a link to nowhere are no files.
        fs::create_dir(&wins).unwrap();
        std::os::unix::fs::symlink("/no/such", &plain).unwrap();
        assert_eq!(instructions(dir.path()), None);
        fs::remove_file(&plain).unwrap();
        nix::unistd::mkfifo(&plain, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(instructions(dir.path()), None);
        fs::remove_file(&plain).unwrap();
        fs::write(dir.path().join("x"), "x").unwrap();
        std::os::unix::fs::symlink("x", &plain).unwrap();
        assert_eq!(instructions(dir.path()), Some(plain));
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "").unwrap();
        let error = prepare(&file, None).unwrap_err();
        assert_eq!(error.exit_code(), exit::USAGE, "{error}");
        // A link in the lock's place would have another file emptied.
        fs::create_dir(dir.path().join("h")).unwrap();
        std::os::unix::fs::symlink(&file, dir.path().join("h").join(LOCK)).unwrap();
        assert!(matches!(prepare(&dir.path().join("h"), None), Err(HomeError::Io { .. })));
    }
}
