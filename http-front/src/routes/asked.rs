//! What the headers of a request ask for, beside its body.

use super::dispatch::Call;
use crate::{
    error::ApiError,
    translate::{
        mode::{OutputMode, Profile, Reasoning},
        profile,
    },
};

/// The header that asks for `codex_metadata`.
const METADATA: &str = "x-codex-metadata";
/// The header that says how calls are to be told.
const OUTPUT: &str = "x-proxy-output-mode";

/// What a request asks for; where it says nothing, what the operator has set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Whether `codex_metadata` is told.
    pub(super) metadata: bool,
    /// How calls are told.
    pub(super) output: OutputMode,
    /// When the client reads the reasoning.
    pub(super) reasoning: Reasoning,
    /// What it runs as.
    pub(super) profile: Profile,
}

impl Asked {
    /// Reads the headers.
    ///
    /// # Errors
    /// 400 with the header whose value is none that there is; 403 for a profile that the key has no right to.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, ApiError> {
        let config = &call.app.config;
        let metadata = match word(call, METADATA)? {
            Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(ApiError::invalid(METADATA, "`x-codex-metadata` is `true` or `false`.")),
            None => config.codex_metadata,
        };
        let output = match word(call, OUTPUT)? {
            Some(name) => OutputMode::named(name).ok_or_else(|| {
                let names = OutputMode::NAMES.join("`, `");
                ApiError::invalid(OUTPUT, format!("`{OUTPUT}` is one of `{names}`."))
            })?,
            None => config.output_mode,
        };
        let reasoning = config.reasoning;
        Ok(Self { metadata, output, reasoning, profile: profile::choose(call.headers, config.rights())? })
    }
}

/// The value of a header; an empty one is none.
fn word<'a>(call: &Call<'a>, name: &'static str) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = call.headers.get(name) else { return Ok(None) };
    let value = value.to_str().map_err(|_| ApiError::invalid(name, format!("`{name}` must be a word.")))?;
    Ok(Some(value.trim()).filter(|value| !value.is_empty()))
}
