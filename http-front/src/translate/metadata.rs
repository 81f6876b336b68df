//! `codex_metadata`: what we tell of an answer that OpenAI has no place for. Pure.

use super::{mode::Profile, work::CommandDone};
use crate::openai::usage::Tokens;
use serde::Serialize;

/// When the usage of an answer became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// With the end of its turns, which told what they used.
    TaskComplete,
    /// Not at all: a turn ended before it told.
    TokenCount,
    /// The client didn't ask for it.
    Provider,
}

impl Trigger {
    /// When `usage` became known, if it did, of an answer whose client is told it (`asked`) or not.
    pub fn of(asked: bool, usage: Option<Tokens>) -> Self {
        match usage {
            _ if !asked => Self::Provider,
            Some(_) => Self::TaskComplete,
            None => Self::TokenCount,
        }
    }
}

/// The member itself.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    /// When the usage became known.
    pub emission_trigger: Trigger,
    /// The request, as `x-request-id` has it.
    pub request_id: &'a str,
    /// The threads that answered it, in the order in which they ended.
    pub thread_ids: Vec<&'a str>,
    /// What they ran as.
    #[serde(serialize_with = "name")]
    pub profile: Profile,
    /// What agents did, in the order in which it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<Command<'a>>>,
}

/// A piece of an agent's work: never its arguments.
#[derive(Debug, Serialize)]
pub struct Command<'a> {
    /// What was done: `command`, `file_change`, ….
    pub kind: &'static str,
    /// The program, or the kind once more.
    pub name: &'a str,
    /// The exit code of a command; `null` where there is none.
    pub exit_code: Option<i32>,
    /// Whether it did what it should; `null` where it was stopped with the answer.
    pub ok: Option<bool>,
    /// How long it took, in milliseconds; `null` where codex didn't tell.
    pub duration_ms: Option<u64>,
}

impl<'a> From<&'a CommandDone> for Command<'a> {
    fn from(CommandDone { kind, name, ended }: &'a CommandDone) -> Self {
        Self {
            kind: kind.as_str(),
            name,
            exit_code: ended.and_then(|ended| ended.exit_code),
            ok: ended.map(|ended| ended.ok),
            duration_ms: ended.and_then(|ended| ended.duration_ms),
        }
    }
}

fn name<S: serde::Serializer>(profile: &Profile, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(profile.as_str())
}
