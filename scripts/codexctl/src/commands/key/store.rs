//! The file on the disk: one change at a time, each of them whole.

use crate::failure::Failure;
use shared::keys::{
    self, Entry, Problem,
    file::{self, Loaded, Unread},
};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

/// How long another change may take.
const WAIT: Duration = Duration::from_secs(10);

/// A file of keys.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The keys in it.
    ///
    /// # Errors
    /// Where it can't be used.
    pub(super) fn read(&self) -> Result<Vec<Entry>, Failure> {
        let loaded = file::read(&self.path).map_err(|unread| unusable(&self.path, unread))?;
        Ok(loaded.entries)
    }

    /// Writes what `change` makes of the text and its keys: another text, and the keys that it must have. Where there
    /// is no file, `create` says whether it is made. Gives the file's whole path.
    ///
    /// # Errors
    /// Where the file can't be used or written, or `change` refuses: nothing is changed then.
    pub(super) fn change(
        &self,
        create: bool,
        change: impl FnOnce(&str, &[Entry]) -> Result<(String, Vec<Entry>), Failure>,
    ) -> Result<PathBuf, Failure> {
        // Behind a link is the file that is meant; to replace the link would part the two.
        let path = match fs::canonicalize(&self.path) {
            Ok(path) => path,
            Err(error) if file::is_missing(&error) && create => self.fresh()?,
            Err(error) if file::is_missing(&error) => return Err(unusable(&self.path, Unread::Missing)),
            Err(error) => return Err(failed(&self.path, "can't be read", &error)),
        };
        let _lock = lock(&path, WAIT)?;
        let (text, entries) = match file::read(&path) {
            Ok(Loaded { text, entries, .. }) => (text, entries),
            Err(Unread::Missing) if create => (String::new(), Vec::new()),
            Err(unread) => return Err(unusable(&path, unread)),
        };
        let (text, expected) = change(&text, &entries)?;
        // What the front reads of it is what was meant, whatever stood in the file.
        match keys::parse(&text) {
            Ok(entries) if entries == expected => {}
            Ok(_) => {
                return Err(Failure::failed(format!("{} can't be changed by this program", path.display())));
            }
            Err(problems) => return Err(unusable(&path, Unread::Unusable(problems))),
        }
        write(&path, &text).map_err(|error| failed(&path, "can't be written", &error))?;
        Ok(path)
    }

    /// The whole path of a file that isn't there yet; its folder is made where it is missing.
    fn fresh(&self) -> Result<PathBuf, Failure> {
        let parent = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new("."));
        let name =
            self.path.file_name().ok_or_else(|| Failure::usage("--file must be the path of a file"))?;
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(folder, "can't be made", &error)),
        }
        let folder = fs::canonicalize(folder).map_err(|error| failed(folder, "can't be read", &error))?;
        Ok(folder.join(name))
    }
}

/// Has the file for itself until it is dropped; waits for others at most for `wait`.
fn lock(path: &Path, wait: Duration) -> Result<File, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    // Never removed: who waits for it would wait for a file that nobody else finds.
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = opened.map_err(|error| failed(&path, "can't be opened", &error))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let locked = file.lock().map(|()| file);
        let _nobody_waits = sender.send(locked);
    });
    match receiver.recv_timeout(wait) {
        Ok(Ok(file)) => Ok(file),
        Ok(Err(error)) => Err(failed(&path, "can't be locked", &error)),
        Err(_) => Err(Failure::failed(format!(
            "another program has had {} for {} s; try again",
            path.display(),
            wait.as_secs()
        ))),
    }
}

/// Puts a text in a file's place: whoever reads sees the old one or the new one. An old one's mode and owner are kept.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    // Made with 0600.
    let mut fresh = tempfile::Builder::new().prefix(".keys-").tempfile_in(folder)?;
    fresh.write_all(text.as_bytes())?;
    match fs::metadata(path) {
        Ok(old) => {
            let made = fresh.as_file().metadata()?;
            if (old.uid(), old.gid()) != (made.uid(), made.gid()) {
                fchown(fresh.as_file(), Some(old.uid()), Some(old.gid())).map_err(|error| {
                    let who = format!("its owner can't be kept ({error}); run this as its owner, or as root");
                    io::Error::new(error.kind(), who)
                })?;
            }
            fresh.as_file().set_permissions(fs::Permissions::from_mode(old.mode() & 0o777))?;
        }
        Err(error) if file::is_missing(&error) => {}
        Err(error) => return Err(error),
    }
    fresh.as_file().sync_all()?;
    fresh.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn failed(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("{} {what}: {error}", path.display()))
}

/// All that is wrong with a file, a line each.
fn unusable(path: &Path, unread: Unread) -> Failure {
    let problems: Vec<Problem> = unread.problems();
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
    Failure::usage(lines.join("\ncodexctl: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_waited_for_and_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let first = lock(&path, WAIT).unwrap();
        let told = lock(&path, Duration::from_millis(20)).unwrap_err();
        assert!(told.to_string().contains("keys.toml.lock"), "{told}");
        assert_eq!(told.code(), shared::exit::FAILURE);
        let waiting = std::thread::spawn(move || lock(&path, WAIT).map(drop));
        drop(first);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn a_mode_is_kept_and_a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("keys.toml"), folder.path().join("link.toml"));
        let store = Store::at(path.clone());
        let comment = |text: &str| format!("{text}# more\n");
        assert!(store.change(false, |_, _| Ok((String::new(), Vec::new()))).is_err(), "there is none");
        store.change(true, |text, _| Ok((comment(text), Vec::new()))).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        Store::at(link.clone()).change(true, |text, _| Ok((comment(text), Vec::new()))).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(&path).unwrap(), "# more\n# more\n");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 3, "no temporary file is left: {names:?}");
    }

    #[test]
    fn what_the_front_would_not_take_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let store = Store::at(path.clone());
        for text in ["[[keys]]\n", "colour = 1\n"] {
            assert!(store.change(true, |_, _| Ok((text.to_owned(), Vec::new()))).is_err());
            assert!(!path.exists());
        }
        fs::write(&path, "[[keys]]\nname = 1\n").unwrap();
        let told = store.change(true, |_, _| panic!("it can't be used")).unwrap_err();
        assert_eq!((told.code(), told.to_string().lines().count()), (shared::exit::USAGE, 3), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "[[keys]]\nname = 1\n");
    }
}
