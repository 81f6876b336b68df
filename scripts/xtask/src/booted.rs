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
use crate::{apt, tools};

const NAME: &str = "units under a booted systemd";
/// What is needed besides util-linux, and the packages that have it.
const PROGRAMS: [&str; 2] = ["debootstrap", "systemd-nspawn"];
const PACKAGES: [&str; 2] = ["debootstrap", "systemd-container"];
/// The test that needs what some machines leave to root alone.
const SANDBOX: &str = "codex_runs_a_command_in_its_own_sandbox_within_the_units";

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
    let mut mount = in_own_mounts("mount");
    works(mount.args(["-t", "cgroup2", "none"]).arg(&folder))
        .map_err(|why| format!("root can't mount control groups on this machine: {why}"))?;
    if !PROGRAMS.iter().all(|program| tools::on_path(program).is_some()) {
        apt::install(&PROGRAMS.join(" and "), &PACKAGES, steps)?;
    }
    let root = root(paths, steps)?;
    let name = format!("gateway-probe-{}", process::id());
    let mut probe = in_own_mounts("sh");
    probe
        .arg(paths.root.join("tests/suites/systemd/boot.sh"))
        .arg(name)
        .arg(&root)
        .arg(folder)
        .arg("/bin/true");
    works(&mut probe).map_err(|why| format!("systemd-nspawn can't start anything on this machine: {why}"))?;
    Ok(root)
}

/// The root folder, made if there is none.
fn root(paths: &Paths, steps: &mut Steps<'_>) -> std::result::Result<PathBuf, String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let suite = codename(&release).ok_or("/etc/os-release has no VERSION_CODENAME for debootstrap")?;
    let root = paths.target.join("systemd").join(suite);
    if root.is_dir() {
        return Ok(root);
    }
    // One that was not finished is not taken for one that was.
    let part = root.with_extension("part");
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|error| format!("cannot remove {}: {error}", part.display()))?;
    }
    let mut debootstrap = in_own_mounts("debootstrap");
    debootstrap
        .args(["--variant=minbase", "--include=systemd,systemd-sysv", suite])
        .arg(&part)
        .args(mirror(suite));
    steps
        .command("make a root folder with systemd (once)", &mut debootstrap, Show::OnFailure)
        .map_err(|_| format!("debootstrap can't make a root folder of {suite}"))?;
    fs::rename(&part, &root).map_err(|error| format!("cannot rename {}: {error}", part.display()))?;
    Ok(root)
}

/// Where this machine gets its own packages from; debootstrap has a default, too.
fn mirror(suite: &str) -> Option<String> {
    let targets = Command::new("apt-get")
        .args(["indextargets", "--format", "$(CODENAME) $(REPO_URI)"])
        .output()
        .ok()?;
    let targets = String::from_utf8(targets.stdout).ok()?;
    targets.lines().find_map(|line| line.strip_prefix(suite)?.strip_prefix(' ').map(str::to_owned))
}

/// The name of the distribution's release.
fn codename(os_release: &str) -> Option<&str> {
    let name = os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?.trim_matches('"');
    (!name.is_empty()).then_some(name)
}

/// A command whose mounts nobody else sees, and that leaves none.
fn in_own_mounts(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", program]);
    command
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
    works(&mut probe).map_err(|why| format!("users can't make namespaces on this machine: {why}"))
}

/// Runs it, and says how it failed.
fn works(command: &mut Command) -> std::result::Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().last().map_or_else(|| output.status.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n"), Some("bookworm"));
        assert_eq!(codename("VERSION_CODENAME=\"noble\"\n"), Some("noble"));
        assert_eq!(codename("VERSION_CODENAME=\nID=arch\n"), None);
    }

    #[test]
    fn a_failure_is_told_by_its_last_line() {
        let failed = works(Command::new("sh").args(["-c", "echo one >&2; echo two >&2; exit 3"]));
        assert_eq!(failed, Err("two".to_owned()));
        assert_eq!(works(Command::new("sh").args(["-c", "exit 3"])), Err("exit status: 3".to_owned()));
        assert_eq!(works(&mut Command::new("true")), Ok(()));
    }
}
