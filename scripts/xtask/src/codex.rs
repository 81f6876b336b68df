//! The pinned codex: which version, and how it gets here.
//!
//! `scripts/codex` pins it with npm's lock file. The lock holds integrity hashes and no addresses, so it works with
//! whatever registry a machine is set up for. What runs is the native binary inside the package for this platform:
//! npm's launcher is a Node script that would stand between us and the process.

use std::env::consts::{ARCH, OS};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Result, While};
use crate::npm;
use crate::paths::Paths;
use crate::pinned::{Pinned, read};

const PACKAGE: &str = "@openai/codex";
/// Installs the pinned codex unless it is there already, and gives the path of its native binary.
pub(crate) fn fetch(paths: &Paths, note: impl Fn(&str)) -> Result<PathBuf> {
    let source = paths.root.join("scripts/codex");
    let manifest = read(&source.join("package.json"))?;
    let lock = read(&source.join("package-lock.json"))?;
    let version = pinned_version(&manifest)?;
    let native = native_binary(OS, ARCH)?;
    let files = [("package.json", manifest.as_str()), ("package-lock.json", lock.as_str())];
    let pinned = Pinned { name: "codex", files: &files, stamp: &lock };
    let dir = pinned.ensure(
        paths,
        &note,
        |dir| is_version(&dir.join(&native), &version),
        |dir| {
            note("npm ci: about 100 MB to download");
            npm::ci(dir, "the pinned codex", &note)
        },
    )?;
    Ok(dir.join(native))
}

/// Whether the binary runs and is the version that we mean.
fn is_version(binary: &Path, version: &str) -> Result<()> {
    let output = Command::new(binary)
        .arg("--version")
        .output()
        .during(format_args!("the codex that npm installed does not run ({})", binary.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && said.split_whitespace().last() == Some(version) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} --version says {:?} ({}), and {version} is pinned",
        binary.display(),
        said.trim(),
        output.status
    )))
}

fn native_binary(os: &str, arch: &str) -> Result<PathBuf> {
    let (platform, triple) = match (os, arch) {
        ("linux", "x86_64") => ("linux-x64", "x86_64-unknown-linux-musl"),
        ("linux", "aarch64") => ("linux-arm64", "aarch64-unknown-linux-musl"),
        ("macos", "x86_64") => ("darwin-x64", "x86_64-apple-darwin"),
        ("macos", "aarch64") => ("darwin-arm64", "aarch64-apple-darwin"),
        _ => return Err(Failure::new(format!("there is no codex for {os} on {arch}"))),
    };
    Ok(PathBuf::from(format!("node_modules/{PACKAGE}-{platform}/vendor/{triple}/bin/codex")))
}

/// The version in `package.json`, which has to be exact.
fn pinned_version(manifest: &str) -> Result<String> {
    let manifest: Value = serde_json::from_str(manifest).during("scripts/codex/package.json is not JSON")?;
    let version = manifest["dependencies"][PACKAGE].as_str().unwrap_or_default();
    if version.split('.').count() == 3 && version.chars().all(|c| c.is_ascii_digit() || c == '.') {
        Ok(version.to_owned())
    } else {
        Err(Failure::new(format!(
            "scripts/codex/package.json has to pin {PACKAGE} exactly, and says {version:?}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../../codex/package.json");
    const LOCK: &str = include_str!("../../codex/package-lock.json");

    #[test]
    fn the_lock_names_no_registry_and_hashes_everything() {
        npm::check_lock(LOCK);
    }

    #[test]
    fn the_lock_holds_the_pinned_version_for_every_platform_as_an_option() {
        let version = pinned_version(MANIFEST).expect("pinned");
        let lock: Value = serde_json::from_str(LOCK).expect("JSON");
        assert_eq!(lock["packages"]["node_modules/@openai/codex"]["version"], version.as_str());
        for platform in ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"] {
            let package = &lock["packages"][format!("node_modules/{PACKAGE}-{platform}")];
            assert_eq!(package["version"], format!("{version}-{platform}"));
            assert_eq!(package["optional"], true, "{platform}");
        }
    }

    #[test]
    fn a_range_is_no_pin() {
        assert!(pinned_version(r#"{"dependencies":{"@openai/codex":"^0.169.0"}}"#).is_err());
        assert!(pinned_version("{}").is_err());
    }

    #[test]
    fn the_binary_is_the_native_one() {
        let path = native_binary("linux", "x86_64").expect("known");
        assert_eq!(
            path,
            Path::new("node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex")
        );
        assert!(native_binary("plan9", "x86_64").is_err());
    }
}
