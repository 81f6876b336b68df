//! Alerts, recording rules, dashboards, runbooks and checklists, against a real Prometheus that scrapes a real run.
//!
//! Prometheus, promtool, amtool, jq and Python 3 must be installed; `cargo xtask test` sees to it.
#![expect(clippy::panic, reason = "helpers of tests fail a test by panicking")]

mod commands;
mod dashboards;
mod documents;
mod drill;
mod expression;
mod live;
mod rules;
mod server;
mod traffic;

use std::path::{Path, PathBuf};

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// A file of the workspace.
fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder of the workspace and of those in it, by their ends.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Runs a program in the workspace, and gives what it said where it failed.
fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = std::process::Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}
