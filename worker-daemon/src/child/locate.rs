//! Where the native codex binary is.
//!
//! What npm installs as `codex` is a Node script that starts the native binary inside a platform package. A
//! script between us and the child would eat signals and cost a Node process, so it is looked through.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// Why there is no binary to start.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// No such program.
    #[error(
        "CODEX_BIN: there is no `{0}`; install it with `npm install -g @openai/codex` or set CODEX_BIN to its path"
    )]
    Missing(String),
    /// The npm script is there, the binary it would start is not.
    #[error("CODEX_BIN: {} is npm's launcher, but its platform package is missing; install @openai/codex again without --omit=optional", .0.display())]
    NoPlatformPackage(PathBuf),
}

/// Resolves `CODEX_BIN` to the native binary: a path, or a name that is looked up in `path` (the text of `PATH`).
///
/// # Errors
/// [`LocateError`], with a message that names the remedy.
pub fn locate(bin: &str, path: Option<&OsStr>) -> Result<PathBuf, LocateError> {
    let missing = || LocateError::Missing(bin.to_owned());
    let found = if bin.contains('/') {
        Some(PathBuf::from(bin)).filter(|p| p.is_file())
    } else {
        let folders = path.map(std::env::split_paths).into_iter().flatten();
        folders.map(|folder| folder.join(bin)).find(|p| p.is_file())
    };
    let found = found.and_then(|p| fs::canonicalize(p).ok()).ok_or_else(missing)?;
    if !is_script(&found) {
        return Ok(found);
    }
    native_of(&found).ok_or(LocateError::NoPlatformPackage(found))
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(path).and_then(|mut f| f.read_exact(&mut start)).is_ok()
        && &start == b"#!"
        && path.extension().is_some_and(|e| e == "js")
}

/// `…/@openai/codex/bin/codex.js` has its platform package beside `codex` or in a `node_modules` of its own.
fn native_of(script: &Path) -> Option<PathBuf> {
    let package = script.parent()?.parent()?;
    let (platform, triple) = match std::env::consts::ARCH {
        "x86_64" => ("codex-linux-x64", "x86_64-unknown-linux-musl"),
        "aarch64" => ("codex-linux-arm64", "aarch64-unknown-linux-musl"),
        _ => return None,
    };
    [package.parent()?.join(platform), package.join("node_modules/@openai").join(platform)]
        .into_iter()
        .map(|folder| folder.join("vendor").join(triple).join("bin/codex"))
        .find(|p| p.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_programs_by_path_and_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        let bin = dir.join("codex");
        fs::write(&bin, "\x7fELF").unwrap();
        assert_eq!(locate(bin.to_str().unwrap(), None).unwrap(), bin);
        assert_eq!(locate("codex", Some(dir.as_os_str())).unwrap(), bin);
        assert!(matches!(locate("codex", None), Err(LocateError::Missing(_))));
        assert!(matches!(locate("/no/codex", Some(dir.as_os_str())), Err(LocateError::Missing(_))));
    }

    #[test]
    fn looks_through_the_npm_launcher() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        let script = dir.join("@openai/codex/bin/codex.js");
        fs::create_dir_all(script.parent().unwrap()).unwrap();
        fs::write(&script, "#!/usr/bin/env node\n").unwrap();
        let link = dir.join("codex");
        std::os::unix::fs::symlink(&script, &link).unwrap();
        assert!(matches!(locate(link.to_str().unwrap(), None), Err(LocateError::NoPlatformPackage(_))));
        for arch in [("codex-linux-x64", "x86_64"), ("codex-linux-arm64", "aarch64")] {
            let bin = dir.join(format!("@openai/{}/vendor/{}-unknown-linux-musl/bin/codex", arch.0, arch.1));
            fs::create_dir_all(bin.parent().unwrap()).unwrap();
            fs::write(&bin, "\x7fELF").unwrap();
        }
        assert!(locate(link.to_str().unwrap(), None).unwrap().ends_with("bin/codex"));
    }
}
