//! Where things are, asked of cargo: the workspace and its target folder, wherever this machine puts it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::env;
use crate::failure::{Failure, Result, While};

pub(crate) struct Paths {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Paths {
    pub(crate) fn find() -> Result<Self> {
        let output = Command::new(env::cargo())
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .stderr(Stdio::inherit())
            .output()
            .during("cannot run cargo metadata")?;
        if !output.status.success() {
            return Err(Failure::new(format!("cargo metadata failed ({})", output.status)));
        }
        Self::parse(&output.stdout)
    }

    fn parse(metadata: &[u8]) -> Result<Self> {
        let metadata: Value = serde_json::from_slice(metadata).during("cannot read cargo metadata")?;
        let path = |name: &str| {
            metadata[name]
                .as_str()
                .map(PathBuf::from)
                .ok_or_else(|| Failure::new(format!("cargo metadata names no {name}")))
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")? })
    }

    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.target.join("xtask-logs")
    }

    pub(crate) fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }

    /// A cargo command at the root of the workspace.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env::cargo());
        command.current_dir(&self.root).args(args);
        command
    }

    /// `path` from the root of the workspace, where it is inside.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_where_cargo_says() {
        let paths =
            Paths::parse(br#"{"workspace_root":"/src/gateway","target_directory":"/fast/target","x":1}"#)
                .expect("parses");
        assert_eq!(paths.binary("debug", "http-front"), Path::new("/fast/target/debug/http-front"));
        assert_eq!(paths.shown(Path::new("/src/gateway/a/b")).to_string(), "a/b");
        assert_eq!(paths.shown(Path::new("/elsewhere")).to_string(), "/elsewhere");
    }

    #[test]
    fn metadata_without_paths_is_refused() {
        assert!(Paths::parse(b"{}").is_err());
    }
}
