//! The card of a name: what `/v1/models` tells of it. Pure.

use super::{Alias, Served};
use crate::{
    error::ApiError,
    openai::models::{Architecture, CodexInfo, ModelCard, ModelInfo, TopProvider},
};

/// Who owns the child's models, and who the names that are none.
const OWNERS: (&str, &str) = ("openai", "codex-gateway");
/// The parameters that have an effect for every model, of those for which OpenRouter has a word.
const PARAMETERS: [&str; 9] = [
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "structured_outputs",
    "stop",
    "max_tokens",
    "max_completion_tokens",
    "n",
];
/// Those that have an effect for models with efforts.
const EFFORT: [&str; 2] = ["reasoning_effort", "reasoning"];
/// The one that has an effect for models that support it.
const VERBOSITY: &str = "verbosity";

/// What an operator wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardSettings {
    /// Whether more is told than OpenAI's four members (`CODEX__ENABLE_DYNAMIC_MODEL_INFO`).
    pub info: bool,
    /// The most tokens of an answer, where the catalog doesn't say (`CODEX__MAX_OUTPUT_TOKENS_FALLBACK`).
    pub max_output: u64,
}

/// The card of a name, listed or with an effort behind it.
///
/// # Errors
/// `model_not_found`, as [`Served::resolve`].
pub fn card(
    served: &Served,
    aliases: &[Alias],
    name: &str,
    settings: CardSettings,
) -> Result<ModelCard, ApiError> {
    let resolved = served.resolve(name, aliases)?;
    let own = resolved.model == name && resolved.effort.is_none();
    let info = settings.info.then(|| {
        let known = served.info(&resolved.model);
        let window = known.and_then(|info| info.context_window);
        let output = known.and_then(|info| info.max_output_tokens).unwrap_or(settings.max_output);
        // The operator's number is for any model; a small one can't answer with more than fits into it.
        let output = window.map_or(output, |window| output.min(window));
        let efforts = served.efforts(&resolved.model);
        let mut parameters = PARAMETERS.to_vec();
        if !efforts.is_empty() {
            parameters.extend(EFFORT);
        }
        if known.is_some_and(|info| info.supports_verbosity == Some(true)) {
            parameters.push(VERBOSITY);
        }
        ModelInfo {
            // The model's own name for people would hide that this is another one.
            name: known
                .filter(|_| own)
                .and_then(|info| info.display_name.clone())
                .unwrap_or_else(|| name.to_owned()),
            description: known.and_then(|info| info.description.clone()),
            context_window: window,
            context_length: window,
            max_model_len: window,
            max_output_tokens: output,
            max_completion_tokens: output,
            top_provider: TopProvider { context_length: window, max_completion_tokens: output },
            architecture: Architecture {
                input_modalities: known.map(|info| info.input_modalities.clone()).unwrap_or_default(),
                output_modalities: ["text"],
            },
            supported_parameters: parameters,
            supported_reasoning_efforts: efforts.into_iter().map(str::to_owned).collect(),
            codex: CodexInfo {
                max_context_window: known.and_then(|info| info.max_context_window),
                supports_verbosity: served.supports_verbosity(&resolved.model),
                service_tiers: served.service_tiers(&resolved.model).map(<[String]>::to_vec),
                reasoning_effort: resolved.effort,
                model: resolved.model,
            },
        }
    });
    Ok(ModelCard::new(name, if own { OWNERS.0 } else { OWNERS.1 }, info))
}
