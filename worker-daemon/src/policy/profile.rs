//! What the operator lets clients have (`WORKER_PROFILES`): completions alone, or agents with tools, too.

use std::{
    ffi::OsString,
    path::{Component, Path, PathBuf},
};

/// The profiles that are on. `completion` always is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    /// `agent`: threads with codex's own tools.
    pub agent: Option<Agent>,
}

/// How far an agent may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// `PROXY_SANDBOX_MODE`.
    pub sandbox: Sandbox,
    /// `PROXY_CODEX_WORKDIR`, absolute and without `..`.
    pub workdir: PathBuf,
}

/// How much a command may do; a later one may all that an earlier one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sandbox {
    /// Read files.
    ReadOnly,
    /// Write in the thread's folder, too.
    WorkspaceWrite,
    /// Anything.
    DangerFullAccess,
}

impl Sandbox {
    /// The sandbox of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "read-only" => Some(Self::ReadOnly),
            "workspace-write" => Some(Self::WorkspaceWrite),
            "danger-full-access" => Some(Self::DangerFullAccess),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::DangerFullAccess => "danger-full-access",
        }
    }

    /// The sandbox that a `sandboxPolicy` of this type is.
    pub(super) fn of_policy(kind: &str) -> Option<Self> {
        match kind {
            "readOnly" => Some(Self::ReadOnly),
            "workspaceWrite" => Some(Self::WorkspaceWrite),
            "dangerFullAccess" => Some(Self::DangerFullAccess),
            _ => None,
        }
    }
}

impl Agent {
    /// Whether a path is the workdir or lies in it, by its name alone: links are not followed.
    pub(super) fn holds(&self, path: &str) -> bool {
        lexical(Path::new(path)).is_some_and(|path| path.starts_with(&self.workdir))
    }
}

/// An absolute path without `.` and `..`; none for a relative one.
pub fn lexical(path: &Path) -> Option<PathBuf> {
    let mut parts: Vec<OsString> = Vec::new();
    let mut components = path.components();
    if components.next() != Some(Component::RootDir) {
        return None;
    }
    for component in components {
        match component {
            Component::Normal(part) => parts.push(part.to_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let mut clean = PathBuf::from("/");
    clean.extend(parts);
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_by_their_names() {
        let agent = Agent { sandbox: Sandbox::ReadOnly, workdir: "/tmp/work".into() };
        for inside in ["/tmp/work", "/tmp/work/", "/tmp/work/a/../b", "/tmp//work/.", "/x/../tmp/work/a"] {
            assert!(agent.holds(inside), "{inside}");
        }
        for outside in [
            "",
            "work",
            "tmp/work",
            "./tmp/work",
            "/",
            "/tmp",
            "/tmp/works",
            "/tmp/work/..",
            "/tmp/work/a/../../b",
        ] {
            assert!(!agent.holds(outside), "{outside}");
        }
    }

    #[test]
    fn sandboxes_have_an_order() {
        assert!(Sandbox::ReadOnly < Sandbox::WorkspaceWrite);
        assert!(Sandbox::WorkspaceWrite < Sandbox::DangerFullAccess);
        for sandbox in [Sandbox::ReadOnly, Sandbox::WorkspaceWrite, Sandbox::DangerFullAccess] {
            assert_eq!(Sandbox::named(sandbox.as_str()), Some(sandbox));
        }
        assert_eq!(Sandbox::named("readonly"), None);
        assert_eq!(Sandbox::of_policy("externalSandbox"), None);
    }
}
