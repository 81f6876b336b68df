//! The parameters that have no effect, and how that is told. Pure.

use crate::error::{ApiError, Kind};

/// Everything that can be ignored, by the name that headers, logs and metrics have: a closed set. `detail` is that of an
/// image, `name` that of a message.
pub const IGNORED: &[&str] = &[
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "logit_bias",
    "prediction",
    "store",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "safety_identifier",
    "truncation",
    "max_tool_calls",
    "verbosity",
    "service_tier",
    "reasoning_summary",
    "best_of",
    "detail",
    "name",
];

/// What of a request is ignored, each name once.
#[derive(Debug, Default)]
pub(in super::super) struct Ignored {
    names: Vec<&'static str>,
    /// Where the first one stands.
    first: Option<String>,
}

impl Ignored {
    /// A parameter of the request.
    pub(in super::super) fn add(&mut self, name: &'static str) {
        self.add_at(name, || name.to_owned());
    }

    /// One that stands deeper in it.
    pub(in super::super) fn add_at(&mut self, name: &'static str, path: impl FnOnce() -> String) {
        debug_assert!(IGNORED.contains(&name), "{name} is not in the closed set");
        if !self.names.contains(&name) {
            self.names.push(name);
        }
        self.first.get_or_insert_with(path);
    }

    /// The names.
    ///
    /// # Errors
    /// `unsupported_parameter` with the first one's place, where the operator has nothing ignored (`strict`).
    pub(in super::super) fn into_names(self, strict: bool) -> Result<Vec<&'static str>, ApiError> {
        match self.first {
            Some(path) if strict => {
                let message = format!(
                    "`{path}` has no effect here. Leave it out, or ask the operator to turn PROXY_STRICT_PARAMS off."
                );
                Err(ApiError::new(Kind::UnsupportedParameter, message).with_param(path))
            }
            Some(_) | None => Ok(self.names),
        }
    }
}
