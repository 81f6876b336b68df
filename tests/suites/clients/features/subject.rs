//! The clients of the table: their names, their programs, and where their versions are pinned.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Installed, Program};

/// A row of the table.
#[derive(Debug)]
pub(super) struct Subject {
    /// As its test is called.
    pub(super) name: &'static str,
    /// As the table calls it.
    pub(super) title: &'static str,
    pub(super) program: Program,
    /// What its program gets beside what all get.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// The packages whose versions the table names.
    packages: &'static [&'static str],
}

const fn subject(
    name: &'static str,
    title: &'static str,
    (file, installed): (&'static str, Installed),
    packages: &'static [&'static str],
) -> Subject {
    Subject { name, title, program: Program { file, installed }, variables: &[], packages }
}

const fn ai_sdk(
    name: &'static str,
    title: &'static str,
    variables: &'static [(&'static str, &'static str)],
    packages: &'static [&'static str],
) -> Subject {
    Subject { variables, ..subject(name, title, ("features_ai_sdk.mjs", Installed::Node), packages) }
}

/// All of them, in the table's order.
pub(super) const ALL: &[Subject] = &[
    subject("openai_python", "OpenAI's Python SDK", ("features_openai.py", Installed::Python), &["openai"]),
    subject(
        "openai_python_2",
        "OpenAI's Python SDK, one major back",
        ("features_openai.py", Installed::PythonOlder),
        &["openai"],
    ),
    subject("openai_node", "OpenAI's JavaScript SDK", ("features_openai.mjs", Installed::Node), &["openai"]),
    subject(
        "openai_node_6",
        "OpenAI's JavaScript SDK, one major back",
        ("features_openai.mjs", Installed::NodeMore),
        &["openai"],
    ),
    subject(
        "langchain_python",
        "LangChain for Python",
        ("features_langchain.py", Installed::Python),
        &["langchain-openai", "langchain"],
    ),
    subject(
        "langchain_node",
        "LangChain for JavaScript",
        ("features_langchain.mjs", Installed::Node),
        &["@langchain/openai", "langchain"],
    ),
    ai_sdk(
        "ai_sdk_compatible",
        "AI SDK, `createOpenAICompatible`",
        &[("AI_PROVIDER", "compatible")],
        &["ai", "@ai-sdk/openai-compatible"],
    ),
    ai_sdk(
        "ai_sdk_openai",
        "AI SDK, `createOpenAI().chat`",
        &[("AI_PROVIDER", "openai")],
        &["ai", "@ai-sdk/openai"],
    ),
    subject("litellm", "LiteLLM", ("features_litellm.py", Installed::PythonOlder), &["litellm"]),
    subject("instructor", "instructor", ("features_instructor.py", Installed::PythonOlder), &["instructor"]),
    subject(
        "pydantic_ai",
        "Pydantic AI",
        ("features_pydantic_ai.py", Installed::PythonMore),
        &["pydantic-ai-slim"],
    ),
    subject("llm", "LLM", ("features_llm.py", Installed::PythonMore), &["llm"]),
    subject("opencode", "opencode", ("features_opencode.py", Installed::Python), &["opencode-linux-x64"]),
];

impl Subject {
    pub(super) fn named(name: &str) -> &'static Self {
        ALL.iter().find(|subject| subject.name == name).expect("the table of clients has each test's name")
    }

    /// Packages and versions as the table has them, from the locks.
    pub(super) fn versions(&self) -> String {
        let installed = if self.opencode_package() { Installed::NodeMore } else { self.program.installed };
        let shown = self.packages.iter().map(|package| {
            let version = pinned(installed, package).unwrap_or_else(|| panic!("no lock pins {package}"));
            format!("`{package}` {version}")
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// The binary of opencode, for the one program that starts it.
    pub(super) fn opencode(&self) -> Option<PathBuf> {
        let package = self.packages.first().filter(|_| self.opencode_package())?;
        Some(Installed::NodeMore.modules().join(package).join("bin/opencode"))
    }

    fn opencode_package(&self) -> bool {
        self.name == "opencode"
    }
}

/// The version that a lock in `scripts/clients` has.
fn pinned(installed: Installed, package: &str) -> Option<String> {
    let folder = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/clients").join(name);
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("a lock");
    let (name, node) = match installed {
        Installed::Python => ("python", false),
        Installed::PythonOlder => ("python-older", false),
        Installed::PythonMore => ("python-more", false),
        Installed::Node => ("node", true),
        Installed::NodeMore => ("node-more", true),
    };
    if node {
        let lock: Value = serde_json::from_str(&read(folder(name).join("package-lock.json"))).expect("JSON");
        return lock["packages"][format!("node_modules/{package}")]["version"].as_str().map(str::to_owned);
    }
    let lock = read(folder(name).join("requirements.txt"));
    let entry = lock.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))?;
    entry.split_whitespace().next().map(str::to_owned)
}
