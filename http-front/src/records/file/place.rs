//! Where the path of a log leads, links followed one by one: the file itself is what is renamed when it is full, never a
//! link to it, and never what a system's folder of devices or processes names.

use nix::sys::statfs::{PROC_SUPER_MAGIC, SYSFS_MAGIC, statfs};
use nix::unistd::{AccessFlags, access};
use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

/// The most links that are followed; the system has the same bound.
const LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The file itself, which may be missing.
    pub(super) path: PathBuf,
    /// Whether the way goes through a folder whose names the system makes: `/proc/self/fd/1` is a file of somebody else's.
    pub(super) system: bool,
}

impl Place {
    /// Follows a path to its end.
    ///
    /// # Errors
    /// When a folder on the way is missing, or the links go in a circle.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        let mut system = false;
        for _ in 0..LINKS {
            let name = path.file_name().map(OsString::from).ok_or(ErrorKind::IsADirectory)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")))?;
            system |= is_system(&folder);
            path = folder.join(name);
            match fs::read_link(&path) {
                Ok(target) => path = folder.join(target),
                // No link, or nothing there.
                Err(_) => return Ok(Self { path, system }),
            }
        }
        Err(io::Error::other("it is a link that leads in a circle"))
    }
}

fn is_system(folder: &Path) -> bool {
    let under = |root| folder.starts_with(root);
    under("/proc") || under("/sys") || (under("/dev") && !under("/dev/shm"))
}

/// Whether a log could be opened now, without making or changing anything.
///
/// # Errors
/// Why it couldn't.
pub(in crate::records) fn check(path: &Path) -> io::Result<()> {
    let place = Place::of(path)?;
    match fs::metadata(&place.path) {
        Ok(about) if about.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(about) if about.is_file() => OpenOptions::new().append(true).open(&place.path).map(drop),
        // To open a pipe is something that its reader sees.
        Ok(about) if about.file_type().is_fifo() => Ok(access(&place.path, AccessFlags::W_OK)?),
        Ok(_) => Ok(access(path, AccessFlags::W_OK)?),
        // What a link below `/proc` leads to may have no name, such as a pipe.
        Err(error) if error.kind() == ErrorKind::NotFound && fs::metadata(path).is_ok() => {
            Ok(access(path, AccessFlags::W_OK)?)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            makeable(place.path.parent().unwrap_or(Path::new("/")))
        }
        Err(error) => Err(error),
    }
}

/// Whether something could be made in a folder that is there.
///
/// # Errors
/// Why it couldn't.
pub(crate) fn makeable(folder: &Path) -> io::Result<()> {
    if !fs::metadata(folder)?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let kind = statfs(folder)?.filesystem_type();
    if kind == PROC_SUPER_MAGIC || kind == SYSFS_MAGIC {
        return Err(io::Error::new(ErrorKind::Unsupported, "nothing can be made there"));
    }
    Ok(access(folder, AccessFlags::W_OK | AccessFlags::X_OK)?)
}
