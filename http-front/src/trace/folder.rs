//! The folder of the trace buffer: whole files of one pattern, each with mode 0600, in a folder of mode 0700.
//!
//! It touches nothing but regular files whose names match the pattern exactly; links are neither followed nor removed.
//! Others may write and prune the same folder at the same time. Blocking: it belongs to the writer's thread.

use super::prune::{Reason, Seen, prune};
use crate::records::makeable;
use shared::trace::{FileName, RequestName};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use uuid::Uuid;

/// The folder, and what was seen in it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    max: usize,
    ttl: Duration,
    seen: BTreeMap<String, Seen>,
}

impl Folder {
    /// Makes the folder where it is missing, and sees to its mode.
    ///
    /// # Errors
    /// When there is no folder of this path then, or none that others are kept out of.
    pub(super) fn open(path: PathBuf, max: usize, ttl: Duration) -> io::Result<Self> {
        make(&path)?;
        keep_others_out(&path)?;
        // Whether it can be written is better known now than at the first request. What a crash leaves of this is pruned.
        let probe = RequestName::read(&format!("req_{}", Uuid::now_v7().simple()))
            .map(|request| FileName { at: SystemTime::now(), request }.part());
        if let Some(probe) = probe.map(|name| path.join(name)) {
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe)?;
            fs::remove_file(&probe)?;
        }
        Ok(Self { path, max, ttl, seen: BTreeMap::new() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whole files that are known.
    pub(super) fn len(&self) -> usize {
        self.seen.values().filter(|file| !file.part).count()
    }

    /// Whether there are more whole files than may be.
    pub(super) fn is_over(&self) -> bool {
        self.len() > self.max
    }

    /// Writes a file. Readers see all of it or nothing.
    ///
    /// # Errors
    /// Nothing of it is left then, as far as that can be.
    pub(super) fn write(&mut self, name: &FileName, bytes: &[u8], now: Duration) -> io::Result<()> {
        let (part, whole) = (self.path.join(name.part()), self.path.join(name.to_string()));
        let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let mut file = match open() {
            // Somebody has removed the folder.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make(&self.path)?;
                open()?
            }
            opened => opened?,
        };
        let written = file.write_all(bytes).and_then(|()| fs::rename(&part, &whole));
        if let Err(error) = written {
            // What can't be removed now is a leftover later.
            let _later = fs::remove_file(&part);
            return Err(error);
        }
        let name = name.to_string();
        self.seen.insert(name.clone(), Seen { name, part: false, sighted: now, age: Duration::ZERO });
        Ok(())
    }

    /// Looks what is there. `wall` is what the clock says, for the age of what is seen for the first time.
    ///
    /// # Errors
    /// When the folder can't be read; what was known of it is kept.
    pub(super) fn scan(&mut self, now: Duration, wall: SystemTime) -> io::Result<()> {
        let mut found = BTreeMap::new();
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.seen.clear();
                return Ok(());
            }
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // The type of the entry itself: a link is none of ours.
            if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let (part, born) = match (FileName::read(&name), FileName::read_part(&name)) {
                (Some(name), _) => (false, Some(name.at)),
                (None, Some(_)) => (true, entry.metadata().and_then(|about| about.modified()).ok()),
                (None, None) => continue,
            };
            let seen = self.seen.get(&name).cloned().unwrap_or_else(|| {
                let age = born.and_then(|born| wall.duration_since(born).ok()).unwrap_or_default();
                Seen { name: name.clone(), part, sighted: now, age }
            });
            found.insert(name, seen);
        }
        self.seen = found;
        Ok(())
    }

    /// Removes what has to go. Says why each file went, and the last error, if there was one: what can't be removed stays
    /// known.
    pub(super) fn prune(&mut self, now: Duration) -> (Vec<Reason>, io::Result<()>) {
        let seen: Vec<&Seen> = self.seen.values().collect();
        let planned = prune(now, &seen, self.max, self.ttl);
        let planned: Vec<(String, Reason)> =
            planned.into_iter().map(|(at, reason)| (seen[at].name.clone(), reason)).collect();
        let (mut gone, mut result) = (Vec::new(), Ok(()));
        for (name, reason) in planned {
            match fs::remove_file(self.path.join(&name)) {
                Ok(()) => gone.push(reason),
                // Another one was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    result = Err(error);
                    continue;
                }
            }
            self.seen.remove(&name);
        }
        (gone, result)
    }
}

/// Whether a folder could be opened now, without making or changing anything.
///
/// # Errors
/// Why it couldn't.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let is_missing = |path: &Path| fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    // What is missing is made in the first folder above that is there.
    let there = path.ancestors().find(|path| !path.as_os_str().is_empty() && !is_missing(path));
    let there = there.unwrap_or(Path::new("."));
    makeable(there)?;
    if there == path { is_for_us(path).map(drop) } else { Ok(()) }
}

/// A folder that has nothing but traces is set to 0700. One that has other things is left as it is, and refused where
/// others may write into it.
fn keep_others_out(path: &Path) -> io::Result<()> {
    match is_for_us(path)? {
        Some(mode) => fs::set_permissions(path, Permissions::from_mode(mode)),
        None => Ok(()),
    }
}

/// The mode that a folder is to be given, `None` where it has a fitting one.
///
/// # Errors
/// Also when others may write into it and it has other files.
fn is_for_us(path: &Path) -> io::Result<Option<u32>> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(None);
    }
    let ours = |name: Option<&str>| {
        name.is_some_and(|name| FileName::read(name).or_else(|| FileName::read_part(name)).is_some())
    };
    let mut foreign = false;
    for entry in fs::read_dir(path)? {
        foreign |= !ours(entry?.file_name().to_str());
    }
    if !foreign {
        return Ok(Some(mode & 0o7700));
    }
    if mode & 0o022 != 0 {
        return Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "others may write into it, and it has other files",
        ));
    }
    Ok(None)
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests;
