//! What clients of the socket may ask for: which methods, and of these which parameters.
//!
//! Two allow-lists, so that what a later codex adds is closed: methods until an operator opens them
//! (`WORKER_ALLOW_METHODS`), members of their params until [`table`] decides on them. `thread/start` and its like are
//! as strong as a shell: their `config` alone starts programs. So values are held to the operator's [`Profiles`].
//! A method that an operator opens beyond the serving set is open with all its parameters.

pub mod document;
mod list;
mod members;
pub mod profile;
mod rules;
pub mod table;

pub use profile::{Agent, Profiles, Sandbox};

use members::Members;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use shared::{
    control,
    rpc::{ErrorObject, Message, code},
};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// The serving set, as `WORKER_ALLOW_METHODS` defaults to it.
pub const SERVING_SET: &str = "thread/start,thread/fork,thread/resume,thread/read,thread/inject_items,\
thread/unsubscribe,thread/delete,thread/turns/list,thread/items/list,thread/compact/start,turn/start,\
turn/interrupt,turn/steer,model/list,account/read,account/rateLimits/read";

/// What clients may ask for.
#[derive(Debug, Clone)]
pub struct Policy {
    allowed: HashSet<String>,
    profiles: Profiles,
    /// The model catalog as codex has it: the only one that a client may name.
    catalog: Option<PathBuf>,
}

/// A member that is refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    member: String,
    why: String,
}

impl Refusal {
    fn new(member: impl Into<String>, why: impl Into<String>) -> Self {
        Self { member: member.into(), why: why.into() }
    }
}

impl Policy {
    /// A policy that allows exactly these methods, within these profiles.
    pub fn new(methods: impl IntoIterator<Item = String>, profiles: Profiles) -> Self {
        Self { allowed: methods.into_iter().collect(), profiles, catalog: None }
    }

    /// The serving set, for completions alone.
    pub fn serving() -> Self {
        Self::new(SERVING_SET.split(',').map(str::to_owned), Profiles::default())
    }

    /// The same, and agents may name this model catalog.
    #[must_use]
    pub fn with_catalog(self, raw: &Path) -> Self {
        Self { catalog: Some(raw.to_path_buf()), ..self }
    }

    /// What agents may do, as the daemon's status tells it; `None` when clients may have none.
    pub fn agent(&self) -> Option<control::Agent> {
        let (agent, catalog) = (self.profiles.agent.as_ref()?, self.catalog.as_ref()?);
        // JSON has no other paths: a client could not name them.
        let text = |path: &Path| path.to_str().map(str::to_owned);
        Some(control::Agent {
            sandbox: agent.sandbox.as_str().to_owned(),
            workdir: text(&agent.workdir)?,
            catalog: text(catalog)?,
        })
    }

    /// Where agents work, when there may be any.
    pub fn workdir(&self) -> Option<&Path> {
        self.profiles.agent.as_ref().map(|agent| agent.workdir.as_path())
    }

    /// Whether clients may call `method` at all.
    pub fn allows(&self, method: &str) -> bool {
        self.allowed.contains(method)
    }

    /// Whether a client may send the request `line`, which calls `method`.
    ///
    /// Its params are parsed here once more, but for the methods that [`table`] doesn't guard: what can be megabytes
    /// is not read twice.
    ///
    /// # Errors
    /// What it may not, with the name of the method or member.
    pub fn check(&self, method: &str, line: &[u8]) -> Result<(), ErrorObject> {
        if !self.allows(method) {
            return Err(code::forbidden(method));
        }
        let Some(guarded) = table::METHODS.iter().find(|guarded| guarded.name == method) else {
            return Ok(());
        };
        let params = match Message::<Members<'_>, IgnoredAny>::parse(line) {
            Ok(Message::Request { params, .. }) => params.unwrap_or_default(),
            Ok(Message::Notification { .. } | Message::Response { .. } | Message::Error { .. }) | Err(_) => {
                return Err(unread(line));
            }
        };
        let limits = rules::Limits { agent: self.profiles.agent.as_ref(), catalog: self.catalog.as_deref() };
        limits.check(guarded, &params).map_err(|refusal| code::closed_member(&refusal.member, &refusal.why))
    }
}

/// Why the params of `line` can't be read. They are skipped once more, and not kept.
fn unread(line: &[u8]) -> ErrorObject {
    if let Ok(Message::Request { params: Some(params), .. }) = Message::<&RawValue, IgnoredAny>::parse(line)
        && Members::of(params).err() == Some(members::TOO_MANY)
    {
        return code::closed_member("params", members::TOO_MANY);
    }
    code::invalid_params("not an object")
}

#[cfg(test)]
mod tests;
