//! Environments of Python that hold what a lock of pip pins, programs that are on PyPI as packages among it.
//!
//! The locks are in `scripts/clients` and `scripts/tools`; `scripts/clients/python/requirements.in` says how one is made.
//! They hash everything and name no registry, so they work with whatever a machine is set up for. Python itself is the
//! system's.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exec;
use crate::failure::{Failure, Result};
use crate::paths::Paths;
use crate::pinned::{Pinned, read};
use crate::steps::Tail;
use crate::tools;

/// The oldest Python that the locks are made for.
const PYTHON: (u32, u32) = (3, 11);
const NO_PYTHON: &str = "the tests need python3 (3.11 or newer) with venv and pip\n\
                         (Debian: apt-get install python3-venv)";

/// Gives a program of the environment that has what the lock in `scripts/FOLDER` pins, installed unless it is there.
pub(crate) fn program(paths: &Paths, folder: &str, program: &str, note: &impl Fn(&str)) -> Result<PathBuf> {
    let lock = read(&paths.root.join("scripts").join(folder).join("requirements.txt"))?;
    let version = version_of(Path::new("python3"))?;
    check(&version)?;
    // An environment belongs to the Python that made it.
    let stamp = format!("{version}\n{lock}");
    let programs = Path::new("venv/bin");
    let name = name(folder);
    let pinned = Pinned { name: &name, files: &[("requirements.txt", lock.as_str())], stamp: &stamp };
    let dir = pinned.ensure(
        paths,
        note,
        |dir| is_whole(&dir.join(programs), program),
        |dir| {
            note("making a Python environment");
            run(Command::new("python3").current_dir(dir).args(["-m", "venv", "--clear", "venv"]), note)
                .map_err(|failure| Failure::new(format!("{NO_PYTHON}\n{failure}")))?;
            let mut pip = Command::new(dir.join(programs).join("python"));
            pip.current_dir(dir).args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check"]);
            // Only what the lock holds, and no build: a wheel is files alone.
            pip.args(["--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"]);
            run(&mut pip, note)
        },
    )?;
    Ok(dir.join(programs).join(program))
}

/// The environment's name under `target/tools`.
fn name(folder: &str) -> String {
    folder.trim_start_matches("tools/").replace('/', "-")
}

fn is_whole(programs: &Path, program: &str) -> Result<()> {
    version_of(&programs.join("python"))?;
    let program = programs.join(program);
    if tools::is_executable(&program) {
        return Ok(());
    }
    Err(Failure::new(format!("there is no {}", program.display())))
}

fn version_of(python: &Path) -> Result<String> {
    tools::version(python).map_err(|failure| Failure::new(format!("{NO_PYTHON}\n{failure}")))
}

fn check(version: &str) -> Result<()> {
    let mut numbers = version.trim_start_matches("Python ").split('.').map_while(|part| part.parse().ok());
    if let (Some(major), Some(minor)) = (numbers.next(), numbers.next())
        && (major, minor) >= PYTHON
    {
        return Ok(());
    }
    Err(Failure::new(format!("{NO_PYTHON}\npython3 --version says {version:?}")))
}

fn run(command: &mut Command, note: impl Fn(&str)) -> Result<()> {
    let mut tail = Tail::default();
    let status = exec::run(command, |line| {
        note(line);
        tail.push(line);
    });
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!(
            "what the tests need from PyPI could not be installed ({status})\n  command: {}\n{}",
            exec::shown(command),
            tail.text()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: not found", exec::shown(command))))
        }
        Err(error) => Err(Failure::new(format!("cannot run {}: {error}", exec::shown(command)))),
    }
}

/// A lock must work with any registry, hash what it names, and hold what is wanted.
#[cfg(test)]
pub(crate) fn check_lock(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let file = |name: &str| read(&folder.join(name)).expect("it is there");
    let (wanted, lock) = (file("requirements.in"), file("requirements.txt"));
    assert!(!lock.contains("://"), "the lock must work with any registry");
    for entry in lock.replace("\\\n", "").lines().filter(|line| !line.trim().is_empty()) {
        assert!(entry.contains("==") && entry.contains("--hash=sha256:"), "{entry}");
    }
    for wanted in wanted.lines().filter(|line| !line.starts_with('#')) {
        let (name, version) = wanted.split_once("==").expect("a version");
        // Without the extras in brackets.
        let name = name.split('[').next().unwrap_or(name);
        let entry = format!("{name}=={version}");
        assert!(lock.lines().any(|line| line.split(' ').next() == Some(&entry)), "{wanted}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_python_is_told_apart() {
        assert!(check("Python 3.11.2").is_ok());
        assert!(check("Python 3.14.0rc1").is_ok());
        assert!(check("Python 3.9.18").is_err());
        assert!(check("").is_err());
    }

    #[test]
    fn environments_have_names_of_their_own() {
        assert_eq!(name("clients/python"), "clients-python");
        assert_eq!(name("tools/traefik"), "traefik");
    }
}
