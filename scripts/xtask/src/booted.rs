//! The tests that boot a machine with systemd: what they need is made here, or it is said why it can't be.
//!
//! A root folder with systemd is made once, under `target/systemd`, with the packages of this machine's own
//! distribution: our binaries are linked to its libraries.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};

use crate::failure::Result;
use crate::paths::Paths;
use crate::steps::{Show, Steps};
use crate::{apt, debian, tools};

const NAME: &str = "units under a booted systemd";
/// What is needed besides util-linux, and the packages that have it.
const PROGRAMS: [&str; 3] = ["debootstrap", "systemd-nspawn", "curl"];
const PACKAGES: [&str; 3] = ["debootstrap", "systemd-container", "curl"];
/// In the names of the tests that need what some machines leave to root alone.
const SANDBOX: &str = "in_its_own_sandbox_within_the_units";

/// The step, or a skipped one that says why. `tests` is nextest with what every run of it gets.
pub(crate) fn step(paths: &Paths, steps: &mut Steps<'_>, mut tests: Command, filters: &[&str]) -> Result<()> {
    let root = match prepare(paths, steps) {
        Ok(root) => root,
        Err(why) => {
            steps.skip(NAME, &why);
            return Ok(());
        }
    };
    tests.args(["--package", "gateway-tests", "--test", "systemd", "--ignore-default-filter"]).args(filters);
    tests.env("SYSTEMD_ROOT", root);
    if let Err(why) = users_make_namespaces() {
        steps.skip(&format!("{NAME}: codex's sandbox"), &why);
        tests.args(["-E", &format!("not test({SANDBOX})")]);
    }
    steps.command(NAME, &mut tests, Show::Live)?;
    Ok(())
}

/// The root folder of a machine that boots here, or why there is none.
fn prepare(paths: &Paths, steps: &mut Steps<'_>) -> std::result::Result<PathBuf, String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("booting a machine needs root".to_owned());
    }
    let folder = paths.target.join("systemd/probe");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    // First what costs nothing: in a container without rights nothing needs to be installed.
    let mut mount = debian::in_own_mounts("mount");
    debian::works(mount.args(["-t", "cgroup2", "none"]).arg(&folder))
        .map_err(|why| format!("root can't mount control groups on this machine: {why}"))?;
    if !PROGRAMS.iter().all(|program| tools::on_path(program).is_some()) {
        apt::install(&PROGRAMS.join(", "), &PACKAGES, steps)?;
    }
    let what = "make a root folder with systemd (once)";
    let root = debian::root(&paths.target.join("systemd"), "systemd,systemd-sysv", what, steps)?;
    let name = format!("gateway-probe-{}", process::id());
    let mut probe = debian::in_own_mounts("sh");
    probe
        .arg(paths.root.join("tests/suites/systemd/boot.sh"))
        .arg(name)
        .arg(&root)
        .arg(folder)
        .arg("/bin/true");
    debian::works(&mut probe)
        .map_err(|why| format!("systemd-nspawn can't start anything on this machine: {why}"))?;
    Ok(root)
}

/// Whether a user who is not root may make namespaces, as bubblewrap does.
fn users_make_namespaces() -> std::result::Result<(), String> {
    let mut probe = Command::new("setpriv");
    probe.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "unshare",
        "--user",
        "--map-root-user",
        "true",
    ]);
    debian::works(&mut probe).map_err(|why| format!("users can't make namespaces on this machine: {why}"))
}
