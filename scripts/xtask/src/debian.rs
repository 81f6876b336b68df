//! Root folders with the packages of this machine's own distribution, for what runs beside it on this machine: its libraries
//! are the ones that our binaries are linked to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Show, Steps};

/// Gives a folder in `folder`, made once by debootstrap with these packages (separated by commas) and those that every system has.
pub(crate) fn root(
    folder: &Path,
    packages: &str,
    step: &str,
    steps: &mut Steps<'_>,
) -> Result<PathBuf, String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let suite = codename(&release).ok_or("/etc/os-release has no VERSION_CODENAME for debootstrap")?;
    // Another list of packages is another root.
    let root = folder.join(format!("{suite}-{}", packages.replace(',', "-")));
    if root.is_dir() {
        return Ok(root);
    }
    // One that was not finished is not taken for one that was.
    let part = root.with_extension("part");
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|error| format!("cannot remove {}: {error}", part.display()))?;
    }
    let mut debootstrap = in_own_mounts("debootstrap");
    debootstrap.arg("--variant=minbase").arg(format!("--include={packages}"));
    debootstrap.arg(suite).arg(&part).args(mirror(suite));
    steps
        .command(step, &mut debootstrap, Show::OnFailure)
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
pub(crate) fn in_own_mounts(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", program]);
    command
}

/// Runs it, and says how it failed.
pub(crate) fn works(command: &mut Command) -> Result<(), String> {
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
