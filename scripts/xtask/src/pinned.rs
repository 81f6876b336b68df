//! A folder of `target/tools` that holds what a lock file pins: installed once, and anew when the lock changes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::failure::{Result, While};
use crate::paths::Paths;

/// Written last, so that an installation that was cut off isn't taken for a whole one.
const STAMP: &str = ".installed";

/// What is to be in a folder.
pub(crate) struct Pinned<'a> {
    /// The folder's name under `target/tools`.
    pub(crate) name: &'a str,
    /// Files that the installation starts from: name and content.
    pub(crate) files: &'a [(&'a str, &'a str)],
    /// Everything that makes another installation necessary when it changes.
    pub(crate) stamp: &'a str,
}

impl Pinned<'_> {
    /// Gives the folder, after `install` has filled it, unless that was done before and `is_whole` finds no fault.
    pub(crate) fn ensure(
        &self,
        paths: &Paths,
        note: impl Fn(&str),
        is_whole: impl Fn(&Path) -> Result<()>,
        install: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let dir = paths.tools().join(self.name);
        fs::create_dir_all(&dir).during(format_args!("cannot make {}", dir.display()))?;

        // Two commands at once (a test run beside `up`) must not install into one another.
        let lock = paths.tools().join(format!("{}.lock", self.name));
        let guard = File::create(&lock).during(format_args!("cannot make {}", lock.display()))?;
        note("waiting for another installation to end");
        guard.lock().during(format_args!("cannot lock {}", lock.display()))?;

        let stamp = dir.join(STAMP);
        if fs::read_to_string(&stamp).is_ok_and(|found| found == self.stamp) && is_whole(&dir).is_ok() {
            return Ok(dir);
        }
        let _ = fs::remove_file(&stamp);
        for (name, text) in self.files {
            write(&dir.join(name), text)?;
        }
        install(&dir)?;
        is_whole(&dir)?;
        write(&stamp, self.stamp)?;
        Ok(dir)
    }
}

/// A file of the workspace.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).during(format_args!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).during(format_args!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use std::cell::Cell;

    /// How often an installation was made while the stamps were these, one after another.
    fn installations(name: &str, stamps: &[&str], is_whole: impl Fn(&Path) -> Result<()>) -> Vec<u32> {
        let target = std::env::temp_dir().join(format!("xtask-pinned-{name}-{}", std::process::id()));
        let paths = Paths { root: target.clone(), target: target.clone() };
        let count = Cell::new(0);
        let mut counts = Vec::new();
        for stamp in stamps {
            let pinned = Pinned { name, files: &[("lock", stamp)], stamp };
            let _ = pinned.ensure(
                &paths,
                |_| {},
                &is_whole,
                |dir| {
                    assert_eq!(read(&dir.join("lock")).expect("the lock is there"), *stamp);
                    count.set(count.get() + 1);
                    Ok(())
                },
            );
            counts.push(count.get());
        }
        fs::remove_dir_all(&target).expect("removed");
        counts
    }

    #[test]
    fn installs_once_and_again_when_the_lock_changes() {
        assert_eq!(installations("once", &["a", "a", "b", "b", "a"], |_| Ok(())), [1, 1, 2, 2, 3]);
    }

    #[test]
    fn a_faulty_installation_is_made_again() {
        assert_eq!(installations("faulty", &["a", "a"], |_| Err(Failure::new("no"))), [1, 2]);
    }
}
