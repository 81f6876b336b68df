//! The programs that the suite runs, and how they are run.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// Compose and what else is with it.
pub(crate) fn programs() -> PathBuf {
    installed("COMPOSE_TOOLS", "compose", "docker-compose")
}

/// The programs from PyPI that `cargo xtask fetch-clients` installs: where the variable says, or else at their usual place.
#[expect(clippy::disallowed_methods, reason = "tests are told where programs are by the environment")]
pub(crate) fn installed(variable: &str, usual: &str, program: &str) -> PathBuf {
    let usual = root().join("target/tools").join(usual).join("venv/bin");
    // The variable names a program of the folder.
    let named = std::env::var_os(variable).and_then(|path| Path::new(&path).parent().map(Path::to_owned));
    let folder = named.unwrap_or(usual);
    assert!(
        folder.join(program).exists(),
        "{} lacks {program}; run `cargo xtask fetch-clients`",
        folder.display()
    );
    folder
}

/// `PATH` with these programs, and Python with what the scripts import, before all others.
#[expect(clippy::disallowed_methods, reason = "PATH is handed on")]
pub(crate) fn path() -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs()).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).expect("folders without colons")
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// What it wrote to stdout and stderr.
    pub(crate) said: String,
}

impl Ran {
    /// It must have succeeded; gives what it said.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.said);
        self.said
    }
}

/// Runs a command in the workspace to its end.
pub(crate) fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).env("PATH", path()).envs(variables.iter().copied());
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    Ran { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
}
