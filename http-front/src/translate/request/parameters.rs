//! The parameters of a request that have no part of their own. Pure.
//!
//! Owns what becomes of each: it is carried, it is ignored and named ([`Ignored`]), or it is refused, because the answer
//! would be another one than was asked for. It promises that a wrong type or value is refused with its path, whatever
//! becomes of right ones, and that a value which asks for what is done anyway is neither refused nor named.

mod bounds;
mod check;
mod habits;
mod ignored;
mod thinking;

use crate::{
    error::{ApiError, Kind},
    openai::chat::ChatRequest,
};
pub(super) use bounds::{choices, limits};
pub(super) use check::whole;
pub use ignored::IGNORED;
pub(super) use ignored::Ignored;
use serde_json::Value;
pub(super) use thinking::{effort, summary};

/// OpenAI's bounds for `metadata`: entries, characters of a key, characters of a value.
const METADATA: (usize, usize, usize) = (16, 64, 512);
/// The longest `user`, in characters.
const USER: usize = 512;
/// The most of `top_logprobs`.
const TOP_LOGPROBS: i64 = 20;

/// Refuses what can't be had, and names what has no effect.
pub(super) fn check(request: &ChatRequest<'_>, ignored: &mut Ignored) -> Result<(), ApiError> {
    if request.stream_options.is_some() && request.stream != Some(true) {
        return Err(ApiError::invalid(
            "stream_options",
            "`stream_options` is only allowed when `stream` is true.",
        ));
    }
    notes(request)?;
    impossible(request)?;
    habits::habits(request, ignored)
}

/// How much the model is to write. `supported` is whether it can be asked for that, where it is known: codex leaves a
/// verbosity out for a model that can't.
pub(super) fn verbosity(
    request: &ChatRequest<'_>,
    supported: Option<bool>,
    ignored: &mut Ignored,
) -> Result<Option<&'static str>, ApiError> {
    const NAME: &str = "verbosity";
    let asked = check::word(NAME, request.verbosity.as_ref(), &["low", "medium", "high"])?;
    if asked.is_some() && supported == Some(false) {
        ignored.add(NAME);
        return Ok(None);
    }
    Ok(asked)
}

/// How soon the upstream is to serve the request; `None` is as usual. `offered` is what the model offers, where it is
/// known: codex leaves `priority` out for a model that doesn't, and hands `flex` on for any.
pub(super) fn service_tier(
    request: &ChatRequest<'_>,
    offered: Option<&[String]>,
    ignored: &mut Ignored,
) -> Result<Option<&'static str>, ApiError> {
    const NAME: &str = "service_tier";
    const PRIORITY: &str = "priority";
    let words = &["auto", "default", "flex", PRIORITY, "fast", "scale"];
    Ok(match check::word(NAME, request.service_tier.as_ref(), words)? {
        // Two names for one thing; OpenAI's answers have the first.
        Some(PRIORITY | "fast") if offered.is_none_or(|tiers| tiers.iter().any(|tier| tier == PRIORITY)) => {
            Some(PRIORITY)
        }
        Some("flex") => Some("flex"),
        Some(PRIORITY | "fast" | "scale") => {
            ignored.add(NAME);
            None
        }
        Some(_) | None => None,
    })
}

/// What can't be had and can't be left out without a word.
fn impossible(request: &ChatRequest<'_>) -> Result<(), ApiError> {
    let logprobs = check::boolean("logprobs", request.logprobs.as_ref())?;
    let top = check::integer("top_logprobs", request.top_logprobs.as_ref(), 0..=TOP_LOGPROBS)?;
    let modalities = request.modalities.as_ref().map(sounds).transpose()?;
    for (name, asked) in [
        ("logprobs", logprobs == Some(true)),
        ("top_logprobs", top.is_some_and(|top| top > 0)),
        ("modalities", modalities == Some(true)),
        ("audio", request.audio.is_some()),
        ("web_search_options", request.web_search_options.is_some()),
        ("moderation", request.moderation.is_some()),
    ] {
        if asked {
            let message = format!("`{name}` with this value is not supported here; leave it out.");
            return Err(ApiError::new(Kind::UnsupportedParameter, message).with_param(name));
        }
    }
    Ok(())
}

/// Whether the answer is to be more than text.
fn sounds(modalities: &Value) -> Result<bool, ApiError> {
    const NAME: &str = "modalities";
    let Some(list) = modalities.as_array() else {
        return Err(ApiError::invalid(NAME, "`modalities` must be an array of `text` and `audio`."));
    };
    let mut sounds = false;
    for (at, word) in list.iter().enumerate() {
        sounds |= check::word(&format!("{NAME}[{at}]"), Some(word), &["text", "audio"])? == Some("audio");
    }
    Ok(sounds)
}

/// What is checked and not carried.
fn notes(request: &ChatRequest<'_>) -> Result<(), ApiError> {
    let (entries, key, value) = METADATA;
    if let Some(metadata) = &request.metadata {
        if metadata.len() > entries {
            return Err(ApiError::invalid("metadata", format!("`metadata` may have {entries} entries.")));
        }
        for (name, text) in metadata {
            if name.chars().count() > key || text.chars().count() > value {
                let message = format!("A key of `metadata` may have {key} characters, a value {value}.");
                return Err(ApiError::invalid("metadata", message));
            }
        }
    }
    if request.user.as_ref().is_some_and(|u| u.chars().count() > USER) {
        return Err(ApiError::invalid("user", format!("`user` may have {USER} characters.")));
    }
    Ok(())
}
