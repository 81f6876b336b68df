//! The folder of agents (`PROXY_CODEX_WORKDIR`): made when it is missing, or taken as it is.
//!
//! Owns nothing after the start. What is in the folder is the operator's and the agents'; nothing here reads, changes
//! or empties it.

use nix::unistd::Uid;
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Mode bit: whoever may write in the folder.
const ANYBODY_WRITES: u32 = 0o002;

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkdirError {
    /// The system refused.
    #[error("PROXY_CODEX_WORKDIR: can't use {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else made it where everybody can make folders, or it leads elsewhere.
    #[error(
        "PROXY_CODEX_WORKDIR: {} lies where every user may make folders, and is not the daemon's own (uid {own}); remove it or choose another folder",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Our own uid.
        own: u32,
    },
}

/// Makes the folder with mode 0700, or checks the one that is there.
///
/// One that is there keeps its mode and its owner: operators put a checkout there that others work in, too. But where
/// everybody may make folders, as in `/tmp`, it must be ours and no link: another user could have made it first, with
/// files in it that a model takes for the operator's.
///
/// # Errors
/// [`WorkdirError`], with a message that names the setting.
pub fn prepare(path: &Path) -> Result<(), WorkdirError> {
    let io = |source| WorkdirError::Io { path: path.to_path_buf(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
    let shared = match path.parent() {
        Some(parent) => fs::metadata(parent).map_err(io)?.permissions().mode() & ANYBODY_WRITES != 0,
        None => false,
    };
    let meta = fs::symlink_metadata(path).map_err(io)?;
    let own = Uid::effective().as_raw();
    if shared && (meta.uid() != own || !meta.is_dir()) {
        return Err(WorkdirError::Foreign { path: path.to_path_buf(), own });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_is_made_for_us_alone() {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("a/work");
        prepare(&work).unwrap();
        assert_eq!(fs::metadata(&work).unwrap().permissions().mode() & 0o7777, 0o700);
        prepare(&work).unwrap();
    }

    #[test]
    fn one_that_is_there_keeps_its_mode_and_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        prepare(dir.path()).unwrap();
        assert_eq!(fs::metadata(dir.path()).unwrap().permissions().mode() & 0o7777, 0o755);
        assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"x");
    }

    #[test]
    fn a_link_where_everybody_writes_is_refused_and_elsewhere_taken() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        let target = dir.path().join("target");
        fs::create_dir(&target).unwrap();
        std::os::unix::fs::symlink(&target, open.join("work")).unwrap();
        prepare(&open.join("work")).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
        let error = prepare(&open.join("work")).unwrap_err();
        assert!(error.to_string().starts_with("PROXY_CODEX_WORKDIR"), "{error}");
        prepare(&open.join("mine")).unwrap();
    }

    #[test]
    fn a_file_in_its_place_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "").unwrap();
        assert!(matches!(prepare(&file), Err(WorkdirError::Io { .. })));
    }
}
