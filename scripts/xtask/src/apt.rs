//! Installs packages of the system where it is one of Debian's kind and we may.

use std::process::Command;

use crate::steps::{Show, Steps};
use crate::tools;

/// Installs `packages`, which have what is missing, or says why it can't.
pub(crate) fn install(missing: &str, packages: &[&str], steps: &mut Steps<'_>) -> Result<(), String> {
    let missing = format!("there is no {missing}");
    if tools::on_path("apt-get").is_none() {
        return Err(format!("{missing}, and no apt-get to install it"));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(format!(
            "{missing}, and installing it needs root: apt-get install {}",
            packages.join(" ")
        ));
    }
    let what = format!("install {}", packages.join(" and "));
    let install = [&["install", "-y", "-qq", "--no-install-recommends"], packages].concat();
    for (name, arguments) in [("apt-get update", vec!["update", "-qq"]), (what.as_str(), install)] {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        steps
            .command(name, &mut apt, Show::OnFailure)
            .map_err(|_| format!("{missing}, and apt-get can't install it"))?;
    }
    Ok(())
}
