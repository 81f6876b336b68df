//! The name under which codex starts its own sandbox, for commands that have a terminal.
//!
//! codex runs itself as `codex-linux-sandbox`, and for a command with a terminal it looks for that name in `PATH`. It
//! makes such a link itself, but not where `CODEX_HOME` lies in the folder for temporary files; there every such command
//! would fail. So the daemon keeps one in a folder of its own in `CODEX_HOME`, which nobody else can write to. There is
//! one link, whatever codex is started, and it stays when the daemon ends.

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::{DirBuilderExt, symlink},
    path::{Path, PathBuf},
};

/// The folder in `CODEX_HOME`.
const FOLDER: &str = "worker-bin";
/// The name by which codex knows that it is to be the sandbox.
const NAME: &str = "codex-linux-sandbox";
/// Where programs are if nobody says.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// Makes or renews the link to `program`; gives its folder.
///
/// # Errors
/// What the system said, with the path.
pub fn prepare(home: &Path, program: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    let folder = home.join(FOLDER);
    let link = folder.join(NAME);
    let told = |source| (link.clone(), source);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(told)?;
    if fs::read_link(&link).is_ok_and(|target| target == program) {
        return Ok(folder);
    }
    // A child that runs may look for it at any time: the new one takes the old one's place. Another daemon may do the same, while
    // it hands over.
    let own = std::process::id();
    sweep(&folder, own).map_err(told)?;
    let fresh = folder.join(format!(".{NAME}.{own}"));
    symlink(program, &fresh).map_err(told)?;
    fs::rename(&fresh, &link).map_err(told)?;
    Ok(folder)
}

/// Takes away the new links that daemons left which ended in the middle. Those of one that still runs are its own to take away.
fn sweep(folder: &Path, own: u32) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_prefix(NAME)) else {
            continue;
        };
        // Without a number: of a version that gave none.
        let of = rest.strip_prefix('.').and_then(|number| number.parse::<i32>().ok());
        let runs =
            |id: i32| i64::from(id) != i64::from(own) && kill(Pid::from_raw(id), None) != Err(Errno::ESRCH);
        if !of.is_some_and(runs) {
            match fs::remove_file(entry.path()) {
                // Another daemon was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                gone => gone?,
            }
        }
    }
    Ok(())
}

/// `PATH` with the folder behind the operator's own. `None` where its name can't stand in a `PATH`.
pub fn path_with(path: Option<&OsStr>, folder: &Path) -> Option<OsString> {
    let path = path.unwrap_or(OsStr::new(USUAL));
    env::join_paths(env::split_paths(path).chain([folder.to_owned()])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn there_is_one_link_to_the_codex_that_is_started() {
        let home = tempfile::tempdir().unwrap();
        for program in ["/opt/codex-1", "/opt/codex-1", "/opt/codex-2"] {
            let folder = prepare(home.path(), Path::new(program)).unwrap();
            assert_eq!(fs::read_link(folder.join(NAME)).unwrap(), Path::new(program));
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
            assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
        }
        // What an end in the middle left is no hindrance.
        let folder = home.path().join(FOLDER);
        let (own, runs) = (std::process::id(), std::os::unix::process::parent_id());
        // The third is a number that no process has, the last one another's.
        for left in ["".to_owned(), format!(".{own}"), ".4194305".to_owned(), format!(".{runs}")] {
            symlink("/left", folder.join(format!(".{NAME}{left}"))).unwrap();
        }
        prepare(home.path(), Path::new("/opt/codex-3")).unwrap();
        assert_eq!(fs::read_link(folder.join(NAME)).unwrap(), Path::new("/opt/codex-3"));
        let of_another = folder.join(format!(".{NAME}.{runs}"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_file(&of_another).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "").unwrap();
        assert!(prepare(home.path(), Path::new("/opt/codex")).is_err());
    }

    #[test]
    fn the_operators_programs_come_first() {
        let with = |path: Option<&str>, folder: &str| path_with(path.map(OsStr::new), Path::new(folder));
        assert_eq!(with(Some("/a:/b"), "/h/worker-bin").unwrap(), "/a:/b:/h/worker-bin");
        assert_eq!(with(None, "/h").unwrap(), "/usr/local/bin:/usr/bin:/bin:/h");
        assert_eq!(with(Some("/a"), "/h:i"), None);
    }
}
