//! Every parameter of every method of the serving set, and who may set it.
//!
//! A test compares the names with the schema that the pinned codex generates: one that a new version adds is refused
//! here until somebody decides, and makes the test fail until it stands here. Decisions that aren't obvious say why.

/// What is done with a member. `null` is always the same as no member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Any value.
    Open,
    /// No value.
    Closed(&'static str),
    /// `false`, which is what it is without the member.
    Off(&'static str),
    /// Settings by name: [`SETTINGS`], and with the profile `agent` [`AGENT_SETTINGS`].
    Config,
    /// `read-only`.
    Sandbox,
    /// Up to the operator's sandbox.
    SandboxPolicy,
    /// `never`.
    Approval,
    /// `[]`.
    Environments,
    /// The folder of a new thread.
    FolderOfStart,
    /// The folder of a thread or turn that is no new thread.
    Folder,
    /// A list of inputs without files: [`INPUTS`].
    Input,
}

/// A method whose params are held to the table.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// The members of its params.
    pub members: &'static [(&'static str, Rule)],
}

/// Methods of the serving set whose params are not read, for they can be 20 MB. What is injected is history: raw
/// calls in it are not run, remote images are refused by codex, and there is no member but the thread and the items.
pub const UNREAD: &[&str] = &["thread/inject_items"];

/// Settings of a thread that anybody may choose, as `config` has them. Each is one string, number or boolean; only
/// the names as they stand here, since codex takes dotted and nested names alike.
pub const SETTINGS: &[&str] = &[
    "model_verbosity",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_supports_reasoning_summaries",
    "hide_agent_reasoning",
    "show_raw_agent_reasoning",
    "service_tier",
];

/// Settings that open codex's tools. Only dotted: a table `features` would replace the daemon's whole.
pub const AGENT_SETTINGS: &[&str] = &["features.shell_tool", "features.unified_exec"];

/// The setting that gives a thread the model catalog with codex's own tools in it.
pub const CATALOG_SETTING: &str = "model_catalog_json";

/// Inputs of a turn, with their members. What reads files or names uploaded ones is not among them.
pub const INPUTS: &[(&str, &[&str])] = &[
    ("text", &["type", "text", "text_elements"]),
    ("image", &["type", "url", "detail"]),
    ("audio", &["type", "url"]),
];

/// Inputs that codex knows and clients may not send.
pub const CLOSED_INPUTS: &[&str] = &["localImage", "localAudio", "skill", "mention"];

const APPROVALS: &str = "nobody is asked here; leave it out";
const PROVIDER: &str = "the operator chooses the provider; leave it out";
const PERMISSIONS: &str = "permissions come from the profile; leave it out";
const FILES: &str = "codex would read the file; use threadId, or thread/inject_items for a history";
const ROOTS: &str = "folders come from the profile; leave it out";
const PLUGINS: &str = "plugins and their like are switched off; leave it out";
const AGENTS: &str = "codex's agents are switched off; leave it out";
const PROJECTS: &str = "projects are the operator's; leave it out";
const CONTEXT: &str = "send what the model is to see as items or input";
const UNUSED: &str = "nothing that is served here needs it; leave it out";
const PREDICTION: &str = "it takes the settings of another thread along; leave it out";

/// All guarded methods.
pub const METHODS: &[Method] = &[
    Method {
        name: "thread/start",
        members: &[
            ("model", Rule::Open),
            ("baseInstructions", Rule::Open),
            ("developerInstructions", Rule::Open),
            ("dynamicTools", Rule::Open),
            ("ephemeral", Rule::Open),
            ("experimentalRawEvents", Rule::Open),
            ("historyMode", Rule::Open),
            ("personality", Rule::Open),
            ("serviceName", Rule::Open),
            ("serviceTier", Rule::Open),
            ("threadSource", Rule::Open),
            ("config", Rule::Config),
            ("sandbox", Rule::Sandbox),
            ("approvalPolicy", Rule::Approval),
            ("environments", Rule::Environments),
            ("cwd", Rule::FolderOfStart),
            ("allowProviderModelFallback", Rule::Off(PROVIDER)),
            ("modelProvider", Rule::Closed(PROVIDER)),
            ("approvalsReviewer", Rule::Closed(APPROVALS)),
            ("permissions", Rule::Closed(PERMISSIONS)),
            ("runtimeWorkspaceRoots", Rule::Closed(ROOTS)),
            ("selectedCapabilityRoots", Rule::Closed(PLUGINS)),
            ("projectId", Rule::Closed(PROJECTS)),
            ("multiAgentMode", Rule::Closed(AGENTS)),
            ("daybreakEnabled", Rule::Off(UNUSED)),
            ("mockExperimentalField", Rule::Closed(UNUSED)),
            // It decides which of the operator's hooks run.
            ("sessionStartSource", Rule::Closed(UNUSED)),
        ],
    },
    Method {
        name: "thread/fork",
        members: &[
            ("threadId", Rule::Open),
            ("lastTurnId", Rule::Open),
            ("beforeTurnId", Rule::Open),
            ("model", Rule::Open),
            ("baseInstructions", Rule::Open),
            ("developerInstructions", Rule::Open),
            ("ephemeral", Rule::Open),
            ("excludeTurns", Rule::Open),
            ("serviceTier", Rule::Open),
            ("threadSource", Rule::Open),
            ("config", Rule::Config),
            ("sandbox", Rule::Sandbox),
            ("approvalPolicy", Rule::Approval),
            ("cwd", Rule::Folder),
            ("path", Rule::Closed(FILES)),
            ("modelProvider", Rule::Closed(PROVIDER)),
            ("approvalsReviewer", Rule::Closed(APPROVALS)),
            ("permissions", Rule::Closed(PERMISSIONS)),
            ("runtimeWorkspaceRoots", Rule::Closed(ROOTS)),
            // A thread with attached ones can't be deleted, and they are in no list.
            ("attachToSource", Rule::Off(UNUSED)),
            ("deferGoalContinuation", Rule::Off(AGENTS)),
            ("experimentalPredictionMode", Rule::Off(PREDICTION)),
            ("experimentalDisablePredictionMcp", Rule::Off(PREDICTION)),
        ],
    },
    Method {
        name: "thread/resume",
        members: &[
            ("threadId", Rule::Open),
            ("model", Rule::Open),
            ("baseInstructions", Rule::Open),
            ("developerInstructions", Rule::Open),
            ("excludeTurns", Rule::Open),
            ("initialTurnsPage", Rule::Open),
            ("personality", Rule::Open),
            ("serviceTier", Rule::Open),
            ("config", Rule::Config),
            ("sandbox", Rule::Sandbox),
            ("approvalPolicy", Rule::Approval),
            ("cwd", Rule::Folder),
            ("path", Rule::Closed(FILES)),
            ("history", Rule::Closed(FILES)),
            ("modelProvider", Rule::Closed(PROVIDER)),
            ("approvalsReviewer", Rule::Closed(APPROVALS)),
            ("permissions", Rule::Closed(PERMISSIONS)),
            ("runtimeWorkspaceRoots", Rule::Closed(ROOTS)),
        ],
    },
    Method {
        name: "turn/start",
        members: &[
            ("threadId", Rule::Open),
            ("model", Rule::Open),
            ("effort", Rule::Open),
            ("summary", Rule::Open),
            ("outputSchema", Rule::Open),
            ("personality", Rule::Open),
            ("serviceTier", Rule::Open),
            ("serviceTierForTurn", Rule::Open),
            ("responsesapiClientMetadata", Rule::Open),
            ("responsesapiClientMetadataPatch", Rule::Open),
            ("clientUserMessageId", Rule::Open),
            ("turnTrigger", Rule::Open),
            ("input", Rule::Input),
            ("sandboxPolicy", Rule::SandboxPolicy),
            ("approvalPolicy", Rule::Approval),
            ("environments", Rule::Environments),
            ("cwd", Rule::Folder),
            ("approvalsReviewer", Rule::Closed(APPROVALS)),
            ("permissions", Rule::Closed(PERMISSIONS)),
            ("runtimeWorkspaceRoots", Rule::Closed(ROOTS)),
            ("additionalContext", Rule::Closed(CONTEXT)),
            ("toolOutput", Rule::Closed(CONTEXT)),
            // It takes codex's own instructions and tools along.
            ("collaborationMode", Rule::Closed(AGENTS)),
            ("multiAgentMode", Rule::Closed(AGENTS)),
            ("disabledPluginIds", Rule::Closed(PLUGINS)),
            ("cyberAccessProgram", Rule::Closed(UNUSED)),
            // They could name the turns of another connection.
            ("parentTurnId", Rule::Closed(UNUSED)),
            ("rootTurnId", Rule::Closed(UNUSED)),
        ],
    },
    Method {
        name: "turn/steer",
        members: &[
            ("threadId", Rule::Open),
            ("expectedTurnId", Rule::Open),
            ("responsesapiClientMetadata", Rule::Open),
            ("responsesapiClientMetadataPatch", Rule::Open),
            ("clientUserMessageId", Rule::Open),
            ("input", Rule::Input),
            ("additionalContext", Rule::Closed(CONTEXT)),
        ],
    },
    Method { name: "turn/interrupt", members: &[("threadId", Rule::Open), ("turnId", Rule::Open)] },
    Method { name: "thread/read", members: &[("threadId", Rule::Open), ("includeTurns", Rule::Open)] },
    Method { name: "thread/unsubscribe", members: &[("threadId", Rule::Open)] },
    Method { name: "thread/delete", members: &[("threadId", Rule::Open)] },
    Method {
        name: "thread/turns/list",
        members: &[
            ("threadId", Rule::Open),
            ("cursor", Rule::Open),
            ("itemsView", Rule::Open),
            ("limit", Rule::Open),
            ("sortDirection", Rule::Open),
        ],
    },
    Method {
        name: "thread/items/list",
        members: &[
            ("threadId", Rule::Open),
            ("turnId", Rule::Open),
            ("cursor", Rule::Open),
            ("deferOutput", Rule::Open),
            ("limit", Rule::Open),
            ("sortDirection", Rule::Open),
        ],
    },
    Method { name: "thread/compact/start", members: &[("threadId", Rule::Open)] },
    Method {
        name: "model/list",
        members: &[
            ("cursor", Rule::Open),
            ("includeHidden", Rule::Open),
            ("limit", Rule::Open),
            ("modelProvider", Rule::Closed(PROVIDER)),
        ],
    },
    Method {
        name: "account/read",
        members: &[("refreshToken", Rule::Off("the login is the operator's; leave it out"))],
    },
    Method {
        name: "account/rateLimits/read",
        members: &[("excludeResetCreditDetails", Rule::Open), ("supportsLunaReserve", Rule::Off(UNUSED))],
    },
];
