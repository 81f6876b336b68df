//! The words by which operators and clients choose between ways to serve a request. Pure.

/// How the model's calls are told (`PROXY_OUTPUT_MODE`, `x-proxy-output-mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputMode {
    /// As OpenAI tells them.
    #[default]
    OpenAiJson,
    /// As `<use_tool>` blocks in the text.
    ObsidianXml,
    /// As OpenAI tells them; such blocks that the model writes as text become calls.
    TextualTools,
}

impl OutputMode {
    /// Their names.
    pub const NAMES: &[&str] = &["openai-json", "obsidian-xml", "textual-tools"];

    /// The mode of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "openai-json" => Some(Self::OpenAiJson),
            "obsidian-xml" => Some(Self::ObsidianXml),
            "textual-tools" => Some(Self::TextualTools),
            _ => None,
        }
    }
}

/// When answers have `reasoning_content` (`PROXY_REASONING`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reasoning {
    /// Where the request names a reasoning effort or summary.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Reasoning {
    /// The mode of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            _ => None,
        }
    }
}

/// What becomes of the operator's prompt (`CODEX__SYSTEM_PROMPT_INJECTION_MODE`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Injection {
    /// It replaces the first system message.
    Override,
    /// It stands behind the first system message.
    Append,
    /// Nothing is changed.
    #[default]
    Disabled,
}

impl Injection {
    /// The mode of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "override" => Some(Self::Override),
            "append" => Some(Self::Append),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Append => "append",
            Self::Disabled => "disabled",
        }
    }
}

/// What a request runs as (`PROXY_PROFILE`, `x-codex-profile`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// The model gets the client's messages and functions, and nothing else.
    #[default]
    Completion,
    /// The model has codex's own tools, in a sandbox.
    Agent,
}

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "completion" => Some(Self::Completion),
            "agent" => Some(Self::Agent),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completion => "completion",
            Self::Agent => "agent",
        }
    }
}

/// What commands of an agent may do (`PROXY_SANDBOX_MODE`); a later one may all that an earlier one may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SandboxMode {
    /// Read files.
    #[default]
    ReadOnly,
    /// Write in the workdir, too.
    WorkspaceWrite,
    /// Anything.
    DangerFullAccess,
}

impl SandboxMode {
    /// The mode of this name.
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
}
