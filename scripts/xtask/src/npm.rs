//! Installs what a lock file of npm pins.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use crate::exec;
use crate::failure::{Failure, Result};
use crate::steps::Tail;

/// `npm ci` in `dir`, whose `package.json` and `package-lock.json` are there. `what` names it in messages.
///
/// No script of a package is run: what we install consists of files alone.
pub(crate) fn ci(dir: &Path, what: &str, note: impl Fn(&str)) -> Result<()> {
    let mut npm = Command::new("npm");
    // Native binaries are optional dependencies: `--include` outweighs a user's `omit=optional`.
    npm.current_dir(dir).args(["ci", "--include=optional", "--no-audit", "--no-fund", "--ignore-scripts"]);
    let mut tail = Tail::default();
    let status = exec::run(&mut npm, |line| {
        note(line);
        tail.push(line);
    });
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!(
            "npm could not install {what} ({status})\n  command: {} (in {})\n{}",
            exec::shown(&npm),
            dir.display(),
            tail.text()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Failure::new(format!(
            "npm is not on PATH, and {what} comes from npm.\n\
             Install Node.js with npm (Debian: apt-get install npm; or from https://nodejs.org) and run this again.",
        ))),
        Err(error) => Err(Failure::new(format!("cannot run npm: {error}"))),
    }
}

/// A lock must work with any registry, and pin what it names.
#[cfg(test)]
pub(crate) fn check_lock(lock: &str) {
    assert!(!lock.contains("://"), "the lock must work with any registry");
    let lock: serde_json::Value = serde_json::from_str(lock).expect("JSON");
    let packages = lock["packages"].as_object().expect("packages");
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package.get("resolved").is_none(), "{name} has an address");
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
    }
}
