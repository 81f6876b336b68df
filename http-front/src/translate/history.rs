//! The messages of a conversation as entries, with every call beside its result. Pure.
//!
//! The upstream refuses a call without a result, a result without a call, and an id that two calls share; the child
//! makes results up or drops them. Clients send all of these: a conversation that was cut off, an edited one, ids that
//! begin anew in each round. None of them may brick the conversation, so they are repaired here, in place, and the
//! repairs are named. Nothing that was said is lost, moved or doubled.

mod calls;

use super::custom::{self, Customs};
use crate::{
    error::{ApiError, Kind},
    openai::{
        message::{Content, Message, Part, Role, numbered},
        tool::ToolCall,
    },
};
use calls::{Calls, Key};
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

/// The result of a call that has none.
const NO_RESULT: &str = "No result: the conversation does not hold what this call gave.";
/// The function of a result whose call is not there.
pub const UNKNOWN: &str = "unknown_function";

/// What was changed so that the conversation can go up; named in the header `x-codex-repairs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// A call had no result; it got one that says so.
    MissingToolOutput,
    /// A result had no call; it got one without arguments.
    OrphanToolOutput,
    /// The id of a call was empty, too long or used twice; another one went up.
    ToolCallId,
    /// The name of a function is one that can't go up; another one did.
    ToolName,
    /// A refusal of the model goes up as text.
    RefusalAsText,
}

impl Repair {
    /// The name in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingToolOutput => "missing_tool_output",
            Self::OrphanToolOutput => "orphan_tool_output",
            Self::ToolCallId => "tool_call_id",
            Self::ToolName => "tool_name",
            Self::RefusalAsText => "refusal_as_text",
        }
    }
}

/// What was said.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// One text.
    Text(&'a str),
    /// Parts.
    Parts(&'a [Part<'a>]),
}

impl<'a> From<&'a Content<'a>> for Said<'a> {
    fn from(content: &'a Content<'a>) -> Self {
        match content {
            Content::Text(text) => Self::Text(text),
            Content::Parts(parts) => Self::Parts(parts),
        }
    }
}

/// One step of a conversation.
#[derive(Debug)]
pub enum Entry<'a> {
    /// Somebody says something.
    Message {
        /// Who.
        role: Role,
        /// What.
        said: Said<'a>,
    },
    /// The model calls a function.
    Call {
        /// Joins the call with its result; fit to go up.
        id: Cow<'a, str>,
        /// The function, as the client names it.
        name: &'a str,
        /// The arguments, as the model wrote them; of a custom tool those with its text.
        arguments: Cow<'a, str>,
    },
    /// What a call gave.
    Output {
        /// The id of the call.
        id: Cow<'a, str>,
        /// What it gave.
        said: Said<'a>,
    },
}

/// Reads a conversation, in which these custom tools may be called.
///
/// # Errors
/// 400 with the path of what can't be carried.
pub fn entries<'a>(
    messages: &'a [Message<'a>],
    customs: &Customs,
) -> Result<(Vec<Entry<'a>>, BTreeSet<Repair>), ApiError> {
    let mut calls = Calls::default();
    let mut entries = Vec::with_capacity(messages.len());
    // Where the made-up result of a call would stand: behind the results that follow its message.
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut block: Option<usize> = None;
    for (at, message) in numbered(messages) {
        let result = matches!(message.role, Role::Tool | Role::Function);
        if !result && let Some(block) = block.take() {
            ends.push((block, entries.len()));
        }
        match message.role {
            Role::System | Role::Developer | Role::User => {
                let said = said(at, message)?;
                entries.push(Entry::Message { role: message.role, said });
            }
            Role::Assistant => {
                let before = calls.all.len();
                assistant(at, message, customs, &mut calls, &mut entries)?;
                if calls.all.len() > before {
                    block = Some(at);
                }
            }
            Role::Tool | Role::Function => output(at, message, &mut calls, &mut entries)?,
        }
    }
    if let Some(block) = block {
        ends.push((block, entries.len()));
    }
    Ok(complete(entries, calls, &ends))
}

/// Puts results behind the blocks of calls that lack some.
fn complete<'a>(
    entries: Vec<Entry<'a>>,
    calls: Calls<'a>,
    ends: &[(usize, usize)],
) -> (Vec<Entry<'a>>, BTreeSet<Repair>) {
    let Calls { all, mut repairs, .. } = calls;
    let mut missing: HashMap<usize, Vec<Cow<'a, str>>> = HashMap::new();
    for call in all.into_iter().filter(|call| !call.answered) {
        missing.entry(call.block).or_default().push(call.sent);
    }
    if missing.is_empty() {
        return (entries, repairs);
    }
    repairs.insert(Repair::MissingToolOutput);
    let mut whole = Vec::with_capacity(entries.len() + missing.len());
    let mut ends = ends.iter().peekable();
    let last = entries.len();
    let mut entries = entries.into_iter();
    for at in 0..=last {
        while let Some((block, _)) = ends.next_if(|(_, end)| *end == at) {
            let lacking = missing.remove(block).unwrap_or_default();
            whole.extend(lacking.into_iter().map(|id| Entry::Output { id, said: Said::Text(NO_RESULT) }));
        }
        whole.extend(entries.next());
    }
    (whole, repairs)
}

/// What the message `at` says, as the client counts them.
///
/// # Errors
/// 400 where it says nothing.
pub(super) fn said<'a>(at: usize, message: &'a Message<'a>) -> Result<Said<'a>, ApiError> {
    let content = message.content.as_ref().ok_or_else(|| {
        ApiError::invalid(
            format!("messages[{at}].content"),
            "`content` must be a string or an array of content parts.",
        )
    })?;
    if let Content::Parts(parts) = content
        && parts.is_empty()
    {
        return Err(ApiError::invalid(
            format!("messages[{at}].content"),
            "`content` must have at least one part.",
        ));
    }
    Ok(content.into())
}

/// A message of the model: what it said, then what it called.
fn assistant<'a>(
    at: usize,
    message: &'a Message<'a>,
    customs: &Customs,
    calls: &mut Calls<'a>,
    entries: &mut Vec<Entry<'a>>,
) -> Result<(), ApiError> {
    let field = |name: &str| format!("messages[{at}].{name}");
    if message.audio.is_some() {
        let text = "Audio is not carried here; send its transcript as `content`.";
        return Err(ApiError::new(Kind::UnsupportedParameter, text).with_param(field("audio")));
    }
    let called = message.tool_calls.as_deref().unwrap_or_default();
    let empty = match &message.content {
        None => true,
        Some(Content::Text(text)) => text.is_empty(),
        Some(Content::Parts(parts)) => parts.is_empty(),
    };
    let refusal = message.refusal.as_deref().filter(|text| !text.is_empty());
    let something = !called.is_empty() || message.function_call.is_some() || refusal.is_some();
    // A message that only calls or refuses has an empty content or none: that is no message of its own.
    if !(empty && something) {
        entries.push(Entry::Message { role: Role::Assistant, said: said(at, message)? });
        if let Some(Content::Parts(parts)) = &message.content
            && parts.iter().any(|part| part.r#type == "refusal")
        {
            calls.repairs.insert(Repair::RefusalAsText);
        }
    }
    if let Some(refusal) = refusal {
        calls.repairs.insert(Repair::RefusalAsText);
        entries.push(Entry::Message { role: Role::Assistant, said: Said::Text(refusal) });
    }
    for (n, call) in called.iter().enumerate() {
        let (name, arguments) = called_in(call, customs, || field(&format!("tool_calls[{n}]")))?;
        let id = calls.call(at, Some(&call.id), name);
        entries.push(Entry::Call { id, name, arguments });
    }
    if let Some(function) = &message.function_call {
        let id = calls.call(at, None, &function.name);
        let arguments = Cow::Borrowed(&*function.arguments);
        entries.push(Entry::Call { id, name: &function.name, arguments });
    }
    Ok(())
}

/// What a call calls, by its name, with the arguments that go up. The call stands at `path`.
fn called_in<'a>(
    call: &'a ToolCall<'a>,
    customs: &Customs,
    path: impl Fn() -> String,
) -> Result<(&'a str, Cow<'a, str>), ApiError> {
    let missing = |name: &str, text: &'static str| Err(ApiError::invalid(format!("{}.{name}", path()), text));
    match (call.r#type.as_deref(), &call.function, &call.custom) {
        (None | Some("function"), Some(function), _) => {
            Ok((&function.name, customs.sent(&function.name, &function.arguments)))
        }
        (None | Some("custom"), _, Some(custom)) => {
            Ok((&custom.name, Cow::Owned(custom::arguments(&custom.input))))
        }
        (Some("custom"), _, None) => {
            missing("custom", "A call of a custom tool needs `custom` with a name and an input.")
        }
        (None | Some("function"), None, _) => {
            missing("function", "A call needs `function` with a name and arguments.")
        }
        (Some(_), _, _) => {
            let text = "Only calls of the types `function` and `custom` are supported here.";
            Err(ApiError::new(Kind::UnsupportedValue, text).with_param(format!("{}.type", path())))
        }
    }
}

/// The result of a call.
fn output<'a>(
    at: usize,
    message: &'a Message<'a>,
    calls: &mut Calls<'a>,
    entries: &mut Vec<Entry<'a>>,
) -> Result<(), ApiError> {
    let needs = |name: &str, text: &'static str| ApiError::invalid(format!("messages[{at}].{name}"), text);
    let key = match message.role {
        Role::Function => Key::Name(message.name.as_deref().ok_or_else(|| {
            needs("name", "A message of the role `function` needs `name`: the function that it answers for.")
        })?),
        Role::Tool | Role::System | Role::Developer | Role::User | Role::Assistant => {
            Key::Id(message.tool_call_id.as_deref().ok_or_else(|| {
                needs(
                    "tool_call_id",
                    "A message of the role `tool` needs `tool_call_id`: the call that it answers.",
                )
            })?)
        }
    };
    let said = match &message.content {
        // A function that gives nothing has an empty result.
        None => Said::Text(""),
        Some(Content::Parts(parts)) if parts.is_empty() => Said::Text(""),
        Some(content) => content.into(),
    };
    let id = match calls.answer(key) {
        Some(id) => id,
        None => {
            calls.repairs.insert(Repair::OrphanToolOutput);
            let (client, name) = match key {
                Key::Name(name) => (None, Some(name)),
                Key::Id(id) => (Some(id), calls.names.get(id).copied().or(message.name.as_deref())),
            };
            let name = name.filter(|name| !name.is_empty()).unwrap_or(UNKNOWN);
            let id = calls.fresh(client);
            entries.push(Entry::Call { id: id.clone(), name, arguments: Cow::Borrowed("{}") });
            id
        }
    };
    entries.push(Entry::Output { id, said });
    Ok(())
}

#[cfg(test)]
mod tests;
