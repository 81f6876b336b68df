//! What tests need that are about several users: root, a user whom nobody knows, and programs that all may run.

use gateway_tests::pair::{Binary, binary};
use nix::unistd::Uid;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A uid, and a gid, that no database has.
pub(crate) const STRANGER: u32 = 54_321;
pub(crate) const OTHER: u32 = 54_322;

/// Whether this test can be other users. Says so where not.
#[expect(clippy::print_stderr, reason = "a test that shows less than its name says must say so")]
pub(crate) fn can_be_others(test: &str) -> bool {
    let can = Uid::effective().is_root();
    if !can {
        eprintln!("NOT SHOWN: {test} needs root, to be another user");
    }
    can
}

/// A folder that every user can look into.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("open-").tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
    folder
}

/// A copy of a program that every user may run: where it was built can be closed to them.
pub(crate) fn copy(which: Binary, folder: &Path) -> PathBuf {
    let from = binary(which);
    let to = folder.join(from.file_name().expect("a name"));
    fs::copy(&from, &to).expect("a copy");
    fs::set_permissions(&to, Permissions::from_mode(0o755)).expect("a mode");
    to
}
