//! A notification of the child to a [`Delta`]. Pure.

use super::{failure, work::Seen};
use crate::openai::usage::Tokens;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::{
    app_server::{failure::TurnError, method},
    queue::Weigh,
    rpc::{self, ErrorObject, text::Text},
};
use std::sync::Arc;

/// The members of a notification's params that we read. Those that only some notifications have stay raw.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Params<'a> {
    /// The thread.
    #[serde(borrow, default)]
    pub thread_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    item_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary_index: Option<&'a RawValue>,
    /// The item that the notification is about, raw.
    #[serde(borrow, default)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    turn: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    will_retry: Option<bool>,
}

/// What happened in a turn, as far as an answer depends on it.
#[derive(Debug, Clone)]
pub enum Delta {
    /// The model gave a sign of life.
    Alive,
    /// Text of a message: the id of its item and the text, both as the JSON strings that the child wrote. They
    /// are handed on as they are.
    Text {
        /// The item, raw JSON.
        item: Bytes,
        /// The text, raw JSON.
        text: Bytes,
    },
    /// A message is complete. This text alone is exact: the deltas lack what the child takes for its own.
    Message {
        /// The text.
        text: String,
    },
    /// What is told of the reasoning: a text in the same way as those of messages, and which part of it.
    Reasoning {
        /// The item, raw JSON.
        item: Bytes,
        /// The part of its summary, from 0.
        part: u32,
        /// The text, raw JSON.
        text: Bytes,
    },
    /// An item of reasoning is complete, with all that is told of it.
    Reasoned {
        /// The text; its parts are joined by an empty line.
        text: String,
    },
    /// The thread of the turn is known. No sign of life: the model was not asked yet.
    Thread(Arc<str>),
    /// A message began. One that is never completed holds what codex can't read.
    Begun,
    /// The model calls a function.
    Call {
        /// The id that joins the call with its result.
        id: String,
        /// The function, as the model names it.
        name: String,
        /// The arguments, as the model wrote them.
        arguments: String,
    },
    /// The model calls something that is no function.
    Foreign,
    /// An agent does something of its own, or has done it. Never the client's to answer.
    Command(Seen),
    /// A model call is complete, with what it used, if the upstream told.
    Usage(Option<Tokens>),
    /// The child starts over: what it told of unfinished items is void.
    Retry,
    /// The turn ended. Nothing comes after this.
    End(End),
}

/// How a turn ended.
#[derive(Debug, Clone)]
pub enum End {
    /// As it should.
    Completed,
    /// The upstream ended its answer early; what there is of it stands.
    Incomplete(Cut),
    /// Somebody interrupted it.
    Interrupted,
    /// With an error of the child or the upstream.
    Failed(Box<TurnError>),
    /// A request to the child was answered with an error.
    Refused(Box<ErrorObject>),
    /// The history was refused, with the turn on its way already: that may have run.
    NotInjected(Box<ErrorObject>),
    /// The daemon is gone.
    Lost,
    /// The daemon was not there.
    Unavailable,
    /// The front itself ends.
    Stopped,
}

/// Why the upstream ended an answer early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It has a bound for the output.
    Length,
    /// A filter stopped it.
    ContentFilter,
}

/// What stands between two parts of what is told of the reasoning.
pub const PARTS: &str = "\n\n";
/// How codex begins the instructions that it takes from a file (`AGENTS.md` in its home).
const INSTRUCTIONS: &str = "# AGENTS.md instructions";
/// How the child words a `response.incomplete` of the upstream; it has no kind of its own for it.
const INCOMPLETE: &str = "Incomplete response returned, reason: ";

impl Delta {
    /// Whether it is something of the model's that a client waits for: text, reasoning or a call. The first of them is the
    /// first token of the metrics and the log.
    pub fn is_said(&self) -> bool {
        match self {
            Self::Text { .. }
            | Self::Message { .. }
            | Self::Reasoning { .. }
            | Self::Reasoned { .. }
            | Self::Call { .. } => true,
            Self::Alive
            | Self::Thread(_)
            | Self::Begun
            | Self::Foreign
            | Self::Command(_)
            | Self::Usage(_)
            | Self::Retry
            | Self::End(_) => false,
        }
    }
}

impl Weigh for Delta {
    fn weight(&self) -> usize {
        // The bytes of a text keep the line alive that they are a part of.
        const LINE: usize = 256;
        match self {
            Self::Text { item, text } => item.len() + text.len() + LINE,
            Self::Message { text } | Self::Reasoned { text } => text.len() + LINE,
            Self::Reasoning { item, text, .. } => item.len() + text.len() + LINE,
            Self::Thread(thread) => thread.len() + LINE,
            Self::Call { id, name, arguments } => id.len() + name.len() + arguments.len() + LINE,
            Self::Command(seen) => seen.weight() + LINE,
            Self::Alive | Self::Begun | Self::Foreign | Self::Usage(_) | Self::Retry | Self::End(_) => LINE,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    cached_input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    reasoning_output_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
}

#[derive(Deserialize)]
struct Turn {
    status: String,
    #[serde(default)]
    error: Option<TurnError>,
}

#[derive(Deserialize)]
struct RawItem<'a> {
    r#type: String,
    #[serde(default)]
    role: Option<String>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary: Option<&'a RawValue>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    call_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct RawPart {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    text: String,
}

/// What the notification `name` means; `line` is what `params` was parsed from. `None`: nothing to us.
pub fn delta(name: &str, params: &Params<'_>, line: &Bytes) -> Option<Delta> {
    match name {
        method::AGENT_MESSAGE_DELTA => {
            Some(Delta::Text { item: part(line, params.item_id?)?, text: part(line, params.delta?)? })
        }
        method::REASONING_SUMMARY_DELTA => Some(Delta::Reasoning {
            item: part(line, params.item_id?)?,
            part: params.summary_index.and_then(|index| index.get().parse().ok()).unwrap_or_default(),
            text: part(line, params.delta?)?,
        }),
        method::RAW_ITEM_COMPLETED => raw_item(params.item?.get()),
        method::RAW_RESPONSE_COMPLETED => {
            let usage = params.usage.and_then(|usage| serde_json::from_str(usage.get()).ok());
            Some(Delta::Usage(usage.map(|usage: Usage| Tokens {
                input: usage.input_tokens,
                cached: usage.cached_input_tokens,
                output: usage.output_tokens,
                reasoning: usage.reasoning_output_tokens,
                total: usage.total_tokens,
            })))
        }
        method::ERROR => (params.will_retry == Some(true)).then(|| {
            let error: Option<TurnError> = params.error.and_then(|e| serde_json::from_str(e.get()).ok());
            // The child takes a filtered answer for a broken stream; asking again would be filtered again.
            match error.as_ref().and_then(incomplete) {
                Some(cut) => Delta::End(End::Incomplete(cut)),
                None => Delta::Retry,
            }
        }),
        method::TURN_COMPLETED => Some(Delta::End(end(params.turn))),
        method::ITEM_STARTED => Some(started(params.item?.get())),
        // Reasoning and whatever else belongs to the turn shows that it lives.
        _ => Some(Delta::Alive),
    }
}

/// A JSON string of the line, raw; `None` for anything that is no string.
fn part(line: &Bytes, value: &RawValue) -> Option<Bytes> {
    let text = value.get().as_bytes();
    let at = rpc::span(line, text)?;
    text.starts_with(b"\"").then(|| line.slice(at))
}

fn end(turn: Option<&RawValue>) -> End {
    let turn: Option<Turn> = turn.and_then(|t| serde_json::from_str(t.get()).ok());
    let unknown = || TurnError {
        message: "the turn ended without saying how".into(),
        codex_error_info: None,
        additional_details: None,
    };
    match turn {
        Some(Turn { status, .. }) if status == "completed" => End::Completed,
        Some(Turn { status, .. }) if status == "interrupted" => End::Interrupted,
        Some(Turn { error, .. }) => {
            let error = error.unwrap_or_else(unknown);
            match incomplete(&error) {
                Some(cut) => End::Incomplete(cut),
                None => End::Failed(Box::new(error)),
            }
        }
        None => End::Failed(Box::new(unknown())),
    }
}

/// Why the upstream ended its answer early, if that is what the child calls an error.
fn incomplete(error: &TurnError) -> Option<Cut> {
    let texts = [Some(&error.message), error.additional_details.as_ref()];
    let reason = texts.into_iter().flatten().find_map(|text| text.split_once(INCOMPLETE))?.1;
    match reason.trim_end_matches('.') {
        "max_output_tokens" => Some(Cut::Length),
        "content_filter" => Some(Cut::ContentFilter),
        _ => None,
    }
}

fn started(item: &str) -> Delta {
    match serde_json::from_str(item) {
        Ok(RawItem { r#type, .. }) if r#type == "agentMessage" => Delta::Begun,
        Ok(_) | Err(_) => Delta::Alive,
    }
}

/// An item that the model has completed.
fn raw_item(item: &str) -> Option<Delta> {
    let item: RawItem<'_> = serde_json::from_str(item).ok()?;
    match item.r#type.as_str() {
        "message" if item.role.as_deref() == Some("assistant") => {
            let parts: Vec<RawPart> = serde_json::from_str(item.content?.get()).ok()?;
            let texts = parts.into_iter().filter(|p| p.r#type == "output_text").map(|p| p.text);
            Some(Delta::Message { text: texts.collect() })
        }
        // What the client sent is no news here: this one comes from codex.
        "message" if item.role.as_deref() == Some("user") => {
            let parts: Vec<RawPart> =
                item.content.and_then(|parts| serde_json::from_str(parts.get()).ok()).unwrap_or_default();
            let added = parts.iter().any(|part| part.text.starts_with(INSTRUCTIONS));
            Some(if added { Delta::End(failure::instructed()) } else { Delta::Alive })
        }
        "reasoning" => {
            let summary = item.summary.map(|summary| serde_json::from_str(summary.get()));
            let parts: Vec<RawPart> = summary.and_then(Result::ok).unwrap_or_default();
            let texts: Vec<String> = parts.into_iter().map(|part| part.text).collect();
            Some(Delta::Reasoned { text: texts.join(PARTS) })
        }
        // The upstream broke it off, and says so when it ends.
        "function_call" if item.status.as_deref() == Some("incomplete") => Some(Delta::Alive),
        "function_call" => Some(Delta::Call {
            id: item.call_id.unwrap_or_default(),
            name: item.name?,
            arguments: item.arguments.unwrap_or_default(),
        }),
        "custom_tool_call" | "local_shell_call" | "tool_search_call" => Some(Delta::Foreign),
        _ => Some(Delta::Alive),
    }
}

#[cfg(test)]
mod tests;
