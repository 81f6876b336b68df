//! Parameters and results of the requests that make a turn.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

/// `initialize`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitializeParams {
    /// Who connects.
    pub client_info: ClientInfo,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Option<Capabilities>,
}

/// Who connects.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClientInfo {
    /// Name for programs; it becomes the `originator` upstream.
    pub name: String,
    /// Name for people.
    #[serde(default)]
    pub title: Option<String>,
    /// Version of the client.
    pub version: String,
}

/// What a client can do.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Whether it wants the experimental part of the protocol.
    #[serde(default)]
    pub experimental_api: bool,
    /// Notifications that it doesn't want to get.
    #[serde(default)]
    pub opt_out_notification_methods: Option<Vec<String>>,
}

/// Result of `initialize`; kept whole, because every client of the socket gets it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitializeResult {
    /// Names the child and its version: `originator/0.169.0 (…)`.
    pub user_agent: String,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl InitializeResult {
    /// The child's version, as its user agent tells it.
    pub fn version(&self) -> Option<&str> {
        self.user_agent.split('/').nth(1)?.split(' ').next().filter(|v| !v.is_empty())
    }
}

/// Result of `config/read`, as far as we read it.
#[derive(Debug, Deserialize)]
pub struct ConfigReadResult {
    /// The settings in force.
    pub config: ConfigInForce,
}

/// The settings in force, as far as we read them.
#[derive(Debug, Deserialize)]
pub struct ConfigInForce {
    /// The configured model, if one is.
    #[serde(default)]
    pub model: Option<String>,
}

/// `thread/start`, as the profiles send it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadStartParams<'a> {
    /// Not kept after its end.
    pub ephemeral: bool,
    /// The thread's folder; nothing of it is read in the completion profile.
    pub cwd: String,
    /// Where commands could run: nowhere, or, left out, in `cwd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<[Value; 0]>,
    /// The harness's own prompt: none, or, left out, that of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_instructions: Option<String>,
    /// What the model is told before the conversation, beside the harness's own prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub developer_instructions: Option<String>,
    /// The model, or the child's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether raw items and the usage of each model call are told.
    pub experimental_raw_events: bool,
    /// Never ask anybody.
    pub approval_policy: &'static str,
    /// The strictest sandbox.
    pub sandbox: &'static str,
    /// Settings of the thread, by their dotted names.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// Functions that the model may call, as JSON; codex asks for each call with `item/tool/call`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_tools: Option<&'a RawValue>,
}

/// Result of `thread/start`, as far as we read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadStartResult {
    /// The new thread.
    pub thread: Named,
    /// Files whose text the harness puts before the conversation.
    #[serde(default)]
    pub instruction_sources: Vec<String>,
}

/// Anything with an id.
#[derive(Debug, Deserialize)]
pub struct Named {
    /// The id.
    pub id: String,
}

/// Result of `turn/start`, as far as we read it.
#[derive(Debug, Deserialize)]
pub struct TurnStartResult {
    /// The new turn.
    pub turn: Named,
}

/// `turn/start` behind injected items: the input is empty, so the turn runs on these items alone.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnStartParams<'a> {
    /// The thread.
    pub thread_id: &'a str,
    /// Where commands could run: nowhere, or, left out, where the thread says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<[Value; 0]>,
    /// Where commands run; left out, where the thread says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<&'a str>,
    /// Nothing: the items are in the thread already.
    pub input: [Value; 0],
    /// The reasoning effort, or the model's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<&'a str>,
    /// How much is told of the reasoning; nothing without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<&'a str>,
    /// How soon the upstream serves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<&'a str>,
    /// What commands may do, beyond reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_policy: Option<Value>,
    /// The schema that the model's text must match, in the upstream's strict subset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<&'a RawValue>,
}

/// `turn/interrupt`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnInterruptParams<'a> {
    /// The thread.
    pub thread_id: &'a str,
    /// Its running turn.
    pub turn_id: &'a str,
}

/// `thread/unsubscribe`, and any other request that names a thread alone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadParams<'a> {
    /// The thread.
    pub thread_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_user_agent() {
        let parse = |ua: &str| InitializeResult { user_agent: ua.into(), rest: Default::default() };
        assert_eq!(parse("t/0.169.0 (Debian 12; x86_64) unknown (t; 1)").version(), Some("0.169.0"));
        assert_eq!(parse("odd").version(), None);
    }
}
