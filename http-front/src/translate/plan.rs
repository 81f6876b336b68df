//! What a request asks of the child.

use super::agent::AgentPlan;
use crate::daemon::conversation::Conversation;
use bytes::Bytes;
use serde_json::value::RawValue;
use std::sync::Arc;

/// One turn: a fresh thread, the items that go into it, and how it is run. A clone shares what is large.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The model by its own name, or the child's default.
    pub model: Option<String>,
    /// The reasoning effort, or the model's own.
    pub effort: Option<String>,
    /// How much is told of the reasoning: `auto`, `concise`, `detailed`; nothing without it.
    pub summary: Option<&'static str>,
    /// How much the model writes: `low`, `medium`, `high`; its own measure without it.
    pub verbosity: Option<&'static str>,
    /// How soon the upstream serves it: `priority`, `flex`; as usual without it.
    pub service_tier: Option<&'static str>,
    /// The conversation as JSON arrays of raw Responses items, each of a bounded size, in order.
    pub items: Vec<Bytes>,
    /// The functions that the model may call, as `dynamicTools` has them.
    pub tools: Option<Arc<RawValue>>,
    /// The schema that the model's text must match.
    pub output_schema: Option<Arc<RawValue>>,
    /// How an agent works; `None` for a completion.
    pub agent: Option<Arc<AgentPlan>>,
    /// The conversation that it goes on with, where several workers could.
    pub conversation: Option<Conversation>,
}
