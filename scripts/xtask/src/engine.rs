//! The tests that run a Docker Engine: the images that they start are built here, or it is said why they can't be.

use std::path::Path;
use std::process::Command;

use crate::clients::Clients;
use crate::failure::Result;
use crate::paths::Paths;
use crate::steps::{Show, Steps};
use crate::{apt, debian, tools};

const NAME: &str = "the compose files in a Docker Engine";
/// What is needed besides util-linux, and the packages that have it.
const PROGRAMS: [&str; 6] = ["dockerd", "docker", "docker-init", "iptables", "debootstrap", "curl"];
const PACKAGES: [&str; 4] = ["docker.io", "iptables", "debootstrap", "curl"];
/// What the images are made of: compilers for the stages that build, and the library of the collector.
const ROOT: &str = "gcc,libc6-dev,ca-certificates,libpython3.11";

/// The step, or a skipped one that says why. `tests` is nextest with what every run of it gets.
pub(crate) fn step(
    paths: &Paths,
    clients: &Clients,
    long: bool,
    steps: &mut Steps<'_>,
    mut tests: Command,
    filters: &[&str],
) -> Result<()> {
    let work = paths.target.join("compose");
    if let Err(why) = prepare(&work, steps) {
        steps.skip(NAME, &why);
        return Ok(());
    }
    let mut images = Command::new("sh");
    images.arg(paths.root.join("tests/suites/compose/images.sh")).arg(&work).arg(&paths.root);
    images.envs(clients.variables()).env("UPSTREAM_BIN", paths.binary("debug", "scripted-upstream"));
    if long {
        images.env("WHOLE", "1");
    }
    steps.command("build the images", &mut images, Show::OnFailure)?;
    tests.args(["--package", "gateway-tests", "--test", "compose", "--ignore-default-filter"]);
    if filters.is_empty() {
        tests.arg("engine::");
    } else {
        tests.args(filters);
    }
    tests.env("ENGINE_DATA", work.join("data")).envs(clients.variables());
    steps.command(NAME, &mut tests, Show::Live)?;
    Ok(())
}

/// Makes the root folder of the images, or says why there can be no engine.
fn prepare(work: &Path, steps: &mut Steps<'_>) -> std::result::Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("a Docker Engine of our own needs root".to_owned());
    }
    let mut host = Command::new("unshare");
    host.args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "true"]);
    debian::works(&mut host)
        .map_err(|why| format!("root can't make a host of its own on this machine: {why}"))?;
    if !PROGRAMS.iter().all(|program| tools::on_path(program).is_some()) {
        apt::install(&PROGRAMS.join(", "), &PACKAGES, steps)?;
    }
    let root = debian::root(&work.join("roots"), ROOT, "make a root folder for the images (once)", steps)?;
    let link = work.join("root");
    let _none = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&root, &link)
        .map_err(|error| format!("cannot link {}: {error}", root.display()))
}
