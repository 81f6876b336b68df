//! How an agent's turn is run, and what is read of it. Pure.
//!
//! An agent has codex's own tools and prompt, works in the operator's folder and within the operator's sandbox, and
//! nobody is asked for more. It promises that a plan goes no further than the settings of the front and those of the
//! daemon both allow, and that codex's own calls are never the client's ([`delta`]).

use super::{
    event::{self, Delta, Params},
    mode::SandboxMode,
    work,
};
use crate::{
    error::{ApiError, Kind},
    openai::chat::ChatRequest,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use shared::{app_server::method, control};
use std::path::{Component, Path};

/// What the operator of the front has settled for agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSettings {
    /// `PROXY_SANDBOX_MODE`.
    pub sandbox: SandboxMode,
    /// `PROXY_CODEX_WORKDIR`, absolute.
    pub workdir: String,
}

/// How an agent works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPlan {
    workdir: String,
    catalog: String,
    sandbox: SandboxMode,
}

/// Why there are no agents here; the operator's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The daemon has them switched off.
    #[error("the daemon does not allow the profile `agent` (WORKER_PROFILES)")]
    Off,
    /// The front's sandbox allows more than the daemon's.
    #[error("the front's PROXY_SANDBOX_MODE goes beyond that of the daemon")]
    Sandbox,
    /// The front's folder is not in the daemon's.
    #[error("the front's PROXY_CODEX_WORKDIR is not in that of the daemon")]
    Workdir,
}

impl From<NotAllowed> for ApiError {
    fn from(why: NotAllowed) -> Self {
        Self::new(
            Kind::AgentUnavailable,
            format!(
                "Agents can't be run here: {why}. The operator must change that; or send `x-codex-profile: completion`."
            ),
        )
    }
}

impl AgentPlan {
    /// The plan of every agent, as the front's settings and the daemon's word have it.
    ///
    /// # Errors
    /// [`NotAllowed`], where they don't fit: nothing is run with less than the operator has asked for.
    pub fn new(settings: &AgentSettings, daemon: Option<&control::Agent>) -> Result<Self, NotAllowed> {
        let daemon = daemon.ok_or(NotAllowed::Off)?;
        // A word that this version doesn't know allows nothing.
        if SandboxMode::named(&daemon.sandbox).is_none_or(|most| settings.sandbox > most) {
            return Err(NotAllowed::Sandbox);
        }
        let workdir = Path::new(&settings.workdir);
        let plain = !workdir.components().any(|part| part == Component::ParentDir);
        if !(plain && workdir.starts_with(&daemon.workdir)) {
            return Err(NotAllowed::Workdir);
        }
        Ok(Self {
            workdir: settings.workdir.clone(),
            catalog: daemon.catalog.clone(),
            sandbox: settings.sandbox,
        })
    }

    /// The folder that it works in.
    pub fn workdir(&self) -> &str {
        &self.workdir
    }

    /// The settings of its thread that open codex's own tools.
    pub fn config(&self) -> Map<String, Value> {
        Map::from_iter([
            ("model_catalog_json".to_owned(), self.catalog.as_str().into()),
            ("features.shell_tool".to_owned(), true.into()),
            ("features.unified_exec".to_owned(), true.into()),
        ])
    }

    /// The sandbox of its turn; `None` for that of the thread, which reads.
    ///
    /// Folders for temporary files are left out: they are other programs' too, and lie outside of the folder.
    pub fn sandbox_policy(&self) -> Option<Value> {
        match self.sandbox {
            SandboxMode::ReadOnly => None,
            SandboxMode::WorkspaceWrite => Some(json!({
                "type": "workspaceWrite",
                "networkAccess": false,
                "writableRoots": [],
                "excludeSlashTmp": true,
                "excludeTmpdirEnvVar": true,
            })),
            SandboxMode::DangerFullAccess => Some(json!({ "type": "dangerFullAccess" })),
        }
    }

    /// What the model is told of its place. codex's own description would stand behind the conversation where the turn
    /// may do more than its thread, and name the thread's rights before.
    pub fn instructions(&self) -> String {
        let may = match self.sandbox {
            SandboxMode::ReadOnly => "They can read files; writing fails. They have no network.",
            SandboxMode::WorkspaceWrite => {
                "They can read files, and write in that folder alone; there is no other place for temporary files. \
                 They have no network."
            }
            SandboxMode::DangerFullAccess => "They are not restricted.",
        };
        format!(
            "Commands run in the folder {}. {may} Nobody can approve anything or answer questions during your work, \
             and commands that still run when you end are stopped.",
            self.workdir
        )
    }
}

/// Refuses what an agent can't be asked for.
///
/// Functions of the client: a turn that calls one would have to end there, and what the agent did so far would be lost
/// to the model, for the client's next request replays messages and calls alone; commands that run would be stopped
/// midway. Models that call from within a script don't even call by an item of their own. Several choices would be
/// several agents at once in one folder.
///
/// # Errors
/// 400 with the parameter and the remedy.
pub fn check(request: &ChatRequest<'_>) -> Result<(), ApiError> {
    let refuse = |param, message: &'static str| {
        Err(ApiError::new(Kind::UnsupportedParameter, message).with_param(param))
    };
    let none = |choice: &Option<Value>| choice.as_ref().and_then(Value::as_str) == Some("none");
    if request.tools.as_ref().is_some_and(|tools| !tools.is_empty()) && !none(&request.tool_choice) {
        return refuse(
            "tools",
            "An agent has tools of its own and takes no others. Leave `tools` out, or send `x-codex-profile: completion`.",
        );
    }
    if request.functions.as_ref().is_some_and(|given| !given.is_empty()) && !none(&request.function_call) {
        return refuse(
            "functions",
            "An agent has tools of its own and takes no others. Leave `functions` out, or send `x-codex-profile: completion`.",
        );
    }
    if request.n.as_ref().is_some_and(|n| n.as_f64() != Some(1.0)) {
        return refuse(
            "n",
            "An agent answers once: several would work in one folder. Leave `n` out, or send `x-codex-profile: completion`.",
        );
    }
    Ok(())
}

/// What a notification of an agent's turn means: what it ran is [`Delta::Command`], and no call of codex's own is the
/// client's. `line` is what `params` was parsed from.
pub fn delta(name: &str, params: &Params<'_>, line: &Bytes) -> Option<Delta> {
    let item = || params.item.map(serde_json::value::RawValue::get);
    let seen = match name {
        method::ITEM_STARTED => work::started(item()?),
        method::ITEM_COMPLETED => work::completed(item()?),
        method::RAW_ITEM_COMPLETED => work::called(item()?),
        _ => None,
    };
    if let Some(seen) = seen {
        return Some(Delta::Command(seen));
    }
    match event::delta(name, params, line)? {
        Delta::Call { .. } | Delta::Foreign => Some(Delta::Alive),
        other @ (Delta::Alive
        | Delta::Thread(_)
        | Delta::Reasoning { .. }
        | Delta::Reasoned { .. }
        | Delta::Text { .. }
        | Delta::Message { .. }
        | Delta::Begun
        | Delta::Command(_)
        | Delta::Usage(_)
        | Delta::Retry
        | Delta::End(_)) => Some(other),
    }
}

#[cfg(test)]
mod tests;
