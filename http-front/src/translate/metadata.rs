//! `codex_metadata`: what we tell of an answer that OpenAI has no place for. Pure.

use super::mode::Profile;
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
}

fn name<S: serde::Serializer>(profile: &Profile, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(profile.as_str())
}
