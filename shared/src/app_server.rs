//! The payloads of the app-server protocol that we read or write, by hand.
//!
//! Tolerant of members that we don't know, exact in what we send. A contract test compares every name here with
//! the JSON Schema that the pinned binary generates. Source: `codex app-server generate-json-schema
//! --experimental`, version [`crate::build_info::CODEX_VERSION`].

pub mod decline;
pub mod diagnostics;
pub mod failure;
pub mod limits;
pub mod model;
pub mod start;

/// Method and notification names that appear in our code.
pub mod method {
    /// Request of the handshake.
    pub const INITIALIZE: &str = "initialize";
    /// Notification that ends the handshake.
    pub const INITIALIZED: &str = "initialized";
    /// The configuration that is in force.
    pub const CONFIG_READ: &str = "config/read";
    /// How the child is: its memory and what goes on in it.
    pub const DIAGNOSTICS: &str = "server/diagnostics";
    /// The models of the catalog.
    pub const MODEL_LIST: &str = "model/list";
    /// Starts a thread.
    pub const THREAD_START: &str = "thread/start";
    /// Branches a kept thread.
    pub const THREAD_FORK: &str = "thread/fork";
    /// Loads a kept thread.
    pub const THREAD_RESUME: &str = "thread/resume";
    /// Puts raw Responses items into a thread.
    pub const THREAD_INJECT_ITEMS: &str = "thread/inject_items";
    /// Lets a thread go.
    pub const THREAD_UNSUBSCRIBE: &str = "thread/unsubscribe";
    /// Starts a turn that compacts a thread; its answer doesn't name the turn.
    pub const THREAD_COMPACT_START: &str = "thread/compact/start";
    /// Starts a turn.
    pub const TURN_START: &str = "turn/start";
    /// Ends a turn early.
    pub const TURN_INTERRUPT: &str = "turn/interrupt";
    /// Notification: a thread was unloaded.
    pub const THREAD_CLOSED: &str = "thread/closed";
    /// Notification: a turn began.
    pub const TURN_STARTED: &str = "turn/started";
    /// Notification: a turn ended.
    pub const TURN_COMPLETED: &str = "turn/completed";
    /// Notification: an item of a turn began.
    pub const ITEM_STARTED: &str = "item/started";
    /// Notification: an item of a turn is complete.
    pub const ITEM_COMPLETED: &str = "item/completed";
    /// Notification: text of an agent message.
    pub const AGENT_MESSAGE_DELTA: &str = "item/agentMessage/delta";
    /// Notification: text of a summary of the reasoning.
    pub const REASONING_SUMMARY_DELTA: &str = "item/reasoning/summaryTextDelta";
    /// Notification: a raw Responses item, injected or made by the model.
    pub const RAW_ITEM_COMPLETED: &str = "rawResponseItem/completed";
    /// Notification: one model call ended, with its usage.
    pub const RAW_RESPONSE_COMPLETED: &str = "rawResponse/completed";
    /// Notification: the thread's token counts.
    pub const TOKEN_USAGE_UPDATED: &str = "thread/tokenUsage/updated";
    /// Request of the child: a call of a dynamic tool.
    pub const TOOL_CALL: &str = "item/tool/call";
    /// Notification: how much of the account's limits is used.
    pub const RATE_LIMITS_UPDATED: &str = "account/rateLimits/updated";
    /// Notification: something failed; with `willRetry` the child starts over.
    pub const ERROR: &str = "error";
}
